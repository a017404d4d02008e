"""Reads a thread from its checkpoints.

LangGraph lists an interrupt as pending until its task has finished: also when the task's node raised after it had
consumed the answer, and then the answer sent again would go to the node's next question. A task numbers its interrupts
by the answers it has, and the number is in the interrupt's id: so the count of stored answers separates the two.

To read a state LangGraph prepares the tasks that come next, which runs the graph's own code: the validators of its
schemas. Where they refuse the state, as after a deploy with a narrower schema, nothing runs any more, neither by an
answer nor by new input. All that is known of such a thread is its checkpoint and its marks (`Thread.unreadable`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from langgraph.types import StateSnapshot

from adapters.langgraph.config_keys import BREAKPOINTS, INTERRUPT, RETURN, is_interrupt_id
from adapters.langgraph.dialects.to_json import to_json
from adapters.langgraph.errors import StateRefusedError
from adapters.langgraph.fingerprint import SEPARATOR
from adapters.langgraph.guards import approved_calls, decided, kept_calls, recipients
from adapters.langgraph.in_process.threads.called_graphs import (
    answer_state_below,
    answers_by_interrupt,
    answers_by_task,
    called_answers,
    given_states,
    interrupt_ids,
    state_by_number,
)
from adapters.langgraph.in_process.threads.read_once import ReadOnce
from adapters.langgraph.in_process.threads.thread import AnswerState, Level, Pending, Thread


async def state_of(graph: Any, config: Mapping[str, Any], *, nested: bool = False) -> Any:
    """Read a state. Raises StateRefusedError from what the graph's own code, or the saver, raised."""
    try:
        return await graph.aget_state(config, subgraphs=nested)
    except Exception as error:
        raise StateRefusedError from error


async def read(graph: Any, once: ReadOnce, config: Mapping[str, Any], *, nested: bool, count: bool) -> Thread:
    """Read a thread. `nested`: the graph has subgraphs. `count`: count stored answers even where nothing failed.

    Raises StateRefusedError.
    """
    snapshot = await state_of(graph, once.lent_to(config), nested=nested)
    writes = await once.writes_of(snapshot.config) if snapshot.tasks else ()
    count = count or any(task.error is not None for task in snapshot.tasks)
    levels = [await _with_answers(level, once) if count else level for level in _levels(snapshot, "", "")]
    decisions = decided.latest(writes)
    notes = recipients.of_step(writes) if count else ()
    given = await given_states(once.saver, config["configurable"]["thread_id"], notes)
    listed = [_as_given(each, given) for each in _pending(snapshot, levels)]
    below = [await _with_state_below(each, once.saver, config, count=count) for each in listed]
    return Thread(
        snapshot,
        tuple(_compared(each, decisions.get(each.interrupt.id)) for each in below),
        tuple(levels),
        decided=decisions,
        approved_here=approved_calls.of_step(writes),
        taken_within=await _taken_within(levels, decisions, once.saver, config) if count else frozenset(),
        kept=kept_calls.of_step(writes),
        given=given,
        again=once.again,
    )


def may_wait(stored: Any) -> bool:
    """Tell from a thread's last checkpoint alone whether it may ask people something; only its graph knows for sure."""
    asked = any(channel == INTERRUPT for _, channel, _ in stored.pending_writes or ())
    return asked or BREAKPOINTS in stored.metadata


async def read_refused(saver: Any, config: Mapping[str, Any], error: Exception) -> Thread | None:
    """Read a thread whose state its graph refuses; None where there is none."""
    stored = await saver.aget_tuple(config)
    if stored is None:
        return None
    snapshot = snapshot_of(stored)
    return Thread(snapshot, (), (Level(snapshot, "", ""),), unreadable=error)


def snapshot_of(stored: Any) -> StateSnapshot:
    """Show a checkpoint as it is stored, without its values and the tasks that come next."""
    return StateSnapshot(
        values={},
        next=(),
        config=stored.config,
        metadata=stored.metadata,
        created_at=stored.checkpoint["ts"],
        parent_config=stored.parent_config,
        tasks=(),
        interrupts=(),
    )


def _levels(snapshot: Any, path: str, task: str) -> Iterator[Level]:
    yield Level(snapshot, path, task)
    for each in snapshot.tasks:
        if hasattr(each.state, "tasks"):
            yield from _levels(each.state, f"{path}{each.name}{SEPARATOR}", task or each.id)


