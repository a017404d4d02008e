"""What the bot needs of the world, in its own words. Each port is declared here, for those who use it.

Every write of a port says that it may be done many times: whoever performs effects may die after any line.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

from engine.approvals.approval import Approval, Copy, Place
from engine.approvals.audit import Entry
from engine.approvals.effects import Effect, Lane, Timer
from engine.approvals.events import Act, Click
from engine.asks.ask import Ask, Decision, Json, Problem
from engine.authority.policy import Facts
from engine.budget import NotYet, Wish
from engine.conversation import Conversation
from engine.ids import (
    AgentName,
    ApprovalId,
    ChannelId,
    GrantId,
    InterruptId,
    MessageTs,
    SheetId,
    TeamId,
    ThreadId,
    UserId,
)
from engine.oncall.shifts import Shifts
from engine.rules.grants import Grant
from engine.sentences.refusals import Refusal
from engine.sources import Source


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Aware, in UTC."""


# State ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """One atomic write: the approval as it becomes, what to do, and the audit rows.

    It is written only where the stored approval still has `approval.version`; the stored copy gets the next version.
    Effects are put into their lanes by the same write; each has an id made of approval, version and position, so a
    write that is sent twice puts them once. For a refusal the approval is unchanged: then `touches` is False, nothing
    is compared, and only effects and entries are written.
    """

    approval: Approval
    effects: tuple[Effect, ...] = ()
    entries: tuple[Entry, ...] = ()
    touches: bool = True


class Approvals(Protocol):
    """Where approvals live. What a call reads is bounded by what is open or asked for, however long the history."""

    async def get(self, approval: ApprovalId) -> Approval | None:
        """The approval as it stands, or None."""

    async def ask(self, approval: ApprovalId) -> Ask | None:
        """What was asked, as long as the audit tells of it: longer than the approval is kept."""

    async def create(self, change: Change) -> bool:
        """Write a new approval unless one of its id exists. False: it exists, nothing was written."""

    async def save(self, change: Change) -> bool:
        """Compare and write; what is asked stays as it was created.

        False: somebody wrote in between, nothing was written: read it and step again.
        """

    async def open(self, thread: ThreadId) -> Sequence[Approval]:
        """The approvals of a thread in which something is still to happen (`OPEN`), oldest first."""

    async def known(self, approvals: Sequence[ApprovalId]) -> Sequence[Approval]:
        """Those of these approvals that are kept, open or closed; all of one thread."""

    async def of_sheet(self, thread: ThreadId, sheet: SheetId) -> Sequence[Approval]:
        """The approvals of a sheet that are kept, open or closed, oldest first."""

    async def by_card(self, thread: ThreadId, card: MessageTs) -> ApprovalId | None:
        """The approval of a thread whose card is this message at the root of its channel; None for any other."""

    async def deciding(self, thread: ThreadId) -> Sequence[Approval]:
        """Approvals of the thread that have, together, all policies kept there: see `policies_of`."""


class Listing(Protocol):
    """Approvals found without their thread, for people who look at what there is. Nothing is decided by it."""

    async def pending(self, most: int = ...) -> Sequence[Approval]:
        """The pending approvals, the oldest first; at most so many."""

    async def asked_by(self, user: UserId, most: int = ...) -> Sequence[Approval]:
        """The pending approvals of this requester, the oldest first."""

    async def lately(self, user: UserId, most: int) -> Sequence[Approval]:
        """What was closed lately of what this person asked or voted on, the latest first."""


class Audit(Protocol):
    """What happened, to be read back. Rows are written with the change that they tell of."""

    async def of_thread(self, thread: ThreadId) -> Sequence[Entry]:
        """All rows of a thread, oldest first."""

    async def add(self, entry: Entry) -> None:
        """Write a row that no change of an approval comes with."""


class Grants(Protocol):
    """The grants of conversations (`engine.rules.grants`). A grant that ended, or was revoked, is not there.

    A grant ends at its `until` by the times given here, and after as long by the store's own clock, should ours be
    wrong. Each write comes with its audit row, and may be made many times.
    """

    async def give(self, grant: Grant) -> bool:
        """Keep a grant. False: it was revoked, and stays so."""

    async def use(self, grant: Grant, approval: ApprovalId, at: datetime) -> bool:
        """Record that an approval is decided by a grant. False: it ended or was revoked, and people have to decide.

        Whatever was read before, only this says whether a grant may be used. A use that is told again is asked again:
        where the grant was revoked in between, the answer is no, so decide only on the answer.
        """

    async def revoke(self, grant: Grant, by: UserId, at: datetime) -> bool:
        """Take a grant back: no `use` after this succeeds. False: it had ended, or was revoked."""

    async def of_thread(self, thread: ThreadId, at: datetime) -> Sequence[Grant]:
        """The grants of a conversation, oldest first."""

    async def of_person(self, user: UserId, at: datetime) -> Sequence[Grant]:
        """The grants that a person gave, alone or with others, oldest first."""


class OvertakenError(Exception):
    """Another holder has the lane now: whatever this one is doing is done by that one."""


class Conversations(Protocol):
    """Which conversation stands where. Written only from a thread's `run` lane, so the last write is right."""

    async def get(self, thread: ThreadId) -> Conversation | None:
        """The conversation of a thread, or None."""

    async def of_channel(self, channel: ChannelId) -> Sequence[Conversation]:
        """The conversations of a channel that last had a turn, the latest first; some dozens at most."""

    async def save(self, conversation: Conversation, fence: int) -> None:
        """Write it; may be done many times. Raises OvertakenError when a newer holder has the lane of `fence`."""


