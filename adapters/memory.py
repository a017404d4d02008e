"""Every port of state, work and people in memory: the model that contract tests compare the real adapters with.

Nothing here is durable, and one process is all there is. What the real ones promise about order, one at a time,
de-duplication, attempts, fences, dead letters and timers holds here too, on any clock: with `ManualClock` and
`run_until_idle` a test decides what time it is and when work is done.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from engine.approvals.approval import OPEN, Approval, Copy, Place, State, people_of, policies_of
from engine.approvals.audit import Entry, recorded
from engine.approvals.effects import Effect, Lane, Timer, TimerFired, lane_of
from engine.asks.ask import Ask, canonical
from engine.authority.eligibility import Facts, Standing
from engine.budget import Ledger, NotYet, Wish
from engine.conversation import Conversation
from engine.ids import ApprovalId, ChannelId, GrantId, MessageTs, SheetId, TeamId, ThreadId, UserId
from engine.ports import Change, Clock, DeadLetter, Handler, Later, LiveMessage, SetAside, Unposted, Work, passed_over
from engine.rules.grants import Grant, given_entry, oldest_first, revoked_entry, used_entry

ATTEMPTS = 8
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 30.0
REMEMBERED = timedelta(days=1)


class ManualClock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = now

    def now(self) -> datetime:
        """Aware, in UTC."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move on."""
        self._now += timedelta(seconds=seconds)


class SystemClock:
    """The machine's own."""

    def now(self) -> datetime:
        """Aware, in UTC."""
        return datetime.now(UTC)


# Work -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Mail:
    id: str
    effect: Effect


@dataclass(slots=True)
class _Box:
    """A lane: what waits, how often its head was begun, and until when it rests."""

    mail: deque[_Mail] = field(default_factory=deque)
    attempt: int = 0
    fence: int = 0
    rests_until: datetime | None = None
    served: bool = False


