"""A thread as one read of its checkpoints found it: which questions wait, which are answered, what died or failed."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from typing import Any

from adapters.langgraph import tasks
from adapters.langgraph.config_keys import (
    ANSWERED,
    APPROVED,
    CODE,
    STOPPED_FOR,
    UPDATED_FOR,
    interrupt_id,
    is_interrupt_id,
)
from adapters.langgraph.dialects.gated import is_gated
from adapters.langgraph.dialects.to_json import AsJson
from adapters.langgraph.fingerprint import SEPARATOR
from adapters.langgraph.guards import approved_calls
from adapters.langgraph.guards.decided import MOST, Decided
from adapters.langgraph.guards.drift import short_mark
from adapters.langgraph.guards.kept_calls import KeptCall
from engine.ids import InterruptId

_OFTEN = 8


class AnswerState(Enum):
    """The state of an interrupt that LangGraph lists as pending."""

    WAITS = auto()
    TAKEN = auto()
    """The node took the answer and raised after that: it is run again, never answered again."""
    UNKNOWN = auto()
    """Asked inside a graph or task that a node calls by itself, of which too little is stored: run it again to tell.

    Signoff 0.1 did not keep how many answers such a task had when its question was decided (`Decided.askers`).
    """


@dataclass(frozen=True, slots=True)
class Pending:
    """An interrupt, and its place. `path` names the node, below subgraphs too; `answers` counts those of the task."""

    interrupt: Any
    payload: AsJson
    """What it asks."""
    path: str
    task: str
    """The id of the task at the root that it holds up."""
    state: AnswerState
    answers: int
    namespace: str = ""
    """The namespace of the task that asked; a graph that the task calls has its checkpoints there."""
    called: Mapping[str, int] = field(default_factory=dict)
    """The stored answers of the tasks within, which ask by the node's call; empty if not found or not counted."""

    @property
    def is_own(self) -> bool:
        """True if the task itself asked, and no graph that it calls; False also where it has asked very often."""
        return self._number is not None

    @property
    def askers(self) -> Mapping[str, int]:
        """The tasks through which it was asked, as far as they are known, each with the answers that it had then."""
        return self.called if self._number is None else {self.namespace.rpartition(":")[2]: self._number}

    @property
    def _number(self) -> int | None:
        numbers = (each for each in range(_OFTEN) if self.interrupt.id == interrupt_id(self.namespace, each))
        return next(numbers, None)

    @property
    def speaker(self) -> str:
        """The subgraph that asks, if one does: an agent is usually one."""
        outer, below, _ = self.path.partition(SEPARATOR)
        return outer if below else ""


@dataclass(frozen=True, slots=True)
class Level:
    """One graph of a thread, the root or a subgraph.

    `answers` counts the stored answers of each task, once counted. `calls` are tasks that a node has called and that
    are done (`@task` of the functional API), with the interrupts that they had: the snapshot does not list them.
    `askers` are those that are not done, by the interrupt that they wait for. `called` counts the stored answers of
    both, by their interrupts.
    """

    snapshot: Any
    path: str
    task: str
    answers: Mapping[str, int] | None = None
    calls: Mapping[str, Sequence[str]] = field(default_factory=dict)
    askers: Mapping[str, str] = field(default_factory=dict)
    called: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def checkpoint(self) -> str:
        """The id of its last checkpoint."""
        return str(self.snapshot.config["configurable"].get("checkpoint_id", ""))

    @property
    def updated_for(self) -> str:
        """The pause whose decision wrote this checkpoint by an update."""
        mark = (self.snapshot.metadata or {}).get(UPDATED_FOR)
        return mark if isinstance(mark, str) else ""

    @property
    def answered(self) -> frozenset[str]:
        """The ids of interrupts whose answers are stored, as far as the metadata and the step tell."""
        marked = (self.snapshot.metadata or {}).get(ANSWERED)
        return self.answered_in_step | frozenset(marked.split() if isinstance(marked, str) else ())

    @property
    def answered_in_step(self) -> frozenset[str]:
        """The ids of interrupts whose answers are stored beside this checkpoint, once they are counted."""
        ids: set[str] = set().union(*self.calls.values())
        for task in self.snapshot.tasks:
            ids.update(
                interrupt_id(self.namespace(task), number) for number in range((self.answers or {}).get(task.id, 0))
            )
        return frozenset(ids)

    @property
    def keeps_memory(self) -> bool:
        """True for a subgraph whose state outlives the turn: its namespace then has no task."""
        return ":" not in self.graph.rpartition("|")[2]

    @property
    def graph(self) -> str:
        """The namespace of its checkpoints, "" at the root."""
        return str(self.snapshot.config["configurable"].get("checkpoint_ns", ""))

    def namespace(self, task: Any) -> str:
        """The namespace from which LangGraph derives the ids of a task's interrupts."""
        return f"{self.graph}|{task.name}:{task.id}" if self.graph else f"{task.name}:{task.id}"