# Work -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Work:
    """An effect whose turn has come.

    `attempt` counts deliveries from 1: above 1 an earlier one may have done the work without saying so. `fence` grows
    with every holder of the lane: a graph run carries it into its checkpoints, where an older one is refused.
    """

    id: str
    lane: Lane
    effect: Effect
    attempt: int
    fence: int


@dataclass(frozen=True, slots=True)
class Unposted:
    """Work that waits until something can be written in `channel` again; there is one of each `key`.

    `why` is the sentence of `CannotPostError`: trusted mrkdwn.
    """

    key: str
    channel: ChannelId
    effect: Effect
    why: str
    since: datetime


class Backlog(Protocol):
    """What waits until it can be written. Each call may be made many times."""

    async def add(self, unposted: Unposted) -> None:
        """Keep it; where one of its key is kept, that one's time stays."""

    async def drop(self, key: str) -> None:
        """Forget it; forgetting what is not kept is fine."""

    async def all(self) -> Sequence[Unposted]:
        """Everything that waits, oldest first."""

    async def of(self, keys: Collection[str]) -> Sequence[Unposted]:
        """What waits of these, oldest first."""

    async def bury(self, channel: ChannelId) -> None:
        """A channel was deleted for good: nothing has to wait for it any more."""

    async def is_buried(self, channel: ChannelId) -> bool:
        """Whether a channel was deleted for good."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Work that failed too often and was set aside, so that its lane goes on. `error`: no secrets, no traceback."""

    id: str
    lane: Lane
    effect: Effect
    error: str
    at: datetime


class Later(Exception):  # noqa: N818 - not an error
    """Raised by a handler: keep this work at the head of its lane and deliver it again soon. Not a failed attempt."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds = seconds


Handler = Callable[[Work], Awaitable[None]]
SetAside = Callable[[DeadLetter], Awaitable[None]]


async def passed_over(letter: DeadLetter) -> None:
    """Tell nobody."""


class Lanes(Protocol):
    """Queues served in order, one work at a time each, by any number of processes."""

    async def put(self, effect: Effect, key: str) -> bool:
        """Add an effect to its lane. False: an effect of this key was put before (within a day); nothing was added."""

    async def ring(self, effects: Sequence[Effect]) -> None:
        """Wake the lanes of effects that an approval's change has put there. Losing a ring loses only time."""

    async def set_timer(self, approval: ApprovalId, timer: Timer, at: datetime) -> None:
        """Put `TimerFired` into the approval's lane at that time; setting it again replaces it."""

    async def clear_timer(self, approval: ApprovalId, timer: Timer) -> None:
        """Forget a timer, if it is set."""

    async def dead_letters(self) -> Sequence[DeadLetter]:
        """What was set aside, oldest first."""

    async def revive(self, letter: str) -> bool:
        """Put a dead letter back at the end of its lane. False: there is none of this id."""

    async def serve(self, handler: Handler, set_aside: SetAside = passed_over) -> None:
        """Serve until cancelled: then take no new work, and return when what is under way has ended.

        `set_aside` is told of each dead letter; it may be told twice of the same.
        """


# Graphs ---------------------------------------------------------------------------------------------------------------


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
class Standstill:
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
    """The graph has the answer, now or from an earlier delivery; `standstill` is where it came to rest."""

    standstill: Standstill