class MemoryLanes:
    """The port `Lanes`."""

    def __init__(self, clock: Clock, attempts: int = ATTEMPTS) -> None:
        self._clock = clock
        self._attempts = attempts
        self._boxes: dict[Lane, _Box] = {}
        self._seen: dict[tuple[Lane, str], datetime] = {}
        self._timers: dict[tuple[ApprovalId, Timer], datetime] = {}
        self._dead: dict[str, DeadLetter] = {}
        self._changed = asyncio.Event()
        self._set_aside: SetAside = passed_over

    async def put(self, effect: Effect, key: str) -> bool:
        """Add an effect to its lane unless its key was put within a day."""
        now, lane = self._clock.now(), lane_of(effect)
        seen = self._seen.get((lane, key))
        if seen is not None and now - seen < REMEMBERED:
            return False
        self._seen[lane, key] = now
        self.deliver(effect, key)
        return True

    def deliver(self, effect: Effect, id: str) -> None:  # noqa: A002 - it is its id
        """Add an effect to its lane, whatever was put before."""
        self._boxes.setdefault(lane_of(effect), _Box()).mail.append(_Mail(id, effect))
        self._changed.set()

    async def ring(self, effects: Sequence[Effect]) -> None:
        """Wake the lanes of effects."""
        if effects:
            self._changed.set()

    async def set_timer(self, approval: ApprovalId, timer: Timer, at: datetime) -> None:
        """Put `TimerFired` into the approval's lane at that time; setting it again replaces it."""
        self._timers[approval, timer] = at
        self._changed.set()

    async def clear_timer(self, approval: ApprovalId, timer: Timer) -> None:
        """Forget a timer, if it is set."""
        self._timers.pop((approval, timer), None)

    async def dead_letters(self) -> Sequence[DeadLetter]:
        """What was set aside, oldest first."""
        return sorted(self._dead.values(), key=lambda letter: letter.at)

    async def revive(self, letter: str) -> bool:
        """Put a dead letter back at the end of its lane."""
        found = self._dead.pop(letter, None)
        if found is None:
            return False
        self.deliver(found.effect, letter.partition(" ")[2])
        return True

    @property
    def waiting(self) -> Mapping[Lane, Sequence[Effect]]:
        """What waits in each lane, for tests to look at."""
        return {lane: [mail.effect for mail in box.mail] for lane, box in self._boxes.items() if box.mail}

    async def run_until_idle(self, handler: Handler) -> int:
        """Do all that can be done at this time, lane by lane in a fixed order; gives the number of deliveries."""
        count = 0
        while lanes := self._ready():
            for lane in lanes:
                await self._deliver_one(lane, handler)
                count += 1
        return count

    async def serve(self, handler: Handler, set_aside: SetAside = passed_over) -> None:
        """Serve until cancelled; what is under way then is awaited."""
        self._set_aside = set_aside
        cancelled: asyncio.CancelledError | None = None
        async with asyncio.TaskGroup() as group:
            try:
                while True:
                    self._changed.clear()
                    for lane in self._ready():
                        self._boxes[lane].served = True
                        group.create_task(self._serve_one(lane, handler))
                    await self._change()
            except asyncio.CancelledError as error:
                cancelled = error
        raise cancelled

    async def _serve_one(self, lane: Lane, handler: Handler) -> None:
        try:
            await self._deliver_one(lane, handler)
        finally:
            self._boxes[lane].served = False
            self._changed.set()

    async def _change(self) -> None:
        rests = [box.rests_until for box in self._boxes.values() if box.mail and box.rests_until and not box.served]
        times = [*rests, *self._timers.values()]
        wait = (min(times) - self._clock.now()).total_seconds() if times else None
        try:
            async with asyncio.timeout(None if wait is None else max(0.0, wait)):
                await self._changed.wait()
        except TimeoutError:
            pass

    def _ready(self) -> list[Lane]:
        now = self._clock.now()
        for (approval, timer), at in list(self._timers.items()):
            if at <= now:
                del self._timers[approval, timer]
                self.deliver(TimerFired(approval, timer, at), f"timer/{approval}/{timer}/{at.isoformat()}")
        return [
            lane
            for lane, box in self._boxes.items()
            if box.mail and not box.served and (box.rests_until is None or box.rests_until <= now)
        ]

    async def _deliver_one(self, lane: Lane, handler: Handler) -> None:
        box = self._boxes[lane]
        mail = box.mail[0]
        box.attempt, box.fence, box.rests_until = box.attempt + 1, box.fence + 1, None
        try:
            await handler(Work(mail.id, lane, mail.effect, box.attempt, box.fence))
        except Later as later:
            box.attempt -= 1
            box.rests_until = self._clock.now() + timedelta(seconds=later.seconds)
            return
        except asyncio.CancelledError:
            box.attempt = max(1, box.attempt - 1)
            raise
        except Exception as error:  # noqa: BLE001 - whatever failed, the lane goes on
            if box.attempt < self._attempts:
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (box.attempt - 1))
                box.rests_until = self._clock.now() + timedelta(seconds=pause)
                return
            letter = f"{lane} {mail.id}"
            self._dead[letter] = DeadLetter(letter, lane, mail.effect, type(error).__name__, self._clock.now())
            await self._set_aside(self._dead[letter])
        box.mail.popleft()
        box.attempt = 0


# State ----------------------------------------------------------------------------------------------------------------


