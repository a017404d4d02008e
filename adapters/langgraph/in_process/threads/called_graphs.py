"""Graphs that a node calls by itself, which no snapshot of the thread lists.

Their checkpoints are found by namespace: `NODE:TASK_ID` for the first graph of a task, then `NODE:TASK_ID|1` and so on.
Those of a graph that a `@task` calls are not, since its name is not stored: see `adapters.langgraph.guards.recipients`.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from adapters.langgraph.config_keys import INTERRUPT, RESUME, interrupt_id
from adapters.langgraph.guards.recipients import Recipient
from adapters.langgraph.in_process.threads.thread import AnswerState

_TO = "branch:to:"
"""The prefix of the channels that trigger a node."""

Writes = Sequence[tuple[str, str, Any]]
"""A checkpoint's pending writes: task, channel, value."""


async def given_states(saver: Any, thread: str, given: Sequence[Recipient]) -> Mapping[str, AnswerState]:
    """The states of answers that were given to tasks of called graphs, by interrupt: never `UNKNOWN`."""
    states = await asyncio.gather(*(_given_state(saver, thread, each) for each in given))
    return {each.interrupt: state for each, state in zip(given, states, strict=True) if state is not None}


async def _given_state(saver: Any, thread: str, given: Recipient) -> AnswerState | None:
    """The state of an answer, by the answers that its task has; None if nothing of its graph is stored any more."""
    at = {"thread_id": thread, "checkpoint_ns": given.graph}
    stored = await saver.aget_tuple({"configurable": {**at, "checkpoint_id": given.checkpoint}})
    if stored is not None:
        answers = answers_by_task(stored.pending_writes or ()).get(given.task, 0)
        return state_by_number(given.interrupt, given.namespace, answers) or AnswerState.WAITS
    # That checkpoint was deleted, which is never the last one: the graph has gone on behind the task.
    return AnswerState.TAKEN if await saver.aget_tuple({"configurable": at}) is not None else None


async def answer_state_below(saver: Any, thread: str, namespace: str, interrupt: str) -> AnswerState:
    """Look up in the checkpoints of the called graphs whether a question waits."""
    async for here, stored in _graphs_of(saver, thread, namespace):
        for below, answers in _askers(stored, here, interrupt):
            state = state_by_number(interrupt, below, answers)
            state = state or await answer_state_below(saver, thread, below, interrupt)
            if state is not AnswerState.UNKNOWN:
                return state
    return AnswerState.UNKNOWN


async def called_answers(saver: Any, thread: str, namespace: str, interrupt: str = "") -> Mapping[str, int]:
    """Count the answers of each task in called graphs through which an interrupt was asked, by default any."""
    found: dict[str, int] = {}
    async for here, stored in _graphs_of(saver, thread, namespace):
        answers = answers_by_task(stored.pending_writes or ())
        found |= {task: answers.get(task, 0) for task in _asking_tasks(stored, interrupt)}
        found |= {} if interrupt else answers
        for below, _ in _askers(stored, here, interrupt):
            found |= await called_answers(saver, thread, below, interrupt)
    return found


async def asking_states(
    saver: Any, thread: str, namespace: str, interrupt: str
) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
    """The called graphs through which an interrupt was asked: namespace and state, the deepest first."""
    async for here, stored in _graphs_of(saver, thread, namespace):
        for below, _ in _askers(stored, here, interrupt):
            async for found in asking_states(saver, thread, below, interrupt):
                yield found
        writes: Writes = stored.pending_writes or ()
        if any(channel == INTERRUPT and interrupt in interrupt_ids(value) for _, channel, value in writes):
            yield here, stored.checkpoint["channel_values"]


async def _graphs_of(saver: Any, thread: str, namespace: str) -> AsyncIterator[tuple[str, Any]]:
    """The last checkpoints of the graphs that a task calls, one after another."""
    for number in count():
        here = f"{namespace}|{number}" if number else namespace  # a task's second graph is numbered 1
        stored = await saver.aget_tuple({"configurable": {"thread_id": thread, "checkpoint_ns": here}})
        if stored is None:
            return
        yield here, stored


def _askers(stored: Any, namespace: str, interrupt: str) -> Iterator[tuple[str, int]]:
    """The namespaces that the task with this interrupt may have, and the answers that are stored for it."""
    answers = answers_by_task(stored.pending_writes or ())
    names = [channel.removeprefix(_TO) for channel in stored.checkpoint["channel_values"] if channel.startswith(_TO)]
    for task in _asking_tasks(stored, interrupt):
        yield from ((f"{namespace}|{name}:{task}", answers.get(task, 0)) for name in names)


def _asking_tasks(stored: Any, interrupt: str) -> Sequence[str]:
    """The tasks of a called graph through which an interrupt was asked, "" for any."""
    asked = [
        (task, interrupt_ids(value)) for task, channel, value in stored.pending_writes or () if channel == INTERRUPT
    ]
    return [task for task, ids in asked if not interrupt or interrupt in ids]


def state_by_number(interrupt: str, namespace: str, answers: int) -> AnswerState | None:
    """Tell an interrupt's state by its number, which is the number of the task's answers; None for another task's."""
    if interrupt == interrupt_id(namespace, answers):
        return AnswerState.WAITS
    taken = any(interrupt == interrupt_id(namespace, number) for number in range(answers))
    return AnswerState.TAKEN if taken else None


def answers_by_task(writes: Writes) -> dict[str, int]:
    """Count the answers that are stored for each task."""
    return {task: len(value) if isinstance(value, list) else 1 for task, channel, value in writes if channel == RESUME}


def answers_by_interrupt(writes: Writes, but: Collection[str] = ()) -> dict[str, dict[str, int]]:
    """Count, for each interrupt, the answers that are stored for each task that had it, except those in `but`."""
    answers, found = answers_by_task(writes), dict[str, dict[str, int]]()
    for task, channel, value in writes:
        for each in interrupt_ids(value) if channel == INTERRUPT and task not in but else ():
            found.setdefault(each, {})[task] = answers.get(task, 0)
    return found


def interrupt_ids(interrupts: Any) -> Sequence[str]:
    """The ids in a write of interrupts, which is one or a list."""
    return [each.id for each in (interrupts if isinstance(interrupts, list | tuple) else [interrupts])]