@dataclass(frozen=True, slots=True)
class Stale:
    """The graph no longer asks this, so nothing was sent. `reason` is one sentence for people.

    `standstill` is where the thread stands: what it asks now is asked again.
    """

    reason: str
    standstill: Standstill


@dataclass(frozen=True, slots=True)
class Moment:
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
class Journey:
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

    The answer is to be delivered again when the breakpoint is decided; `standstill` is where the thread stands.
    """

    standstill: Standstill


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

    async def start(self, turn: Turn, fence: int, watcher: Watcher = UNWATCHED) -> Standstill:
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

        The outcomes stand in the order of the answers; the last one's standstill is where the thread stands.
        """

    async def history(self, thread: ThreadId, agent: AgentName, limit: int) -> Sequence[Moment]:
        """The last checkpoints of a thread, the newest first. Only read: from any lane."""

    async def travel(self, journey: Journey, fence: int, watcher: Watcher = UNWATCHED) -> Standstill | Stale:
        """Run on from an earlier checkpoint; Stale where it is no longer kept, or the edits do not fit the state."""

    async def settle(self, thread: ThreadId, agent: AgentName, fence: int) -> Standstill:
        """Where the thread stands; a run that died between two steps is run on first."""

    def problems(self, agent: AgentName, ask: Ask, action: int, decision: Decision) -> Sequence[Problem]:
        """Why a decision cannot be sent to the graph; nothing when it can. Checked before a form is accepted."""


# People ---------------------------------------------------------------------------------------------------------------


class Roster(Protocol):
    """Who people are. It never raises: what it cannot find out is UNKNOWN, and then nobody may decide."""

    async def facts(self, user: UserId, place: Place, *, membership: bool) -> Facts:
        """A person's standing and, where `membership` is asked for, whether they are in the place's channel."""


@dataclass(frozen=True, slots=True)
class OnDuty:
    """A person who is on call; `said` is how the service names them (untrusted). The shift's times are in UTC."""

    user: UserId
    said: str
    tier: int | None = None
    starts: datetime | None = None
    ends: datetime | None = None


@dataclass(frozen=True, slots=True)
class Duty:
    """Who is on call by one schedule, looked up at `looked_up`.

    `error` says in one sentence why nobody can be named: the source failed, or named nobody who is a full member of
    the workspace. `unanswered`: the source did not answer in time, and asking again with more patience may help.
    """

    people: tuple[OnDuty, ...]
    looked_up: datetime
    error: str = ""
    unanswered: bool = False


class OnCall(Protocol):
    """Who is on call. It never raises: what it cannot find out is a `Duty` of nobody."""

    async def on_duty(self, schedule: str, at: datetime, patience: float) -> Duty:
        """Who is on call at `at` by an entry of `oncall:`; waits at most `patience` seconds for its source."""


class SourceFailedError(Exception):
    """A source gave no answer that can be used. The message is one sentence for people, without secrets.

    `rest`: the source asked not to be called again for so long.
    """

    def __init__(self, sentence: str, rest: timedelta | None = None) -> None:
        super().__init__(sentence)
        self.rest = rest


class ShiftSource(Protocol):
    """One source of shifts: a service, a calendar, a rotation."""

    async def shifts(self, at: datetime, now: datetime) -> Shifts:
        """Ask who is on call at an instant and around it. `now` is the time of asking, by the bot's clock.

        A source that only knows who is on call now answers with a span around that. Raises SourceFailedError.
        """


@dataclass(frozen=True, slots=True)
class LastLookup:
    """How the last lookup of a source went. `shifts` is the last answer: an earlier one where this lookup failed.

    `failed` says why in one sentence. `not_before`: the source asked not to be called earlier.
    """

    asked: datetime
    shifts: Shifts | None = None
    failed: str = ""
    not_before: datetime | None = None


class LookupMemory(Protocol):
    """What the processes of the bot share of lookups: the last answer of each source, and who asks at the moment."""

    async def last(self, source: str) -> LastLookup | None:
        """How the last lookup went; None where that is forgotten."""

    async def keep(self, source: str, lookup: LastLookup, seconds: float) -> None:
        """Keep it for others, for so long."""

    async def claim(self, source: str, holder: str, seconds: float) -> bool:
        """Be the one who asks, for so long at most; False where somebody else asks."""

    async def release(self, source: str, holder: str) -> None:
        """Let others ask."""


