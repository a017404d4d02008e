"""Lanes: work waits in mailboxes in Redis, and each lane is served in order, by one process at a time.

Decisions:
* The process that adds work also serves it: it wakes a task of its own, which claims the lane by a lease in Redis
  (`adapters.redis.lanes.scripts`), handles the messages, and completes each and takes the next in one round trip.
* Lanes are scripts of ours, not a task queue. A task queue has no order within a key and no fence, and those we
  examined unpickle what is in Redis or poll it many times a second. Everything read here is JSON, a name or a number: a
  person who can write to Redis can lie to Signoff, but cannot make it run code.
* Timers are for what needs a schedule (`adapters.redis.lanes.timers`), bells for what needs another process
  (`adapters.redis.lanes.bells`): a process that does not serve rings, and so does one that stops.
* Work never depends on a wake-up, which only makes it start soon: every lane with work stands in an index
  (`adapters.redis.mailbox`), which each process sweeps when it starts and then twice in each lease. That repairs a lost
  bell, a killed process and a restarted Redis. A lane that another process holds is looked at again when that lease
  ends, so a killed process's work goes on after one lease.
* If a lane cannot be read, or its keys hold something else, only that lane waits: it is tried again every
  `BROKEN_SECONDS` and logged once (`adapters.redis.transport.failures`). Other lanes go on.
* A lease is renewed three times in its length while a handler runs. If it is lost all the same (the process was
  suspended), the handler is cancelled, and the fence refuses its completion and its checkpoints.
* On Python 3.11 redis-py can lose a cancellation: `asyncio.wait_for` returns a result that is already there. So no loop
  here relies on being cancelled; each also checks a flag that was set before.
  https://github.com/python/cpython/issues/86296
* Graph runs take long, so their number is limited separately: 100 agents at work do not delay a card. So is that of
  what people are told, which does not wait for a hundred cards either.

`RedisLanes` is the port; `service` runs the lanes of this process, and `visit` one of them.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextvars import Context, copy_context
from datetime import datetime, timedelta

from redis.exceptions import RedisError

from adapters.redis import codec, mailbox
from adapters.redis.key_kinds import DAY
from adapters.redis.keys import Keys
from adapters.redis.lanes.bells import Bells
from adapters.redis.lanes.service import LaneService
from adapters.redis.lanes.timers import Now, Timers, utc_now
from adapters.redis.lanes.visit import LaneContext
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.deployments import Listening
from adapters.redis.transport.failures import FailureLog, Outage
from adapters.redis.transport.scripts import Command
from engine.approvals.effects import Effect, Lane, SetTimer, Timer, lane_of
from engine.ids import ApprovalId
from engine.ports import DeadLetter, Handler, SetAside, passed_over

LEASE = timedelta(seconds=10)
_LISTENING_SECONDS = 1.0


def _copied(_: Lane) -> Context:
    return copy_context()


class RedisLanes:
    """The port `Lanes` on Redis.

    Bells are heard at `url`; `database` is for everything else and reports an `outage`; timers use `now`, a clock that
    runs `speed` times as fast as the machine's; `masked` removes secrets from what handlers raise, before it is logged
    or kept in a dead letter; each lane is served in the `context` made for it. `put` and the timers raise
    redis.exceptions.RedisError after the client's retries: it is then unknown whether they wrote.
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
        context: Callable[[Lane], Context] = _copied,
    ) -> None:
        self._database = database
        self._keys = keys
        self._failures = FailureLog()
        self._context = LaneContext(
            database, keys, lease, attempts, outage or Outage(""), self._failures, masked, context
        )
        self._seconds = lease.total_seconds()
        self._service: LaneService | None = None
        self._bells = Bells(database, keys.bells(), Listening(database, url), self._failures)
        self._timers = Timers(database, keys, self.put, self._failures, now, speed)

    # Work in ----------------------------------------------------------------------------------------------------------

    async def put(self, effect: Effect, key: str) -> bool:
        """Add an effect to its lane; False if one of this key was added within a day. Wakes the lane in either case."""
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

    async def waiting_in(self, lane: Lane) -> Sequence[Effect]:
        """The effects of a lane that are not done yet, oldest first; an unreadable one is left out and logged."""
        box = mailbox.box(self._keys, lane)
        return mailbox.effects_of(await self._database.run(Command("LRANGE", box, 0, -1)), box)

    async def ring(self, effects: Sequence[Effect]) -> None:
        """Wake the lanes of effects that a change of an approval added. A lost bell only costs time.

        Timers among them may be set already: see `adapters.redis.stores.approvals`.
        """
        for each in effects:
            if isinstance(each, SetTimer):
                self._timers.note(each.at)
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
        """Give the dead letters, oldest first; an unreadable one is left out and logged."""
        key = self._keys.dead()
        found = await self._database.run(Command("HVALS", key))
        letters = codec.DEAD_LETTER.load_all(found, key)
        return sorted(letters, key=lambda letter: letter.at)

    async def revive(self, letter: str) -> bool:
        """Put a dead letter back at the end of its lane. Two calls at once add it once."""
        key, name = self._keys.dead(), letter.encode("utf-8", "surrogatepass")
        found = await self._database.run(Command("HGET", key, name))
        if found is None:
            return False
        dead = codec.DEAD_LETTER.load(found, key)
        # Put first, then delete: after a crash in between, a second revival finds the key of the first.
        await self.put(dead.effect, f"revived/{dead.at.isoformat()}/{letter}")
        await self._database.run(Command("HDEL", key, name))
        return True

    # Work out ---------------------------------------------------------------------------------------------------------

    async def serve(self, handler: Handler, set_aside: SetAside = passed_over) -> None:
        """Serve until cancelled; work under way is then finished, and other processes get the rest.

        A second cancellation also cancels the handlers; their work stays at the head of its lane.

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
                self._service = None  # from now on bells go to others
                service.stop()
                for task in finding:
                    task.cancel()
        raise AssertionError

    async def _hear(self, service: LaneService) -> None:
        """Hear the bells of others; the sweep finds what was rung while nobody listened."""
        while service.serves:
            try:
                await self._bells.hear(service.wake, lambda: service.serves)
            except RedisError as error:
                self._bells.log_deafness(error)
                await asyncio.sleep(_LISTENING_SECONDS)

    async def _keep_time(self, service: LaneService) -> None:
        while service.serves:
            await self._timers.fire_and_wait(self._seconds / 2)

    async def _restore(self, service: LaneService) -> None:
        """Set missing timers: at a start unless that was done lately, and whenever some are known to be lost."""
        restore = self._timers.restore if self._keys.spread else self._timers.restore_daily
        while service.serves:
            await service.unset.wait()
            service.unset.clear()  # before the look: what is lost during it is looked for again
            try:
                await restore()
                await service.mark_found()
            except RedisError as error:
                service.unset.set()
                self._failures.report_error("setting the timers of pending approvals", error)
                await asyncio.sleep(self._seconds / 2)
            else:
                restore = self._timers.restore
