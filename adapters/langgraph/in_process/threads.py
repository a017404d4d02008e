"""What a thread's checkpoints say: which questions wait, which are answered, what died and what failed.

LangGraph lists an interrupt as pending until its task has finished: also when the task's node raised after it had
consumed the answer, and then the answer sent again would go to the node's next question. A task numbers its interrupts
by the answers it has, and the number is in the interrupt's id: so the count of stored answers tells the two apart.

To read a state LangGraph prepares the tasks that come next, which runs the graph's own code: the validators of its
schemas. Where they refuse the state, as after a deploy with a narrower schema, nothing runs any more, neither by an
answer nor by new input. What is known of such a thread is its checkpoint and its marks (`Thread.unreadable`).
"""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import lru_cache
from itertools import count as counting
from typing import TYPE_CHECKING, Any

from langgraph.types import StateSnapshot

from adapters.langgraph.config_keys import ANSWERED, APPROVED, CODE, HALTED, MOVED, interrupt_id, is_interrupt_id
from adapters.langgraph.dialects.gated import is_gated
from adapters.langgraph.dialects.to_json import plain
from adapters.langgraph.fingerprint import SEPARATOR
from adapters.langgraph.guards import approved
from adapters.langgraph.guards.decided import MOST, Decided, latest
from adapters.langgraph.guards.drift import short_mark
from adapters.langgraph.guards.kept_calls import Kept, of_step

if TYPE_CHECKING:
    from adapters.langgraph.in_process.breakpoints import Stand

_RESUME, _INTERRUPT, _RETURN = "__resume__", "__interrupt__", "__return__"
"""Channels of the writes that LangGraph stores for a task."""
_TO = "branch:to:"
"""What the channels that trigger a node begin with."""


class Standing(Enum):
    """What became of an interrupt that LangGraph lists as pending."""

    WAITS = auto()
    CONSUMED = auto()
    """The node has the answer and raised after it took it: it is run again, never answered again."""
    UNKNOWN = auto()
    """Asked inside a graph or task that a node calls by itself, of which too little is stored: run it again to tell."""