class AccountsUnknownError(Exception):
    """Slack did not say whose account something is. The message is one sentence for people."""


class Accounts(Protocol):
    """Who in the workspace somebody is whom another service names."""

    async def is_member(self, user: UserId) -> bool:
        """Whether this is an active full member. Raises AccountsUnknownError."""

    async def of_email(self, email: str) -> UserId | None:
        """The active full member who alone has this e-mail address. Raises AccountsUnknownError."""


@dataclass(frozen=True, slots=True)
class Membership:
    """The members of a Slack group; `error` says in one sentence why nobody can be named: unreadable, or disabled.

    `unanswered`: Slack did not answer in time, and asking again with more patience may help.
    """

    people: frozenset[UserId]
    looked_up: datetime
    error: str = ""
    unanswered: bool = False


class Groups(Protocol):
    """Slack's user groups. It never raises: what it cannot find out is a `Membership` of nobody."""

    async def members(self, group: str, patience: float) -> Membership:
        """The members of the group of this Slack id; waits at most `patience` seconds."""


@dataclass(frozen=True, slots=True)
class ListedGroup:
    """A user group as Slack lists it. `unable` says why nobody may decide by it, such as that it is disabled.

    `in_organization` is its id in the Enterprise organization that it comes from; "" where it is the workspace's own.
    """

    id: str
    handle: str
    people: frozenset[UserId]
    unable: str = ""
    in_organization: str = ""


@dataclass(frozen=True, slots=True)
class RecalledGroup:
    """What is kept of a user group: None where the workspace has none of this id. `age` is in seconds."""

    group: ListedGroup | None
    looked_up: datetime
    age: float


@dataclass(frozen=True, slots=True)
class GroupReading:
    """The right to read the list of user groups, and what was known to have changed when it was taken."""

    token: str
    changes: Mapping[str, str] = field(repr=False)


class GroupMemory(Protocol):
    """The user groups of one workspace, read by one process for all. Everything that fails raises."""

    async def recall(self, group: str) -> RecalledGroup | None:
        """A group by its id, or None: the list was never read, is older than allowed, or the group changed since."""

    async def begin(self) -> GroupReading | None:
        """Take the right to read the list. None: another process reads it now."""

    async def keep(self, reading: GroupReading, groups: Sequence[ListedGroup], looked_up: datetime) -> None:
        """Keep the list that was read, and give the right back. No-op where the right was lost meanwhile."""

    async def abandon(self, reading: GroupReading) -> None:
        """Give the right back without a list."""

    async def changed(self, ids: Collection[str]) -> None:
        """Slack says that these groups have changed, or `*` for all of them; durable when it returns.

        What was read before, or is being read, counts for them no more.
        """


class ChatFailedError(Exception):
    """Something could not be written, and may be the next time. Nobody knows whether it was written all the same."""


class CannotPostError(Exception):
    """Something was not written in a place, and cannot be until somebody does something about it.

    `sentence` is trusted mrkdwn: where, why, and what to do. `forever`: nobody can do anything about it. `unseen`:
    there is no such place, or none that the bot may see; so nobody can where it is known to be deleted.
    """

    def __init__(self, code: str, sentence: str, *, forever: bool = False, unseen: bool = False) -> None:
        super().__init__(f"cannot post: {code}")
        self.code, self.sentence, self.forever, self.unseen = code, sentence, forever, unseen