class MemoryAudit:
    """The port `Audit`."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    async def of_thread(self, thread: ThreadId) -> Sequence[Entry]:
        """All rows of a thread, oldest first."""
        return [entry for entry in self.entries if entry.thread == thread]

    async def add(self, entry: Entry) -> None:
        """Write a row."""
        self.record(entry)

    def record(self, entry: Entry) -> None:
        """The same at once."""
        others = [each for each in self.entries if each.thread != entry.thread]
        own = [each for each in self.entries if each.thread == entry.thread]
        self.entries = [*others, *recorded(own, entry)]


class MemoryApprovals:
    """The ports `Approvals` and `Listing`: effects go into `lanes`, rows into `audit`."""

    def __init__(self, lanes: MemoryLanes, audit: MemoryAudit) -> None:
        self._lanes = lanes
        self._audit = audit
        self._kept: dict[ApprovalId, Approval] = {}
        self._notes = 0

    async def get(self, approval: ApprovalId) -> Approval | None:
        """The approval as it stands, or None."""
        return self._kept.get(approval)

    async def ask(self, approval: ApprovalId) -> Ask | None:
        """What was asked."""
        return self._kept[approval].ask if approval in self._kept else None

    async def create(self, change: Change) -> bool:
        """Write a new approval unless one of its id exists."""
        if change.approval.id in self._kept:
            return False
        self._write(change)
        return True

    async def save(self, change: Change) -> bool:
        """Compare and write."""
        stored, before = self._kept.get(change.approval.id), change.approval
        if not change.touches:
            self._notes += 1
            self._post(change, f"{before.id}/{before.version}/note-{self._notes}")
            return True
        if stored is None or stored.version != before.version:
            return False
        self._write(change)
        return True

    async def open(self, thread: ThreadId) -> Sequence[Approval]:
        """The open approvals of a thread, oldest first."""
        return self._found(lambda each: each.thread == thread and each.state in OPEN)

    async def known(self, approvals: Sequence[ApprovalId]) -> Sequence[Approval]:
        """Those of these approvals that are kept."""
        return self._found(lambda each: each.id in approvals)

    async def of_sheet(self, thread: ThreadId, sheet: SheetId) -> Sequence[Approval]:
        """The approvals of a sheet, oldest first."""
        return self._found(lambda each: each.thread == thread and each.sheet == sheet)

    async def by_card(self, thread: ThreadId, card: MessageTs) -> ApprovalId | None:
        """The approval whose card is this message at the root of its channel."""
        found = self._found(lambda each: each.thread == thread and each.card == card and each.place.thread_ts is None)
        return found[0].id if found else None

    async def pending(self, most: int = 1_000) -> Sequence[Approval]:
        """The pending approvals, the oldest first."""
        return self._found(lambda each: each.state is State.PENDING)[:most]

    async def asked_by(self, user: UserId, most: int = 1_000) -> Sequence[Approval]:
        """The pending approvals of this requester, the oldest first."""
        return [each for each in await self.pending(most) if each.requester == user]

    async def lately(self, user: UserId, most: int) -> Sequence[Approval]:
        """What was closed lately of what this person asked or voted on, the latest first."""
        found = self._found(lambda each: each.state not in OPEN and user in people_of(each))
        return sorted(found, key=lambda each: each.closed_at or each.created_at, reverse=True)[:most]

    async def deciding(self, thread: ThreadId) -> Sequence[Approval]:
        """Approvals of the thread that have all its policies."""
        return self._found(lambda each: each.thread == thread and bool(policies_of([each])))

    def _found(self, which: Callable[[Approval], bool]) -> list[Approval]:
        return sorted(filter(which, self._kept.values()), key=lambda approval: (approval.created_at, approval.id))

    def _write(self, change: Change) -> None:
        stored = replace(change.approval, version=change.approval.version + 1)
        self._kept[stored.id] = stored
        self._post(change, f"{stored.id}/{stored.version}")

    def _post(self, change: Change, write: str) -> None:
        for number, effect in enumerate(change.effects):
            self._lanes.deliver(effect, f"{write}/{number}")
        for entry in change.entries:
            self._audit.record(entry)


class MemoryBacklog:
    """The port `Backlog`."""

    def __init__(self) -> None:
        self._kept: dict[str, Unposted] = {}
        self._buried: set[ChannelId] = set()

    async def add(self, unposted: Unposted) -> None:
        """Keep it; where one of its key is kept, that one's time stays."""
        known = self._kept.get(unposted.key, unposted)
        self._kept[unposted.key] = replace(unposted, since=known.since)

    async def drop(self, key: str) -> None:
        """Forget it."""
        self._kept.pop(key, None)

    async def all(self) -> Sequence[Unposted]:
        """Everything that waits, oldest first."""
        return sorted(self._kept.values(), key=lambda each: each.since)

    async def of(self, keys: Collection[str]) -> Sequence[Unposted]:
        """What waits of these, oldest first."""
        return [each for each in await self.all() if each.key in keys]

    async def bury(self, channel: ChannelId) -> None:
        """A channel was deleted for good."""
        self._buried.add(channel)

    async def is_buried(self, channel: ChannelId) -> bool:
        """Whether a channel was deleted for good."""
        return channel in self._buried