@dataclass(frozen=True, slots=True)
class BreakpointPause:
    """A thread's wait at breakpoints. `levels` are the graphs that wait, the root or graphs below nodes of it."""

    levels: tuple[Level, ...]

    @property
    def interrupt(self) -> InterruptId:
        """The id of this pause: its checkpoints."""
        return InterruptId(f"breakpoint:{'+'.join(level.checkpoint for level in self.levels)}")

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that come next, by path from the root."""
        found = (f"{level.path}{task.name}" for level in self.levels for task in level.snapshot.tasks)
        return tuple(dict.fromkeys(found))

    @property
    def node_names(self) -> tuple[str, ...]:
        """The nodes by name and by path, for `answers:` and rules that name a node."""
        return tuple(name for path in self.nodes for name in (path.rpartition(SEPARATOR)[2], path))

    @property
    def level(self) -> Level | None:
        """The graph that waits, if only one does."""
        return self.levels[0] if len(self.levels) == 1 else None

    @property
    def updated_for(self) -> Sequence[str]:
        """The pauses whose decisions wrote these checkpoints by an update, and from which nothing has run yet."""
        return [level.updated_for for level in self.levels if level.updated_for]


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread as one read found it."""

    snapshot: Any
    pending: tuple[Pending, ...]
    levels: tuple[Level, ...] = field(repr=False)
    paused_at: BreakpointPause | None = None
    """The breakpoints at which it waits."""
    unreadable: Exception | None = None
    """The error that the graph's own code raised when its state was read."""
    decided: Mapping[str, Decided] = field(default_factory=dict)
    """The payloads on which the answered interrupts of the step were decided."""
    approved_here: Sequence[approved_calls.ToolDecision] = ()
    """The tool calls that were decided in the step."""
    again: Callable[[], Any] | None = field(default=None, repr=False)
    """Gives the checkpoint that was read once more, of the same bytes, if the saver can."""
    taken_within: frozenset[str] = frozenset()
    """The interrupts of tasks that a node calls whose answers are stored for the step, once they are counted."""
    given: Mapping[str, AnswerState] = field(default_factory=dict)
    """The states of the answers that tasks of called graphs were given in the step, once they are counted."""
    kept: Mapping[str, KeptCall] = field(default_factory=dict)
    """The starts and results of the step's tool calls: see `adapters.langgraph.guards.kept_calls`."""

    @property
    def approved(self) -> Sequence[approved_calls.ToolDecision]:
        """The tool calls that were decided, the last ones last."""
        return [*approved_calls.read(self.mark(APPROVED)), *self.approved_here]

    @property
    def asked_by_gates(self) -> frozenset[str]:
        """The marks of the tools that gates asked about in the step, whether they wait or were answered."""
        waiting = [each.interrupt.value for each in self.pending if is_gated(each.interrupt.value)]
        answered = [each.fields.get("name", "") for each in self.decided.values() if each.is_gated]
        return frozenset([*answered, *(short_mark(each["name"]) for each in waiting)])

    @property
    def exists(self) -> bool:
        """True once it was fed."""
        return self.snapshot.metadata is not None

    @property
    def values(self) -> Any:
        """The state."""
        return self.snapshot.values

    @property
    def checkpoint(self) -> str:
        """The id of its last checkpoint."""
        return str(self.snapshot.config["configurable"].get("checkpoint_id", ""))

    def mark(self, key: str) -> str:
        """A value that a run left in the checkpoint's metadata under one of our keys."""
        found = (self.snapshot.metadata or {}).get(key)
        return found if isinstance(found, str) else ""

    @property
    def code(self) -> Mapping[str, str]:
        """The fingerprints of the nodes of the code that wrote the checkpoint, by path."""
        return _codes(self.mark(CODE))

    @property
    def died(self) -> bool:
        """True if steps are left that nothing waits for: the process was killed or drained there.

        Also where every task of the step is done but the checkpoint after it was not written: LangGraph's `next` is
        empty then, as at the end.
        """
        if self.paused_at is not None:
            return False  # a run would go past the breakpoint: the rest runs when that is decided
        if self.mark(STOPPED_FOR):
            return False  # a limit stopped it: people say whether it goes on
        listed = self.snapshot.tasks
        return any(map(tasks.died, listed)) or (bool(listed) and all(task.result is not None for task in listed))

    @property
    def is_over(self) -> bool:
        """True at the end of a turn: nothing is left to run, and nothing waits."""
        return self.exists and not self.snapshot.tasks and self.paused_at is None and self.unreadable is None

    @property
    def failures(self) -> tuple[str, ...]:
        """The errors of the nodes that hold the thread up, as LangGraph stored them."""
        waiting = {each.task for each in self.pending if each.state is not AnswerState.TAKEN}
        return tuple(str(task.error) for task in self.snapshot.tasks if tasks.failed(task) and task.id not in waiting)

    @property
    def took_answers(self) -> bool:
        """True if a task that failed has an answer, which each further run gives it again."""
        answers = self.levels[0].answers or {}
        return any(tasks.failed(task) and answers.get(task.id, 0) for task in self.snapshot.tasks)

    @property
    def step_has_finished_tasks(self) -> bool:
        """True if a task or a tool call of the step is done: forking the step would run it again."""
        finished = any(task.result is not None for task in self.snapshot.tasks)
        return finished or bool(self.kept) or any(level.calls for level in self.levels)

    @property
    def may_have_taken(self) -> bool:
        """True if a listed question was decided: its answer may be stored, since one is listed until its node ends."""
        return any(each.interrupt.id in self.decided for each in self.pending)

    @property
    def alone(self) -> bool:
        """True if the step is one task."""
        return len(self.snapshot.tasks) == 1 and not self.step_has_finished_tasks

    def find(self, interrupt: str) -> Pending | None:
        """The pending interrupt with this id."""
        return next((each for each in self.pending if each.interrupt.id == interrupt), None)

    def drifted_from(self, pending: Pending) -> Decided | None:
        """The decision on an interrupt whose request the graph has changed since."""
        decided = self.decided.get(pending.interrupt.id)
        if decided is None or pending.state is not AnswerState.WAITS:
            return None
        return decided if decided.changed(pending.payload.value) else None

    def waits_although_decided(self, pending: Pending, digest: str) -> bool:
        """Tell whether a question waits that was decided under this digest, once answers are counted.

        The decision is still to be sent, or the task lost it, as it was run again and asked something else in the
        question's place: see `adapters.langgraph.guards.drift`.
        """
        decided, counted = self.decided.get(pending.interrupt.id), self.levels[0].answers is not None
        return counted and pending.state is AnswerState.WAITS and decided is not None and decided.digest == digest

    def drifts_on(self, pending: Pending) -> bool:
        """Tell whether the graph changed a request after each decision, so that people are asked no more."""
        decided = self.drifted_from(pending)
        return decided is not None and decided.number % MOST == 0

    def was_answered(self, interrupt: str) -> bool:
        """Tell whether the graph has an answer to an interrupt that it does not list any more."""
        return interrupt in self.all_taken_within or any(interrupt in level.answered for level in self.levels)

    @property
    def all_taken_within(self) -> frozenset[str]:
        """The interrupts of tasks and graphs that a node calls whose answers are stored, once they are counted."""
        return self.taken_within.union(name for name, state in self.given.items() if state is AnswerState.TAKEN)

    def may_be_answered(self, interrupt: str) -> bool:
        """Tell whether the graph may have an answer that it does not have for sure: too little is stored to know.

        It was about to be sent when the process ended, and no task is known by which it was asked. So it is for a graph
        that a node calls by itself, in a thread that an earlier version of Signoff left.
        """
        decided = self.decided.get(interrupt)
        listed = {task.id for level in self.levels for task in level.snapshot.tasks}
        return decided is not None and interrupt not in self.given and listed.isdisjoint(decided.askers)

    @property
    def answered_in_step(self) -> Sequence[str]:
        """The interrupts whose answers are stored for the step, in some order, once they are counted."""
        return sorted(self.all_taken_within.union(*(level.answered_in_step for level in self.levels)))

    @property
    def stopped_themselves(self) -> Sequence[Any]:
        """The tasks that stopped by the deprecated NodeInterrupt, whose interrupts have no id to answer to."""
        listed = self.snapshot.tasks
        return [task for task in listed if any(not is_interrupt_id(each.id) for each in task.interrupts)]


@lru_cache(maxsize=64)
def _codes(mark: str) -> Mapping[str, str]:
    """Read `LocalAgent.mark`; empty for a checkpoint that Signoff did not write."""
    try:
        found = json.loads(mark)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
