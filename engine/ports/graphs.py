"""The agents' graphs: what they ask, what they are told, and where a run comes to rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.asks.ask import Ask, Decision, Json, ValueProblem
from engine.ids import AgentName, ChannelId, InterruptId, ThreadId, UserId


@dataclass(frozen=True, slots=True)
class Asked:
    """An interrupt that waits for its answer, or another halt: a breakpoint, a failure.

    A halt has no id of LangGraph's. Its `interrupt` is made of its checkpoint, so it is the same however often the
    thread is read, and another one once the graph has moved on.
    """

    interrupt: InterruptId
    ask: Ask
    digest: str
    instead_of: str = ""
    """The digest that this interrupt was decided under last, where the graph changed its request after that."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the agent has to say in its conversation; `key` is the same however often the same reply is read."""

    text: str
    key: str
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class RunResult:
    """Where a run came to rest: it waits (`asked`), it ended, or it failed.

    A failure that can be retried is one of `asked`; `error` is one that cannot: one sentence, no traceback.
    `stopped` is true when the process is being drained: nothing is lost, the run goes on when it is delivered again.
    `complete` is false where `asked` may not be all that is asked: steps are left to run, or the agent is not set up.
    `ended` names the end where a turn came to one, the same however often it is read; "" where it did not.
    """

    asked: tuple[Asked, ...] = ()
    reply: Reply | None = None
    error: str = ""
    stopped: bool = False
    complete: bool = True
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """New input for an agent. `key` names the message: the same turn is never fed twice, however often it is run.

    `voids` are interrupts that still wait although their approvals ended: this input may void them, and no others. None
    where it begins a conversation: whatever a thread still waits for then belongs to one that is long over.
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
    """Decisions for one interrupt, bound to the digest of what was shown. `key` is the idempotency key for tools.

    `by` are those whose votes decided, none for an expiry.
    """

    thread: ThreadId
    agent: AgentName
    interrupt: InterruptId
    digest: str
    ask: Ask
    decisions: tuple[Decision, ...]
    key: str
    by: tuple[UserId, ...] = ()


@dataclass(frozen=True, slots=True)
class Resumed:
    """The graph has the answer, now or from an earlier delivery; `result` is where it came to rest."""

    result: RunResult


@dataclass(frozen=True, slots=True)
class Stale:
    """The graph no longer asks this, so nothing was sent. `reason` is one sentence for people.

    `result` is where the thread stands: what it asks now is asked again.
    """

    reason: str
    result: RunResult


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One checkpoint of a thread, for people: what had run (`ran`), what came `next`, what was asked there.

    `values` is the state. `source` is LangGraph's: input, loop, update, fork. A moment without `next` is an end.
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
    """Go back to a checkpoint, put `edits` (None: none) into its state, and run on from there as a new branch.

    `key` names the request: what was begun under it is run on, never begun twice.
    """

    thread: ThreadId
    agent: AgentName
    checkpoint: str
    edits: Json
    key: str
    user: UserId


@dataclass(frozen=True, slots=True)
class Held:
    """Nothing was sent: beside it the thread stands at a breakpoint, and any answer would let it past.

    The answer is to be delivered again when the breakpoint is decided; `result` is where the thread stands.
    """

    result: RunResult


class Watcher(Protocol):
    """Hears what a run does while it runs. Both return at once and never raise: nothing of a run depends on them."""

    def words(self, key: str, text: str, speaker: str) -> None:
        """What the agent has said so far of one message; `key` is that of the `Reply` which it becomes."""

    def step(self, nodes: tuple[str, ...]) -> None:
        """These nodes run now."""


class Unwatched:
    """Nobody looks."""

    def words(self, key: str, text: str, speaker: str) -> None:
        """Pass over."""

    def step(self, nodes: tuple[str, ...]) -> None:
        """Pass over."""


UNWATCHED: Watcher = Unwatched()


class WaitsForAnswerError(Exception):
    """New input would void what the graph asks: `asked`, which `Turn.voids` does not name."""

    def __init__(self, thread: ThreadId, asked: Sequence[Asked]) -> None:
        super().__init__(f"thread {thread} waits for {len(asked)} answers: this message has to wait for them")
        self.asked = asked


class Graphs(Protocol):
    """The agents' graphs. Every call is made from the thread's `run` lane, with that lane's fence."""

    async def start(self, turn: Turn, fence: int, watcher: Watcher = UNWATCHED) -> RunResult:
        """Feed a turn and run until the graph rests; a turn that was fed before is run on from where it died.

        Raises WaitsForAnswerError where the graph asks what `turn.voids` does not name: nothing was fed then.
        """

    async def resume_if_pending(
        self, answer: Answer, fence: int, watcher: Watcher = UNWATCHED
    ) -> Resumed | Stale | Held:
        """Give an answer to exactly the interrupt that it was given to, and run until the graph rests (P3, P4)."""

    async def resume_together(
        self, answers: Sequence[Answer], fence: int, watcher: Watcher = UNWATCHED
    ) -> Sequence[Resumed | Stale | Held]:
        """Give several answers of one thread in one run, each exactly as `resume_if_pending` would.

        The outcomes stand in the order of the answers; the last one's result is where the thread stands.
        """

    async def snapshots(self, thread: ThreadId, agent: AgentName, limit: int) -> Sequence[Snapshot]:
        """The last checkpoints of a thread, the newest first. Only read: from any lane."""

    async def time_travel(self, journey: TimeTravelRun, fence: int, watcher: Watcher = UNWATCHED) -> RunResult | Stale:
        """Run on from an earlier checkpoint; Stale where it is no longer kept, or the edits do not fit the state."""

    async def settle(self, thread: ThreadId, agent: AgentName, fence: int) -> RunResult:
        """Where the thread stands; a run that died between two steps is run on first."""

    def problems(self, agent: AgentName, ask: Ask, action: int, decision: Decision) -> Sequence[ValueProblem]:
        """Why a decision cannot be sent to the graph; nothing when it can. Checked before a form is accepted."""
