"""Lanes, timers and dead letters in memory."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.approvals.effects import Effect, Lane, Timer, TimerFired, lane_of
from engine.ids import ApprovalId
from engine.ports import Clock, DeadLetter, Handler, Later, SetAside, Work, passed_over

ATTEMPTS = 8
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 30.0
REMEMBERED = timedelta(days=1)


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

    async def waiting_in(self, lane: Lane) -> Sequence[Effect]:
        """The effects of a lane that are not done yet, oldest first."""
        return self.waiting.get(lane, ())

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
        """All dead letters, oldest first."""
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
        """The waiting effects of each lane, for tests."""
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