@dataclass(frozen=True, slots=True)
class Pending:
    """An interrupt, and where it was asked. `path` names the node, below subgraphs too; `answers` the task has."""

    interrupt: Any
    path: str
    task: str
    """The id of the task at the root that it holds up."""
    standing: Standing
    answers: int
    namespace: str = ""
    """Of the task that is known to ask it; a graph that the task calls has its checkpoints there."""

    @property
    def speaker(self) -> str:
        """The subgraph that asks, where one does: an agent is usually one."""
        outer, below, _ = self.path.partition(SEPARATOR)
        return outer if below else ""


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread as one read found it."""

    snapshot: Any
    pending: tuple[Pending, ...]
    levels: tuple["Level", ...] = field(repr=False)
    stand: "Stand | None" = None
    """The breakpoints that it waits at."""
    unreadable: Exception | None = None
    """What the graph's own code raised when its state was read."""
    decided: Mapping[str, Decided] = field(default_factory=dict)
    """What the answered interrupts of the step were decided on."""
    approved_here: Sequence[approved.Approved] = ()
    """The tool calls that were decided in the step."""
    kept: Mapping[str, Kept] = field(default_factory=dict)
    """What became of the tool calls of the step: see `kept_calls`."""

    @property
    def approved(self) -> Sequence[approved.Approved]:
        """The tool calls that were decided, the last ones last."""
        return [*approved.read(self.mark(APPROVED)), *self.approved_here]

    @property
    def asked_by_gates(self) -> frozenset[str]:
        """The marks of the tools that gates asked about in the step, whether they wait or were answered."""
        waiting = [each.interrupt.value for each in self.pending if is_gated(each.interrupt.value)]
        answered = [each.fields.get("name", "") for each in self.decided.values() if each.is_gated]
        return frozenset([*answered, *(short_mark(each["name"]) for each in waiting)])

    @property
    def exists(self) -> bool:
        """Whether it was ever fed."""
        return self.snapshot.metadata is not None

    @property
    def values(self) -> Any:
        """The state."""
        return self.snapshot.values

    @property
    def checkpoint(self) -> str:
        """The id of the checkpoint that it stands at."""
        return str(self.snapshot.config["configurable"].get("checkpoint_id", ""))

    def mark(self, key: str) -> str:
        """What a run left in the checkpoint's metadata under one of our keys."""
        found = (self.snapshot.metadata or {}).get(key)
        return found if isinstance(found, str) else ""

    @property
    def code(self) -> Mapping[str, str]:
        """The fingerprints of the nodes of the code that wrote the checkpoint, by path."""
        return _codes(self.mark(CODE))

    @property
    def died(self) -> bool:
        """Whether steps are left that nothing waits for: the process was killed or drained there.

        Also where every task of the step is done but the checkpoint after it was not written: LangGraph's `next` is
        empty then, as at the end.
        """
        tasks = self.snapshot.tasks
        if self.stand is not None:
            return False  # whatever else died is run on when the breakpoint is decided: a run would go past it
        if self.mark(HALTED):
            return False  # a limit stopped it: people say whether it goes on
        return any(_died(task) for task in tasks) or (bool(tasks) and all(task.result is not None for task in tasks))

    @property
    def is_over(self) -> bool:
        """Whether the turn has come to its end: nothing is left to run, and nothing waits."""
        return self.exists and not self.snapshot.tasks and self.stand is None and self.unreadable is None

    @property
    def failures(self) -> tuple[str, ...]:
        """What the nodes raised that hold the thread up, as LangGraph stored it."""
        waiting = {each.task for each in self.pending if each.standing is not Standing.CONSUMED}
        return tuple(str(task.error) for task in self.snapshot.tasks if failed(task) and task.id not in waiting)

    @property
    def took_answers(self) -> bool:
        """Whether a task that failed has an answer, which each further run gives it again."""
        answers = self.levels[0].answers or {}
        return any(failed(task) and answers.get(task.id, 0) for task in self.snapshot.tasks)

    @property
    def step_has_finished_tasks(self) -> bool:
        """Whether a sibling in the same step is done, or a tool call: forking the step would make it run again."""
        finished = any(task.result is not None for task in self.snapshot.tasks)
        return finished or bool(self.kept) or any(level.calls for level in self.levels)

    @property
    def alone(self) -> bool:
        """Whether the step is one task."""
        return len(self.snapshot.tasks) == 1 and not self.step_has_finished_tasks

    @property
    def has_nameless(self) -> bool:
        """Whether something interrupts without an id of its own, as the deprecated NodeInterrupt does."""
        return any(not is_interrupt_id(each.id) for task in self.snapshot.tasks for each in task.interrupts)

    def find(self, interrupt: str) -> Pending | None:
        """The pending interrupt of this id."""
        return next((each for each in self.pending if each.interrupt.id == interrupt), None)

    def drifted_from(self, pending: Pending) -> Decided | None:
        """What an interrupt was decided on, where the graph has changed its request since."""
        decided = self.decided.get(pending.interrupt.id)
        if decided is None or pending.standing is not Standing.WAITS:
            return None
        return decided if decided.changed(plain(pending.interrupt.value).value) else None

    def drifts_on(self, pending: Pending) -> bool:
        """Whether the graph changes a request each time that it is decided, and people are asked no more."""
        decided = self.drifted_from(pending)
        return decided is not None and decided.number % MOST == 0

    def was_answered(self, interrupt: str) -> bool:
        """Whether the graph has an answer to an interrupt that it does not list any more."""
        return any(interrupt in level.answered for level in self.levels)


@lru_cache(maxsize=64)
def _codes(mark: str) -> Mapping[str, str]:
    """The reading of `Agent.mark`; empty for a checkpoint that was not written by us."""
    try:
        found = json.loads(mark)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _died(task: Any) -> bool:
    return task.result is None and not task.interrupts and (task.error is None or _was_cancelled(task))


def failed(task: Any) -> bool:
    """Whether a node raised: it was not only cancelled because a sibling did."""
    return task.result is None and task.error is not None and not _was_cancelled(task)


def _was_cancelled(task: Any) -> bool:
    """A task is cancelled when a sibling raises or the process stops; an exception is stored by its `repr`."""
    return "CancelledError" in (type(task.error).__name__, str(task.error).partition("(")[0])


