"""Timers: a sorted set of due times, which every serving process watches.

`adapters.redis.stores.due_times` has their format: setting a timer again replaces it. Those of a new approval are set
by the store, before it writes the approval (`adapters.redis.stores.approvals`), all others from the approval's lane.

Decisions:
* To fire means to put `TimerFired` into the approval's lane, and only then to remove the timer, if it is still due at
  the same microsecond. After a crash in between the timer fires again, and two processes may fire it at once; the lane
  drops the second message, since its key is made of approval, timer and time. A timer that was meanwhile set to another
  time is not removed, so it is not lost; if it also fires at the earlier time, the handler compares with the approval's
  own deadlines.
* These are two calls, not one script over both: the set belongs to the bot and the lane to the thread, and all keys of
  a script share a hash tag (`adapters.redis.keys`). One pipeline would not be safe either: a server that lost its
  scripts could run the second and refuse the first.
* The clock is the process's, not that of Redis. The deadline was made with it, and the handler of the timer compares
  with it: a wrong clock makes its own process early or late, but the two never disagree. `TimerFired` says when it was
  due: a handler that finds it early by its own clock sets it that much later (`bot.outbound.outbox`), so no lane waits
  for a clock. If one process is late, the others are not. A demo's clock may run faster than the machine's (`speed`):
  all times are the demo's, and only the length of a sleep is converted.
* A process sleeps until the next timer is due, and no longer than `interval`: so it notices a clock that was set, and
  timers of other processes. One look in a while is enough for those, because a process that sets a timer also serves
  and fires it.
* At its start a process sets missing timers from the deadlines of pending approvals: an earlier version may have kept
  them elsewhere, or a restored backup may have lost them. Firing a timer twice is harmless except for a reminder, so a
  reminder that was due more than a day ago is left out: the lane no longer knows whether it came.
* That reads every pending approval, so it is done once a day and not at each start of each process. The entry
  `RESTORED` of the set says when it was done last: it goes with the timers where they are lost, so what it says is true
  of this very set. Its score lies in the year 2112, which no version takes for due, and as many microseconds after as
  there were seconds since 1970.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from redis.exceptions import RedisError

from adapters.redis import codec
from adapters.redis.key_kinds import DAY
from adapters.redis.keys import Keys, thread_of
from adapters.redis.lanes.scripts import RemoveUnchanged
from adapters.redis.stores import due_times, indexes
from adapters.redis.stores.approvals import RedisApprovals
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.errors import LOST
from adapters.redis.transport.failures import FailureLog
from adapters.redis.transport.scripts import Command, Key
from engine.approvals.approval import Approval, State
from engine.approvals.effects import Effect, Timer, TimerFired
from engine.ids import ApprovalId
from engine.machine import timers_of

PutEffect = Callable[[Effect, str], Awaitable[object]]
Now = Callable[[], datetime]

_BATCH = 100
_LATEST = float(1 << 53)
"""The largest score that is exact to the microsecond."""
_MARGIN = timedelta(hours=1)
RESTORED = b"restored"
_YEAR_2112 = 1 << 52
_RESTORED_TOGETHER = 50
_FIRING = "firing timers"


def utc_now() -> datetime:
    """Read the machine's clock."""
    return datetime.now(UTC)