class Chat(Protocol):
    """What is written to people. Each call may be made many times for the same thing.

    `draw`, `draw_sheet`, `remind` and `say` raise CannotPostError where the place takes nothing now, ChatFailedError
    where trying again soon may help, and Later before anything is written.
    """

    async def draw(self, approval: Approval, attempt: int) -> MessageTs:
        """Post the card, or make the posted one true; returns its `ts`. A closed one that was deleted stays away.

        Where `attempt` is above 1, an earlier attempt may have posted it, or post it still: it is looked for by the
        approval's id in the message metadata, and copies of the card are removed.
        """

    async def draw_sheet(self, sheet: SheetId, approvals: Sequence[Approval], attempt: int) -> MessageTs:
        """The same for the message that several approvals of one thread share, in the order given."""

    async def remind(self, approval: Approval, users: Sequence[UserId], key: str, attempt: int) -> None:
        """Nudge these people, who can decide, in the thread under the card, once for each key."""

    async def call(self, approvals: Sequence[Approval], users: Sequence[UserId], key: str, attempt: int) -> None:
        """Mention these people in the thread under the card, once for each key.

        Here and below, `approvals` are one with a card of its own, or all that share a sheet.
        """

    async def copy(self, approvals: Sequence[Approval], user: UserId, attempt: int) -> Copy | None:
        """Post the card in somebody's direct messages, once; None where they take none."""

    async def redraw_copy(self, approvals: Sequence[Approval], copy: Copy) -> bool:
        """Make a copy true; False where it is gone."""

    async def point_to(self, copy: Copy, sentence: str, key: str, attempt: int) -> None:
        """Tell somebody of their copy of the card by a message of its own, once for each key."""

    async def signpost(self, approvals: Sequence[Approval], attempt: int) -> MessageTs | None:
        """Say in the conversation where the card stands, and what became of it. None: the message is gone."""

    async def say(
        self,
        place: Place,
        text: str,
        key: str,
        *,
        speaker: str,
        attempt: int,
        at: MessageTs | None = None,
        by: UserId | None = None,
    ) -> None:
        """Say what the agent says, whole, however long; in the place of the live message `at`, if there is one.

        `by`: the text tells what this person did, and begins with their name.
        """

    def live(self, place: Place, viewer: UserId) -> "LiveMessage":
        """A message that will show what a run says while it runs; nothing is posted yet."""

    async def take_back(self, place: Place, message: MessageTs) -> None:
        """Remove a live message; one that is gone is fine."""

    async def tell(self, place: Place, user: UserId, sentence: str) -> None:
        """One sentence that only this person sees."""

    async def show_waiting(self, approval: Approval, *, waits: bool) -> None:
        """Show in an approval's conversation whether its agent waits for people. An aid: it never fails."""


class Budget(Protocol):
    """The calls of Slack's API that all processes of a bot make together: see `engine.budget`. It never raises."""

    async def take(self, wish: Wish) -> NotYet | None:
        """None: make the calls now. Else ask again, with the same key."""

    async def shut(self, bucket: str, seconds: float) -> None:
        """Slack refuses the calls of a bucket for so long."""


class LiveMessage(Protocol):
    """Words that appear while the agent works: an aid, which the reply replaces, so nothing depends on it."""

    @property
    def ts(self) -> MessageTs | None:
        """The message, once one is posted."""

    async def show(self, words: str, speaker: str, step: str) -> float:
        """Show the words so far (untrusted) and what runs now; gives the seconds until it may be shown again.

        Never raises but for cancellation: what cannot be shown is not shown.
        """

    async def close(self) -> None:
        """No more will be shown here."""


class Desk(Protocol):
    """What Slack's handlers call: each returns only when what it was told is durable (P1)."""

    async def look(self, approval: ApprovalId) -> Approval | None:
        """The approval as it stands."""

    def shown(self, approval: Approval) -> Approval:
        """The approval as people see it: without secrets. What they send back for it goes to `choose` as it is."""

    async def choose(self, choice: "Click", unless: "Unless | None" = None) -> Refusal | None:
        """Take a click or a submitted form. None: it counted. A refusal was recorded and its author is being told.

        Where `unless` holds of the approval as it stands, nothing is done: then the answer is `ShownInPart`.
        """

    async def act(self, act: "Act") -> Refusal | None:
        """Take what a person does with a request besides deciding it. None: it counted, or is being looked up."""

    async def withdraw(self, approval: ApprovalId, by: UserId) -> Refusal | None:
        """Take back a request, as its requester. None: it is withdrawn, and its run stops."""

    async def disallow(self, approval: ApprovalId, by: UserId) -> str:
        """Take back the grants that an approval tells of; says what came of it, for the person who wants it."""

    async def hear(self, said: "Said") -> None:
        """Take a message."""

    async def card_deleted(self, approval: ApprovalId, channel: ChannelId, card: MessageTs) -> None:
        """Somebody deleted a message that showed an approval: the card of one that is pending comes back."""

    async def sheet(self, thread: ThreadId, sheet: SheetId) -> Sequence[Approval]:
        """The approvals of a sheet, in its order; none where it is no longer kept."""

    def problems(self, approval: Approval, click: "Click") -> Sequence[Problem]:
        """What is wrong with a submitted value, field by field."""


@dataclass(frozen=True, slots=True)
class ListedPerson:
    """Somebody whom a rule names. `unable` says what they are, such as a guest, where they are no full member.

    `outsider`: a guest, or of another workspace, whom a rule may let in all the same.
    """

    id: UserId
    unable: str = ""
    outsider: bool = False

    def is_named_by(self, name: str) -> bool:
        """Whether this name lets an outsider in: their id does, for names change hands."""
        return self.outsider and name == self.id