@dataclass(frozen=True, slots=True)
class Level:
    """One graph of a thread, the root or a subgraph.

    `answers` counts the stored answers of each task, once counted. `calls` are tasks that a node has called and that
    are done (`@task` of the functional API), with the interrupts that they had: the snapshot does not list them.
    `askers` are those that are not done, by the interrupt that they wait for.
    """

    snapshot: Any
    path: str
    task: str
    answers: Mapping[str, int] | None = None
    calls: Mapping[str, Sequence[str]] = field(default_factory=dict)
    askers: Mapping[str, str] = field(default_factory=dict)

    @property
    def moved(self) -> str:
        """The halt that an update decided which wrote this checkpoint."""
        mark = (self.snapshot.metadata or {}).get(MOVED)
        return mark if isinstance(mark, str) else ""

    @property
    def answered(self) -> frozenset[str]:
        """The ids of interrupts whose answers are stored, as far as the metadata and the step tell."""
        marked = (self.snapshot.metadata or {}).get(ANSWERED)
        ids = set(marked.split()) if isinstance(marked, str) else set()
        ids.update(*self.calls.values())
        for task in self.snapshot.tasks:
            ids.update(
                interrupt_id(self.namespace(task), number) for number in range((self.answers or {}).get(task.id, 0))
            )
        return frozenset(ids)

    @property
    def keeps_memory(self) -> bool:
        """Whether it is a subgraph whose state lives on in the next turn: no task is in its namespace then."""
        return ":" not in self.graph.rpartition("|")[2]

    @property
    def graph(self) -> str:
        """The namespace of its checkpoints, "" at the root."""
        return str(self.snapshot.config["configurable"].get("checkpoint_ns", ""))

    def namespace(self, task: Any) -> str:
        """What LangGraph derives the ids of a task's interrupts from."""
        return f"{self.graph}|{task.name}:{task.id}" if self.graph else f"{task.name}:{task.id}"


def checkpoint_of(level: Level) -> str:
    """The id of the checkpoint that a level stands at."""
    return str(level.snapshot.config["configurable"].get("checkpoint_id", ""))


class StateRefusedError(Exception):
    """Raised from what a graph's own code, or the saver, raised when a state was read."""


async def state_of(graph: Any, config: Mapping[str, Any], *, nested: bool = False) -> Any:
    """A state. Raises StateRefusedError."""
    try:
        return await graph.aget_state(config, subgraphs=nested)
    except Exception as error:
        raise StateRefusedError from error


async def unread(saver: Any, config: Mapping[str, Any], error: Exception) -> Thread | None:
    """A thread whose state its graph refuses; None where there is none."""
    stored = await saver.aget_tuple(config)
    return (
        None
        if stored is None
        else Thread(snapshot := snapshot_of(stored), (), (Level(snapshot, "", ""),), unreadable=error)
    )


def snapshot_of(stored: Any) -> StateSnapshot:
    """A checkpoint as it is stored, without the tasks that come next."""
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


async def read(graph: Any, saver: Any, config: Mapping[str, Any], *, nested: bool, count: bool) -> Thread:
    """Read a thread. `nested`: the graph has subgraphs. `count`: count stored answers even where nothing failed.

    Raises StateRefusedError.
    """
    snapshot = await state_of(graph, config, nested=nested)
    stored = await saver.aget_tuple(snapshot.config) if snapshot.tasks else None
    writes = (stored.pending_writes or ()) if stored else ()
    count = count or any(task.error is not None for task in snapshot.tasks)
    levels = [await _counted(level, saver) if count else level for level in _levels(snapshot, "", "")]
    pending = [await _looked_up(each, saver, config) for each in _pending(snapshot, levels)]
    decided, calls, kept = latest(writes), approved.of_step(writes), of_step(writes)
    return Thread(snapshot, tuple(pending), tuple(levels), decided=decided, approved_here=calls, kept=kept)


def _levels(snapshot: Any, path: str, task: str) -> Iterator[Level]:
    yield Level(snapshot, path, task)
    for each in snapshot.tasks:
        if hasattr(each.state, "tasks"):
            yield from _levels(each.state, f"{path}{each.name}{SEPARATOR}", task or each.id)


async def _counted(level: Level, saver: Any) -> Level:
    stored = await saver.aget_tuple(level.snapshot.config)
    writes = [*(stored.pending_writes or ())] if stored else []
    answers = _answers(writes)
    listed = {task.id for task in level.snapshot.tasks}
    done = {task for task, channel, _ in writes if channel == _RETURN} - listed
    calls = {task: _ids(value) for task, channel, value in writes if channel == _INTERRUPT and task in done}
    asking = [(task, value) for task, channel, value in writes if channel == _INTERRUPT and task not in listed | done]
    askers = {interrupt: task for task, value in asking for interrupt in _ids(value)}
    return replace(level, answers=answers, calls=dict.fromkeys(done, ()) | calls, askers=askers)


def _ids(interrupts: Any) -> Sequence[str]:
    return [each.id for each in (interrupts if isinstance(interrupts, list | tuple) else [interrupts])]