class Timers:
    """The timers of one bot; `put` adds an effect to its lane once for each key."""

    def __init__(
        self,
        database: AsyncTransport,
        keys: Keys,
        put: PutEffect,
        failures: FailureLog,
        now: Now = utc_now,
        speed: float = 1.0,
    ) -> None:
        self._database = database
        self._keys = keys
        self._key = keys.timers()
        self._put = put
        self._failures = failures
        self._now = now
        self._speed = speed
        self._earlier = asyncio.Event()
        self._next: int | None = None
        """The time of the next known timer, when this process looks again."""

    async def set(self, approval: ApprovalId, timer: Timer, at: datetime) -> None:
        """Set a timer, or set it to another time."""
        await self._database.run(due_times.set_timer(self._keys, approval, timer, at))
        self.note(at)

    def note(self, at: datetime) -> None:
        """Note that a timer was set to this time: the process wakes in time for it."""
        if self._next is None or due_times.score(at) < self._next:
            self._earlier.set()

    async def clear(self, approval: ApprovalId, timer: Timer) -> None:
        """Forget a timer, if it is set."""
        await self._database.run(due_times.clear_timer(self._keys, approval, timer))

    # Firing -----------------------------------------------------------------------------------------------------------

    async def fire_and_wait(self, interval: float) -> None:
        """Fire what is due, then wait for the next timer, `interval` seconds at most."""
        self._earlier.clear()
        self._next = None
        try:
            self._next = await self._fire_due()
        except RedisError as error:
            self._failures.report_error(_FIRING, error)
        else:
            self._failures.clear(_FIRING)
        seconds = interval if self._next is None else min(interval, self._seconds_until(self._next))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.001, seconds)):
                await self._earlier.wait()

    def _seconds_until(self, score: int) -> float:
        return (score - due_times.score(self._now())) / 1_000_000 / self._speed

    async def _fire_due(self) -> int | None:
        """Fire all that is due; gives when the next timer is. What cannot be fired is skipped and tried again later."""
        stuck = 0
        while found := await self._first(stuck):
            now = due_times.score(self._now())
            due = [(member, score) for member, score in found if float(score) <= now]
            fired = await asyncio.gather(*(self._fire(member, score) for member, score in due))
            stuck += fired.count(False)
            if len(due) < len(found):
                return int(min(float(found[len(due)][1]), _LATEST))
        return None

    async def _first(self, skipped: int) -> Sequence[tuple[bytes, bytes]]:
        """Read the timers that are due first, after the skipped ones."""
        words = ("ZRANGE", self._key, skipped, skipped + _BATCH - 1, "WITHSCORES")
        found = await self._database.run(Command(*words))
        return list(zip(found[::2], found[1::2], strict=True))

    async def _fire(self, member: bytes, score: bytes) -> bool:
        place = f"firing the timer {member!r}"
        try:
            await self._put_fired(member, score)
            await self._database.run(RemoveUnchanged(self._key, (member, score)))
        except RedisError as error:
            self._failures.report_error(place, error)
            return False
        self._failures.clear(place)
        return True

    async def _put_fired(self, member: bytes, score: bytes) -> None:
        try:
            approval, timer, at = due_times.read(member, score)
        except (ValueError, OverflowError):
            self._failures.report(
                self._key, f"{self._key} has an entry that is not a timer of Signoff: the entry is removed"
            )
            return
        await self._put(TimerFired(approval, timer, at), f"timer/{approval}/{timer.value}/{at.isoformat()}")

    # What an earlier process left -------------------------------------------------------------------------------------

    async def restore_daily(self) -> None:
        """Do `restore` unless that was done in the last day, on this data. Raises RedisError."""
        seconds = due_times.score(self._now()) // 1_000_000
        looks = (Command("ZSCORE", self._key, RESTORED), Command("EXISTS", self._keys.pending(indexes.ALL)))
        restored, has_index = await self._database.run_all(*looks)
        age = seconds - (int(float(restored)) - _YEAR_2112) if restored else None
        if age is None or not has_index or not 0 <= age < DAY.total_seconds():
            await self.restore()
            await self._database.run(Command("ZADD", self._key, _YEAR_2112 + seconds, RESTORED))

    async def restore(self) -> None:
        """Set the missing timers of pending approvals. Safe to repeat. Raises RedisError."""
        keys: list[str] = []
        async for name in self._database.scan(self._keys.every_open()):
            keys.append(name.decode("utf-8", "replace"))
            if len(keys) == _RESTORED_TOGETHER:
                began = time.monotonic()
                await self._restore_some(keys)
                await asyncio.sleep(time.monotonic() - began)  # half of the time is for clicks
                keys.clear()
        await self._restore_some(keys)
        self._earlier.set()

    async def _restore_some(self, keys: Sequence[str]) -> None:
        """Set the timers of some threads; what cannot be read is reported, and hinders no other."""
        try:
            await self._restore(keys)
        except LOST:
            raise
        except (RedisError, codec.UnreadableError, ValueError) as error:
            if len(keys) > 1:
                for key in keys:
                    await self._restore_some([key])
                return
            key = keys[0]
            self._failures.report(key, f"the deadlines of the approvals in {key} are unknown ({type(error).__name__})")

    async def _restore(self, keys: Sequence[str]) -> None:
        marks = await self._database.run_all(*(Command("SMEMBERS", Key(key)) for key in keys))
        ids = [
            ApprovalId(f"{thread_of(key)}#{mark.decode()}")
            for key, found in zip(keys, marks, strict=True)
            for mark in found
        ]
        known = await RedisApprovals(self._database, self._keys).known(ids)
        pending = [each for each in known if each.state is State.PENDING]
        indexed = [call for each in pending for call in indexes.index_pending(self._keys, each)]
        timers = [
            due_times.set_missing_timer(self._keys, each.id, timer, at)
            for each in pending
            for timer, at in self._still_due(each)
        ]
        if indexed:
            await self._database.run_all(*indexed, *timers)

    def _still_due(self, approval: Approval) -> Sequence[tuple[Timer, datetime]]:
        known = self._now() - DAY + _MARGIN
        return [(timer, at) for timer, at in timers_of(approval) if timer is not Timer.REMIND or at >= known]