class MemoryGrants:
    """The port `Grants`: rows go into `audit`."""

    def __init__(self, audit: MemoryAudit) -> None:
        self._audit = audit
        self._kept: dict[tuple[ThreadId, GrantId], Grant] = {}
        self._revoked: set[tuple[ThreadId, GrantId]] = set()
        self._used: set[tuple[ThreadId, GrantId, ApprovalId]] = set()

    async def give(self, grant: Grant) -> bool:
        """Keep a grant."""
        key = (grant.thread, grant.id)
        if key in self._revoked:
            return False
        if key not in self._kept:
            self._kept[key] = grant
            self._audit.record(given_entry(grant))
        return self._is_kept(grant)

    async def use(self, grant: Grant, approval: ApprovalId, at: datetime) -> bool:
        """Record that an approval is decided by a grant."""
        if not (self._is_kept(grant) and self._is_live(grant, at)):
            return False
        if (grant.thread, grant.id, approval) not in self._used:
            self._used.add((grant.thread, grant.id, approval))
            self._audit.record(used_entry(grant, approval, at))
        return True

    async def revoke(self, grant: Grant, by: UserId, at: datetime) -> bool:
        """Take a grant back."""
        if not self._is_live(grant, at):
            return False
        self._revoked.add((grant.thread, grant.id))
        self._audit.record(revoked_entry(grant, by, at))
        return True

    async def of_thread(self, thread: ThreadId, at: datetime) -> Sequence[Grant]:
        """The grants of a conversation, oldest first."""
        return [each for each in self._live(at) if each.thread == thread]

    async def of_person(self, user: UserId, at: datetime) -> Sequence[Grant]:
        """The grants that a person gave, oldest first."""
        return [each for each in self._live(at) if user in each.by]

    def _live(self, at: datetime) -> list[Grant]:
        return oldest_first(each for each in self._kept.values() if self._is_live(each, at))

    def _is_kept(self, grant: Grant) -> bool:
        """Whether it is kept as it is: 1, 1.0 and true are equal to Python."""
        kept = self._kept.get((grant.thread, grant.id))
        return kept == grant and canonical(grant.args) == canonical(kept.args)

    def _is_live(self, grant: Grant, at: datetime) -> bool:
        key = (grant.thread, grant.id)
        return key in self._kept and key not in self._revoked and at < grant.until


class MemoryConversations:
    """The port `Conversations`."""

    def __init__(self) -> None:
        self._kept: dict[ThreadId, Conversation] = {}

    async def get(self, thread: ThreadId) -> Conversation | None:
        """The conversation of a thread, or None."""
        return self._kept.get(thread)

    async def of_channel(self, channel: ChannelId) -> Sequence[Conversation]:
        """The conversations of a channel, the latest first."""
        found = [each for each in self._kept.values() if each.place.channel == channel]
        return found[::-1]

    async def save(self, conversation: Conversation, fence: int) -> None:  # noqa: ARG002 - one process has no rival
        """Write it."""
        self._kept.pop(conversation.thread, None)
        self._kept[conversation.thread] = conversation


# People ---------------------------------------------------------------------------------------------------------------


class MemoryRoster:
    """The port `Roster`: members are those whom it was told of; `down` makes it know nothing."""

    def __init__(self, standings: Mapping[UserId, Standing] | None = None) -> None:
        self.standings = dict(standings or {})
        self.outside: set[tuple[UserId, str]] = set()
        self.down = False

    async def facts(self, user: UserId, place: Place, *, membership: bool) -> Facts:
        """A person's standing, and whether they are in the place's channel: everybody is, but for `outside`."""
        if self.down:
            return Facts(Standing.UNKNOWN)
        inside = (user, place.channel) not in self.outside if membership else None
        return Facts(self.standings.get(user, Standing.STRANGER), inside)


@dataclass(frozen=True, slots=True)
class Message:
    """What `MemoryChat` was told to write: `kind` is card, reminder, said or told."""

    kind: str
    place: Place
    text: str
    user: UserId | None = None
    approval: Approval | None = None
    key: str = ""


class Unseen:
    """A `LiveMessage` that shows nothing."""

    ts: MessageTs | None = None

    async def show(self, words: str, speaker: str, step: str) -> float:
        """Show nothing."""
        del words, speaker, step
        return 1.0

    async def close(self) -> None:
        """Nothing was shown."""