def _pending(root: Any, levels: Sequence[Level]) -> Iterator[Pending]:
    """Every interrupt that the root lists, with the deepest task that asked it, in the order of the tasks."""
    for task in root.tasks:
        below = [level for level in levels if level.task == task.id]
        for interrupt in task.interrupts:
            if is_interrupt_id(interrupt.id):
                yield _owned(interrupt, task, levels[0], below)


def _owned(interrupt: Any, root_task: Any, root: Level, below: Sequence[Level]) -> Pending:
    for level in (*reversed(below), root):
        for task in level.snapshot.tasks:
            if any(each.id == interrupt.id for each in task.interrupts) and (level.path or task.id == root_task.id):
                standing, answers = _standing(interrupt.id, level, task)
                namespace = level.namespace(task)
                return Pending(interrupt, f"{level.path}{task.name}", root_task.id, standing, answers, namespace)
    raise AssertionError(f"{interrupt.id} belongs to no task")


def _standing(interrupt: str, level: Level, task: Any) -> tuple[Standing, int]:
    if level.answers is None:
        return Standing.WAITS, 0
    answers = level.answers.get(task.id, 0)
    namespace = level.namespace(task)
    own = _of_number(interrupt, namespace, answers)
    if own is not None:
        return own, answers
    # Of a graph that the node calls no answers are known here: then there may have been one.
    asker = level.askers.get(interrupt)
    known = answers + level.answers.get(asker, 0) if asker else max(answers, 1)
    return (Standing.UNKNOWN if task.error is not None else Standing.WAITS), known


# Graphs that a node calls by itself, which no snapshot lists ----------------------------------------------------------


async def _looked_up(pending: Pending, saver: Any, config: Mapping[str, Any]) -> Pending:
    """Tell from what the called graph has stored whether its question waits, where that can be found."""
    if pending.standing is not Standing.UNKNOWN:
        return pending
    thread = config["configurable"]["thread_id"]
    found = await _standing_below(saver, thread, pending.namespace, pending.interrupt.id)
    return replace(pending, standing=found)


async def _standing_below(saver: Any, thread: str, namespace: str, interrupt: str) -> Standing:
    for number in counting():
        here = f"{namespace}|{number}" if number else namespace  # a task's second graph is numbered 1
        stored = await saver.aget_tuple({"configurable": {"thread_id": thread, "checkpoint_ns": here}})
        if stored is None:
            break
        for below, answers in _asking(stored, here, interrupt):
            standing = _of_number(interrupt, below, answers) or await _standing_below(saver, thread, below, interrupt)
            if standing is not Standing.UNKNOWN:
                return standing
    return Standing.UNKNOWN


async def asking_states(
    saver: Any, thread: str, namespace: str, interrupt: str
) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
    """The graphs that a task calls by itself and through which an interrupt was asked: namespace and state.

    The deepest comes first.
    """
    for number in counting():
        here = f"{namespace}|{number}" if number else namespace
        stored = await saver.aget_tuple({"configurable": {"thread_id": thread, "checkpoint_ns": here}})
        if stored is None:
            break
        for below, _ in _asking(stored, here, interrupt):
            async for found in asking_states(saver, thread, below, interrupt):
                yield found
        if any(channel == _INTERRUPT and interrupt in _ids(value) for _, channel, value in stored.pending_writes or ()):
            yield here, stored.checkpoint["channel_values"]


def _asking(stored: Any, namespace: str, interrupt: str) -> Iterator[tuple[str, int]]:
    """The namespaces that the task which has this interrupt may have, and the answers that are stored for it."""
    writes = stored.pending_writes or ()
    answers = _answers(writes)
    names = [channel.removeprefix(_TO) for channel in stored.checkpoint["channel_values"] if channel.startswith(_TO)]
    for task, channel, value in writes:
        if channel == _INTERRUPT and interrupt in _ids(value):
            yield from ((f"{namespace}|{name}:{task}", answers.get(task, 0)) for name in names)


def _of_number(interrupt: str, namespace: str, answers: int) -> Standing | None:
    """A task's interrupts are numbered by its answers: None where the interrupt is none of this task's own."""
    if interrupt == interrupt_id(namespace, answers):
        return Standing.WAITS
    taken = any(interrupt == interrupt_id(namespace, number) for number in range(answers))
    return Standing.CONSUMED if taken else None


def _answers(writes: Sequence[tuple[str, str, Any]]) -> dict[str, int]:
    """How many answers are stored for each task."""
    return {task: len(value) if isinstance(value, list) else 1 for task, channel, value in writes if channel == _RESUME}
