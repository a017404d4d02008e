"""Lanes: work waits in mailboxes in Redis, and each is served in order, by one process at a time.

Decisions:
* The process that puts work serves it at once: it wakes a task of its own, which claims the lane by a lease in Redis
  (`adapters.redis.lanes.scripts`), does what waits, and completes each message and takes the next in one round trip.
* Lanes stand alone, on scripts of ours. A task queue knows no order within a key and no fence, and those that were
  looked at unpickle what stands in Redis, or poll it many times a second. What is read here is JSON, a name or a
  number, so that who can write to Redis can lie to Signoff, and cannot have it run code.
* What needs a schedule are the timers (`adapters.redis.lanes.timers`). What needs another process are bells
  (`adapters.redis.lanes.bells`): a process that does not serve rings, and so does one that stops.
* No wake-up is needed for anything to happen, only for it to happen soon: every lane with work stands in an index
  (`adapters.redis.mailbox`), which each process sweeps when it starts and then twice for each lease. A lost ring, a
  killed process and a restarted Redis are all healed by it. A lane that somebody else holds is looked at again when
  that lease ends, so that a killed process's work goes on after one lease.
* What cannot be read, or not be worked on because its keys hold something else, makes its own lane wait: it is looked
  at again every `_BROKEN_SECONDS`, and told once (`adapters.redis.transport.failures`). Other lanes go on.
* A lease is renewed three times in its length, for as long as a handler runs. Who loses it all the same (a process that
  stood still) has its handler cancelled, and its completion is refused by the fence, as are its checkpoints.
* On Python 3.11 redis-py can swallow a cancellation: `asyncio.wait_for` gives a result that is there already. So no
  loop here ends by being cancelled alone; each looks at a flag that was set before.
  https://github.com/python/cpython/issues/86296
* Of the lanes, graph runs take long and are bounded apart from the rest: 100 agents at work do not delay a card.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from redis.exceptions import RedisError

from adapters.redis import codec, mailbox
from adapters.redis.keys import DAY, Keys
from adapters.redis.lanes.bells import Bells
from adapters.redis.lanes.service import LaneService
from adapters.redis.lanes.timers import Now, Timers, utc_now
from adapters.redis.lanes.visit import LaneContext
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.failures import FailureLog, Outage
from adapters.redis.transport.scripts import Command
from engine.approvals.effects import Effect, Lane, Timer, lane_of
from engine.ids import ApprovalId
from engine.ports import DeadLetter, Handler, SetAside, passed_over

LEASE = timedelta(seconds=10)
_LISTENING_SECONDS = 1.0


class RedisLanes:
    """The port `Lanes` on Redis.

    `url` is where bells are heard; `database` is for everything else, and tells of an `outage`; timers go by `now`, a
    clock that runs `speed` times as fast as the machine's; `masked` takes the secrets out of what handlers raise,
    before it is logged or kept in a dead letter. Raises redis.exceptions.RedisError from `put` and the timers, after
    the client's retries: then nothing is known to be written.
    """

    def __init__(  # noqa: PLR0913 - by keyword, each with a default
        self,
        database: AsyncTransport,
        keys: Keys,
        url: str,
        *,
        lease: timedelta = LEASE,
        attempts: int | None = None,
        outage: Outage | None = None,
        now: Now = utc_now,
        speed: float = 1.0,
        masked: Callable[[str], str] = str,
    ) -> None:
        self._database = database
        self._keys = keys
        self._failures = FailureLog()
        self._context = LaneContext(database, keys, lease, attempts, outage or Outage(""), self._failures, masked)
        self._seconds = lease.total_seconds()
        self._service: LaneService | None = None
        self._bells = Bells(database, keys.bells(), url, self._failures)
        self._timers = Timers(database, keys, self.put, self._failures, now, speed)

    # Work in ----------------------------------------------------------------------------------------------------------

    async def put(self, effect: Effect, key: str) -> bool:
        """Add an effect to its lane. False: one of this key was put within a day. Wakes the lane in either case."""
        lane, stamp = lane_of(effect), mailbox.STAMPS.next()
        put = mailbox.AppendMail(
            box=mailbox.box(self._keys, lane),
            seen=self._keys.seen(lane.thread, lane.name, key),
            seconds=int(DAY.total_seconds()),
            stamp=stamp,
            message=mailbox.write(key, stamp, effect),
        )
        added = (await self._database.run_all(mailbox.mark_lanes(self._keys, (lane,), stamp), put))[-1]
        await self._wake((lane,))
        return bool(added)

    async def ring(self, effects: Sequence[Effect]) -> None:
        """Wake the lanes of effects that an approval's change has put there. Losing a ring loses only time."""
        await self._wake(dict.fromkeys(map(lane_of, effects)))

    async def _wake(self, lanes: Iterable[Lane]) -> None:
        if self._service is not None:
            for lane in lanes:
                self._service.wake(lane)
        else:
            await self._bells.ring(lanes)

    # Timers -----------------------------------------------------------------------------------------------------------

    async def set_timer(self, approval: ApprovalId, timer: Timer, at: datetime) -> None:
        """Put `TimerFired` into the approval's lane at that time; setting it again replaces it."""
        await self._timers.set(approval, timer, at)

    async def clear_timer(self, approval: ApprovalId, timer: Timer) -> None:
        """Forget a timer, if it is set."""
        await self._timers.clear(approval, timer)

    # Dead letters -----------------------------------------------------------------------------------------------------

    async def dead_letters(self) -> Sequence[DeadLetter]:
        """What was set aside, oldest first; what cannot be read is left out and logged."""
        key = self._keys.dead()
        found = await self._database.run(Command("HVALS", key))
        letters = codec.DEAD_LETTER.load_all(found, key)
        return sorted(letters, key=lambda letter: letter.at)

    async def revive(self, letter: str) -> bool:
        """Put a dead letter back at the end of its lane. Two at once put it once."""
        key, name = self._keys.dead(), letter.encode("utf-8", "surrogatepass")
        found = await self._database.run(Command("HGET", key, name))
        if found is None:
            return False
        dead = codec.DEAD_LETTER.load(found, key)
        # First put, then delete: a crash in between leaves a letter whose second revival finds the key of the first.
        await self.put(dead.effect, f"revived/{dead.at.isoformat()}/{letter}")
        await self._database.run(Command("HDEL", key, name))
        return True

    # Work out ---------------------------------------------------------------------------------------------------------

    async def serve(self, handler: Handler, set_aside: SetAside = passed_over) -> None:
        """Serve until cancelled; what is under way then goes on to its end, and other processes get the rest.

        Cancelled a second time, the handlers are cancelled too, and their work is left at the head of its lane.

        Raises RuntimeError when they are served already.
        """
        if self._service is not None:
            raise RuntimeError("these lanes are served already")
        async with asyncio.TaskGroup() as keeping:
            service = LaneService(self._context, handler, set_aside)
            renewing = keeping.create_task(service.renew())
            try:
                cancelled = await self._serve(service, keeping)
            finally:
                service.end()
                renewing.cancel()
                await self._bells.ring(dict.fromkeys(service.left))
        raise cancelled

    async def _serve(self, service: LaneService, keeping: asyncio.TaskGroup) -> asyncio.CancelledError:
        async with asyncio.TaskGroup() as lanes:
            service.begin(lanes)
            self._service = service
            parts = (service.sweep(), self._hear(service), self._keep_time(service), self._restore(service))
            finding = [keeping.create_task(part) for part in parts]
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError as error:
                return error
            finally:
                self._service = None  # from now on a ring goes to others
                service.stop()
                for task in finding:
                    task.cancel()
        raise AssertionError

    async def _hear(self, service: LaneService) -> None:
        """Hear the bells of others; what was rung while nobody listened is found by the sweep."""
        while service.serves:
            try:
                await self._bells.hear(service.wake, lambda: service.serves)
            except RedisError as error:
                self._bells.deaf(error)
                await asyncio.sleep(_LISTENING_SECONDS)

    async def _keep_time(self, service: LaneService) -> None:
        while service.serves:
            await self._timers.turn(self._seconds / 2)

    async def _restore(self, service: LaneService) -> None:
        while service.serves:
            await service.unset.wait()
            try:
                await self._timers.restore()
            except RedisError as error:
                self._failures.report_error("setting the timers of pending approvals", error)
                await asyncio.sleep(self._seconds / 2)
            else:
                service.unset.clear()