@dataclass(frozen=True, slots=True)
class ListedChannel:
    """A channel that the bot can see; `member`: it is in it."""

    id: ChannelId
    name: str
    member: bool
    archived: bool


class ChannelMemory(Protocol):
    """Which channel a name stood for when the bot first saw it, in one workspace."""

    async def remembered(self) -> Mapping[str, ChannelId]:
        """All names, with the ids of their channels."""

    async def remember(self, names: Mapping[str, ChannelId]) -> None:
        """Keep these; a name that is remembered already keeps its channel."""


class Channels(Protocol):
    """What Slack's handlers call when something happens to a channel, to people or to user groups.

    What is awaited is durable when it returns. `event` names what happened.
    """

    async def opened(self, channel: ChannelId, event: str) -> None:
        """The bot was invited, or the channel is no longer archived: what waits for it is tried again."""

    async def closed(self, channel: ChannelId, why: str) -> None:
        """Nothing can be posted there any more; `why` is one word for the log."""

    async def renamed(self, channel: ChannelId, name: str) -> None:
        """It has another name now, and is the same channel."""

    async def groups_changed(self, groups: Collection[str]) -> None:
        """These user groups are not what they were, by Slack id; `*` stands for all."""

    def person_changed(self, user: UserId) -> None:
        """Somebody is not who they were, such as a guest now. What this process knows of them counts no more."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The requests that wait for a person, the oldest first; of `unsure` more nobody could tell just now.

    `cut`: there are so many pending requests that only the oldest of them were looked at.
    """

    approvals: tuple[Approval, ...]
    unsure: int = 0
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Able:
    """The people whom a source names now, or why nobody can be named. Those of a channel are not listed.

    `tiers` has the tiers of those who are on call, where the service says them.
    """

    source: Source
    people: tuple[UserId, ...]
    error: str = ""
    tiers: Mapping[UserId, int] = field(default_factory=dict)


class Overview(Protocol):
    """What Slack's handlers show a person of all requests, as they may see them: see `bot.inbound.overview`."""

    async def waiting_for(self, user: UserId) -> Waiting:
        """The pending requests that wait for this person's decision."""

    async def asked_by(self, user: UserId) -> Sequence[Approval]:
        """The pending requests of this person, the oldest first."""

    async def lately(self, user: UserId) -> Sequence[Approval]:
        """What was closed lately of what this person asked or voted on, the latest first."""

    async def find(self, spelled: str, user: UserId) -> Approval | None:
        """The request that a person means: by the beginning of its short id, or by its card as `CHANNEL/TS`."""

    async def able(self, approval: Approval) -> Sequence[Able]:
        """Who could decide a request now, source by source."""

    async def grants(self, user: UserId) -> Sequence[Grant]:
        """The grants that a person gave and that stand."""

    async def revoke(self, grant: GrantId, user: UserId) -> bool:
        """Take back a grant that this person gave. False: it is over already."""


class TimeTravel(Protocol):
    """What Slack's handlers call to go back in a thread. Who may is settled by the policies of what was decided there.

    https://docs.langchain.com/oss/python/langgraph/use-time-travel
    """

    async def conversations(self, channel: ChannelId, user: UserId) -> Sequence[Conversation]:
        """The conversations of a channel or direct message that a person may look back in, the latest first."""

    async def history(self, thread: ThreadId, by: UserId) -> Sequence[Moment] | Refusal:
        """The thread's checkpoints, the newest first."""

    async def travel(self, trip: "Trip") -> Refusal | None:
        """Take the wish to go back: durable when this returns (P1). None: it will be done. Told twice, done once."""


Unless: TypeAlias = Callable[[Approval], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Trip:
    """A person's wish to run on from an earlier checkpoint; see `Journey`."""

    thread: ThreadId
    by: UserId
    checkpoint: str
    key: str
    edits: Json = None


@dataclass(frozen=True, slots=True)
class Said:
    """A message, as it came from Slack. `text` is as written, mentions of the bot removed.

    `team` is what the event says of its author: the bot's own workspace, another one, or an organization. Only the
    roster knows whether somebody of another team belongs to the bot's workspace all the same.
    """

    place: Place
    user: UserId
    team: TeamId
    text: str
    ts: MessageTs
    mentioned: bool
    direct: bool
