"""The agents' graphs: their interrupts, their input, and the results of their runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from engine.asks.ask import Ask, Decision, Json, ValueProblem
from engine.ids import AgentName, ChannelId, InterruptId, ThreadId, UserId


@dataclass(frozen=True, slots=True)
class Asked:
    """An interrupt that waits for its answer, or another pause: a breakpoint, a failure.

    A pause has no interrupt id of LangGraph's. Its `interrupt` is made from its checkpoint, so it stays the same as
    long as the graph waits there.
    """

    interrupt: InterruptId
    ask: Ask
    digest: str
    instead_of: str = ""
    """The digest under which this interrupt was decided last, if the graph changed its request afterwards."""
    decided: bool = False
    """True if it waits although it was decided as it stands: the decision is still to be sent, or the graph lost it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The agent's message to its conversation. `key` stays the same however often the reply is read."""

    text: str
    key: str
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class RunResult:
    """The result of a run: the graph waits (`asked`), ended, or failed.

    A failure that can be retried is in `asked`; `error` is one that cannot: one sentence, no traceback. `stopped` means
    that the process is shutting down: nothing is lost, and the run continues when it is delivered again. `complete` is
    False if `asked` may lack something: steps are left to run, or the agent is not set up. `ended` identifies the end
    of a turn and stays the same however often it is read; "" if the turn has not ended.
    """

    asked: tuple[Asked, ...] = ()
    reply: Reply | None = None
    error: str = ""
    stopped: bool = False
    complete: bool = True
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """New input for an agent. `key` names the message: one turn is never fed twice, however often it is delivered.

    `voids` are interrupts that still wait although their approvals are closed: this input may void them, and no others.
    None if it begins a conversation: what its thread still waits for then belongs to an earlier one that is over.
    """

    thread: ThreadId
    agent: AgentName
    key: str
    text: str
    user: UserId
    channel: ChannelId
    voids: frozenset[InterruptId] | None = frozenset()


@dataclass(frozen=True, slots=True)
class Answer:
    """Decisions on one interrupt, bound to the digest of what was shown. `key` is the idempotency key for tools.

    `by` are the people whose votes decided; nobody for an expiry. `ahead` is what `Graphs.read_ahead` gave.
    """

    thread: ThreadId
    agent: AgentName
    interrupt: InterruptId
    digest: str
    ask: Ask
    decisions: tuple[Decision, ...]
    key: str
    by: tuple[UserId, ...] = ()
    ahead: object = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Resumed:
    """The graph has the answer, from this delivery or an earlier one."""

    result: RunResult


@dataclass(frozen=True, slots=True)
class Stale:
    """The graph no longer asks this, so nothing was sent now. `reason` says so to people, in a sentence or two.

    `result` has what the thread asks now, which people are asked again.
    """

    reason: str
    result: RunResult


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One checkpoint of a thread, for people: the nodes that had run, the `next` ones, and what was asked there.

    `values` is the state. `source` is LangGraph's: input, loop, update or fork. Without `next` it is the end of a turn.
    """

    checkpoint: str
    at: datetime
    source: str
    ran: tuple[str, ...]
    next: tuple[str, ...]
    asked: tuple[str, ...]
    values: Json


@dataclass(frozen=True, slots=True)
class TimeTravelRun:
    """Time travel: a run from an earlier checkpoint as a new branch, with `edits` to its state (None: no edits).

    `key` names the request: a run that was begun under it is continued, never begun twice.
    """

    thread: ThreadId
    agent: AgentName
    checkpoint: str
    edits: Json
    key: str
    user: UserId


@dataclass(frozen=True, slots=True)
class Held:
    """Nothing was sent, since the thread also waits at a breakpoint, and any answer would let it pass.

    Deliver the answer again when the breakpoint is decided. `result` has what the thread asks.
    """

    result: RunResult


class Watcher(Protocol):
    """A listener to a run. Its methods return at once and never raise: no run depends on them."""

    def words(self, key: str, text: str, speaker: str) -> None:
        """The text so far of one message; `key` is that of the `Reply` that it becomes."""

    def step(self, nodes: tuple[str, ...]) -> None:
        """These nodes are running."""


class Unwatched:
    """A listener that ignores everything."""

    def words(self, key: str, text: str, speaker: str) -> None:
        """Pass over."""

    def step(self, nodes: tuple[str, ...]) -> None:
        """Pass over."""


UNWATCHED: Watcher = Unwatched()


class WaitsForAnswerError(Exception):
    """New input would void interrupts (`asked`) that `Turn.voids` does not name."""

    def __init__(self, thread: ThreadId, asked: Sequence[Asked]) -> None:
        super().__init__(f"thread {thread} waits for {len(asked)} answers: this message has to wait for them")
        self.asked = asked


class Graphs(Protocol):
    """The agents' graphs. Every call is made from the thread's `run` lane, with the fence of that lane."""

    async def start(self, turn: Turn, fence: int, watcher: Watcher = UNWATCHED) -> RunResult:
        """Feed a turn and run until the graph waits or ends. A turn that was fed before continues where it died.

        Raises WaitsForAnswerError if the graph asks something that `turn.voids` does not name; then nothing was fed.
        """

    async def read_ahead(self, thread: ThreadId, fence: int) -> object:
        """Read the thread of an answer that is still being read itself; the result goes with the answer, in `ahead`."""

    async def resume_if_pending(
        self, answer: Answer, fence: int, watcher: Watcher = UNWATCHED
    ) -> Resumed | Stale | Held:
        """Resume exactly the interrupt that was decided, and run until the graph waits or ends (P3, P4)."""

    async def resume_together(
        self, answers: Sequence[Answer], fence: int, watcher: Watcher = UNWATCHED
    ) -> Sequence[Resumed | Stale | Held]:
        """Give several answers of one thread in one run, each exactly as `resume_if_pending` would.

        The outcomes are in the order of the answers; the last one has the result of the run.
        """

    async def snapshots(self, thread: ThreadId, agent: AgentName, limit: int) -> Sequence[Snapshot]:
        """The last checkpoints of a thread, newest first. It only reads, so any lane may call it."""

    async def time_travel(self, request: TimeTravelRun, fence: int, watcher: Watcher = UNWATCHED) -> RunResult | Stale:
        """Run from an earlier checkpoint. Stale if that is no longer stored, or if the edits do not fit the state."""

    async def settle(self, thread: ThreadId, agent: AgentName, fence: int) -> RunResult:
        """Read what the thread asks; first continue a run that died between two steps."""

    def problems(self, agent: AgentName, ask: Ask, action: int, decision: Decision) -> Sequence[ValueProblem]:
        """The reasons why a decision cannot be sent to the graph, checked before a form is accepted."""