class MemoryChat:
    """The port `Chat`: remembers what was written. Cards are kept by approval, as they were last drawn."""

    def __init__(self, fails: Callable[[], Exception | None] = lambda: None) -> None:
        self.messages: list[Message] = []
        self.cards: dict[ApprovalId, Approval] = {}
        self._posted: dict[str, MessageTs] = {}
        self._fails = fails
        self._clock = 1_700_000_000

    async def draw(self, approval: Approval, attempt: int) -> MessageTs:
        """Post the card, or make the posted one true. Posted once for each approval, whatever the attempt."""
        del attempt
        self._perhaps_fail()
        self.cards[approval.id] = approval
        if approval.id not in self._posted:
            self._posted[approval.id] = self._ts()
            self.messages.append(Message("card", approval.place, approval.ask.prompt, approval=approval))
        return self._posted[approval.id]

    async def draw_sheet(self, sheet: SheetId, approvals: Sequence[Approval], attempt: int) -> MessageTs:
        """The same for a sheet, which is kept by its first approval."""
        del sheet
        self.cards |= {each.id: each for each in approvals}
        return await self.draw(approvals[0], attempt)

    async def remind(self, approval: Approval, users: Sequence[UserId], key: str, attempt: int) -> None:
        """Nudge those who can decide."""
        del users, key, attempt
        self._perhaps_fail()
        self.messages.append(Message("reminder", approval.place, approval.ask.prompt, approval=approval))

    async def call(self, approvals: Sequence[Approval], users: Sequence[UserId], key: str, attempt: int) -> None:
        """Mention people under the card, once for each key."""
        del attempt
        self._perhaps_fail()
        if not any(message.key == key for message in self.messages):
            self.messages.append(Message("call", approvals[0].place, " ".join(users), approval=approvals[0], key=key))

    async def copy(self, approvals: Sequence[Approval], user: UserId, attempt: int) -> Copy | None:
        """Post the card to a person, once for each."""
        del attempt
        self._perhaps_fail()
        key, place = f"copy/{approvals[0].id}/{user}", Place(approvals[0].place.team, ChannelId(f"D{user}"))
        if key not in self._posted:
            self._posted[key] = self._ts()
            self.messages.append(Message("copy", place, approvals[0].ask.prompt, user, approvals[0], key))
        return Copy(user, place.channel, self._posted[key])

    async def redraw_copy(self, approvals: Sequence[Approval], copy: Copy) -> bool:
        """Each copy is there."""
        del approvals, copy
        self._perhaps_fail()
        return True

    async def point_to(self, copy: Copy, sentence: str, key: str, attempt: int) -> None:
        """Tell somebody of their copy."""
        await self.tell(Place(TeamId(""), copy.channel), copy.user, sentence)
        del key, attempt

    async def signpost(self, approvals: Sequence[Approval], attempt: int) -> MessageTs | None:
        """Say in the conversation where the card stands, once."""
        del attempt
        self._perhaps_fail()
        key = f"signpost/{approvals[0].id}"
        if key not in self._posted:
            self._posted[key] = self._ts()
            self.messages.append(Message("signpost", approvals[0].home, approvals[0].ask.prompt, key=key))
        return self._posted[key]

    def live(self, place: Place, viewer: UserId) -> LiveMessage:
        """A message that nobody sees."""
        del place, viewer
        return Unseen()

    async def take_back(self, place: Place, message: MessageTs) -> None:
        """There is none."""

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
        """Say what the agent says, once for each key."""
        del speaker, attempt, at
        text = f"<@{by}> {text}" if by else text
        self._perhaps_fail()
        if not any(message.key == key for message in self.messages):
            self.messages.append(Message("said", place, text, key=key))

    async def show_waiting(self, approval: Approval, *, waits: bool) -> None:
        """Show nothing."""

    async def tell(self, place: Place, user: UserId, sentence: str) -> None:
        """One sentence that only this person sees."""
        self._perhaps_fail()
        self.messages.append(Message("told", place, sentence, user=user))

    def _perhaps_fail(self) -> None:
        error = self._fails()
        if error is not None:
            raise error

    def _ts(self) -> MessageTs:
        self._clock += 1
        return MessageTs(f"{self._clock}.000000")


class MemoryBudget:
    """The port `Budget` for one process, by the rule of `engine.budget`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ledger = Ledger()

    async def take(self, wish: Wish) -> NotYet | None:
        """Take, or be told when to ask again."""
        return self._ledger.take(wish, self._clock())

    async def shut(self, bucket: str, seconds: float) -> None:
        """Slack refuses the calls of a bucket for so long."""
        self._ledger.shut(bucket, seconds, self._clock())