async def _with_answers(level: Level, once: ReadOnce) -> Level:
    writes = await once.writes_of(level.snapshot.config)
    listed = {task.id for task in level.snapshot.tasks}
    done = {task for task, channel, _ in writes if channel == RETURN} - listed
    calls = {task: interrupt_ids(value) for task, channel, value in writes if channel == INTERRUPT and task in done}
    asking = [(task, value) for task, channel, value in writes if channel == INTERRUPT and task not in listed | done]
    askers = {interrupt: task for task, value in asking for interrupt in interrupt_ids(value)}
    called = answers_by_interrupt(writes, but=listed)
    calls = dict.fromkeys(done, ()) | calls
    return replace(level, answers=answers_by_task(writes), calls=calls, askers=askers, called=called)


def _pending(root: Any, levels: Sequence[Level]) -> Iterator[Pending]:
    """Every interrupt that the root lists, with the deepest task that asked it, in the order of the tasks.

    LangGraph lists one twice where a node calls a workflow whose task asks: for the task, and for the workflow.
    """
    for task in root.tasks:
        below = [level for level in levels if level.task == task.id]
        for interrupt in {each.id: each for each in task.interrupts}.values():
            if is_interrupt_id(interrupt.id):
                yield _with_asker(interrupt, task, levels[0], below)


def _with_asker(interrupt: Any, root_task: Any, root: Level, below: Sequence[Level]) -> Pending:
    for level in (*reversed(below), root):
        for task in level.snapshot.tasks:
            if any(each.id == interrupt.id for each in task.interrupts) and (level.path or task.id == root_task.id):
                state, answers = _answer_state(interrupt.id, level, task)
                namespace = level.namespace(task)
                path, payload, called = f"{level.path}{task.name}", to_json(interrupt.value), level.called
                return Pending(
                    interrupt, payload, path, root_task.id, state, answers, namespace, called.get(interrupt.id, {})
                )
    raise AssertionError(f"{interrupt.id} belongs to no task")


def _answer_state(interrupt: str, level: Level, task: Any) -> tuple[AnswerState, int]:
    if level.answers is None:
        return AnswerState.WAITS, 0
    answers = level.answers.get(task.id, 0)
    own = state_by_number(interrupt, level.namespace(task), answers)
    if own is not None:
        return own, answers
    # The answers of a graph that the node calls are not known here, so there may have been one.
    asker = level.askers.get(interrupt)
    known = answers + level.answers.get(asker, 0) if asker else max(answers, 1)
    return AnswerState.UNKNOWN, known


def _as_given(pending: Pending, given: Mapping[str, AnswerState]) -> Pending:
    state = given.get(pending.interrupt.id, pending.state)
    return replace(pending, state=state) if pending.state is AnswerState.UNKNOWN else pending


async def _with_state_below(pending: Pending, saver: Any, config: Mapping[str, Any], *, count: bool) -> Pending:
    if not count or pending.is_own:
        return pending
    place = saver, config["configurable"]["thread_id"], pending.namespace, pending.interrupt.id
    if not pending.called:
        pending = replace(pending, called=await called_answers(*place))
    return replace(pending, state=await answer_state_below(*place)) if pending.state is AnswerState.UNKNOWN else pending


def _compared(pending: Pending, decision: decided.Decided | None) -> Pending:
    """Tell by a question's decision, which is kept before it is sent, whether a task within took the answer."""
    if pending.state is not AnswerState.UNKNOWN:
        return pending
    if decision is None:
        return replace(pending, state=AnswerState.WAITS)
    if not decision.askers:
        return pending
    # Where none of the tasks waits with it any more, their graph has gone on behind the question.
    taken = not pending.called or decision.was_taken(pending.called)
    return replace(pending, state=AnswerState.TAKEN if taken else AnswerState.WAITS)


async def _taken_within(
    levels: Sequence[Level], decisions: Mapping[str, decided.Decided], saver: Any, config: Mapping[str, Any]
) -> frozenset[str]:
    """The interrupts of tasks that a node calls whose answers are stored: LangGraph lists only what they ask now."""
    asked = [each for each in decisions.values() if each.askers]
    if not asked:
        return frozenset()
    thread, answers = config["configurable"]["thread_id"], dict[str, int]()
    for level in levels:
        answers |= level.answers or {}
        for task in level.snapshot.tasks:
            answers |= await called_answers(saver, thread, level.namespace(task))
    return frozenset(each.interrupt for each in asked if each.was_taken(answers))
