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
import itertools
import logging
import random
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar, assert_never

from redis.exceptions import RedisError, ResponseError

from adapters.redis import codec, mailbox
from adapters.redis.keys import BACKLOG, DAY, DEAD, DELETED, DIRTY, THREADS, TIMERS, Keys
from adapters.redis.lanes.bells import Bells
from adapters.redis.lanes.scripts import (
    ClaimedHead,
    ClaimLane,
    CompleteHead,
    LaneBusy,
    LaneEmpty,
    LaneReleased,
    LeaseLost,
    ReleaseLane,
    RemoveUnchanged,
    RenewLease,
)
from adapters.redis.lanes.timers import Now, Timers, utc_now
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.failures import FailureLog, Outage, describe, is_temporary
from adapters.redis.transport.scripts import Command, DropMistypedKey, Key, RedisCall
from engine.approvals.effects import Effect, Lane, Timer, lane_of
from engine.ids import ApprovalId
from engine.ports import DeadLetter, Handler, Later, SetAside, Work, passed_over

LEASE = timedelta(seconds=10)
RUN_ATTEMPTS = 12
"""Over two and a half minutes: what fails longer than that will not pass, and others of the conversation wait."""
OTHER_ATTEMPTS = 130
"""Over an hour: Slack may be out of reach that long, and a card that is given up is seen by nobody."""
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 30.0
RUNS = 100
OTHERS = 100
OLD_MARK_SECONDS = 60
"""A mark of this age has no message on its way behind it: see `adapters.redis.mailbox`."""

_RETRY_SECONDS = 0.25
_BROKEN_SECONDS = 30.0
_LISTENING_SECONDS = 1.0
_SWEEPS = 12
"""So many sweeps after one another it is seen whether the indexes are still ours: once a minute."""
_SWEEPING, _RENEWING, _PASSING = "sweeping the lanes", "renewing the leases", "writing to Redis"
_BATCH = 500
_LONGEST_ERROR = 300

log: Final = logging.getLogger(__name__)

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class _Ground:
    """What lanes stand on: where they are, for how long one is leased, and who is told of trouble."""

    database: AsyncTransport
    keys: Keys
    lease: timedelta
    attempts: int | None
    outage: Outage
    failures: FailureLog
    masked: Callable[[str], str]


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
        self._ground = _Ground(database, keys, lease, attempts, outage or Outage(""), self._failures, masked)
        self._seconds = lease.total_seconds()
        self._service: _Service | None = None
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
        """
        if self._service is not None:
            raise RuntimeError("these lanes are served already")
        async with asyncio.TaskGroup() as keeping:
            service = _Service(self._ground, handler, set_aside)
            renewing = keeping.create_task(service.renew())
            try:
                cancelled = await self._serve(service, keeping)
            finally:
                service.end()
                renewing.cancel()
                await self._bells.ring(dict.fromkeys(service.left))
        raise cancelled

    async def _serve(self, service: "_Service", keeping: asyncio.TaskGroup) -> asyncio.CancelledError:
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

    async def _hear(self, service: "_Service") -> None:
        """Hear the bells of others; what was rung while nobody listened is found by the sweep."""
        while service.serves:
            try:
                await self._bells.hear(service.wake, lambda: service.serves)
            except RedisError as error:
                self._bells.deaf(error)
                await asyncio.sleep(_LISTENING_SECONDS)

    async def _keep_time(self, service: "_Service") -> None:
        while service.serves:
            await self._timers.turn(self._seconds / 2)

    async def _restore(self, service: "_Service") -> None:
        while service.serves:
            await service.unset.wait()
            try:
                await self._timers.restore()
            except RedisError as error:
                self._failures.report_error("setting the timers of pending approvals", error)
                await asyncio.sleep(self._seconds / 2)
            else:
                service.unset.clear()


@dataclass(slots=True)
class _Visit:
    """One time that this process has a lane: from the claim until it lets go."""

    lane: Lane
    box: Key
    lease: Key
    fence: Key
    tries: Key
    task: "asyncio.Task[None]"
    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    token: int = 0
    lost: bool = False


class _Service:
    """What one call of `serve` has: the lanes under way, and those to look at again."""

    def __init__(self, ground: _Ground, handler: Handler, set_aside: SetAside) -> None:
        self._database = ground.database
        self._keys = ground.keys
        self._outage = ground.outage
        self._failures = ground.failures
        self._handler = handler
        self._set_aside = set_aside
        self._lease_seconds = ground.lease.total_seconds()
        self._lease_ms = int(self._lease_seconds * 1000)
        self._attempts = ground.attempts
        self._masked = ground.masked
        self._group: asyncio.TaskGroup | None = None
        self._ended = False
        self._runs = asyncio.Semaphore(RUNS)
        self._others = asyncio.Semaphore(OTHERS)
        self._woken: set[Lane] = set()
        self._again: set[Lane] = set()
        self._visits: dict[Lane, _Visit] = {}
        self._later: dict[Lane, asyncio.TimerHandle] = {}
        self._insisting: set[int] = set()
        """The calls that Redis refuses for now."""
        self._done: dict[Lane, int] = {}
        self._swept: dict[Lane, int] = {}
        self.unset = asyncio.Event()
        """Set while there may be timers that are not set."""
        self.unset.set()
        self.left: list[Lane] = []
        """Lanes that have work when the service stops."""

    @property
    def serves(self) -> bool:
        """Whether new work is taken."""
        return self._group is not None

    def begin(self, group: asyncio.TaskGroup) -> None:
        """Take work from now on, in tasks of `group`."""
        self._group = group

    def stop(self) -> None:
        """Take no new work."""
        self._group = None
        for handle in self._later.values():
            handle.cancel()
        self.left.extend(self._later)
        self._later.clear()

    def end(self) -> None:
        """Keep no lease any more."""
        self._ended = True

    def wake(self, lane: Lane) -> None:
        """See to a lane, now or again when the task that has it is done."""
        if self._group is None:
            self.left.append(lane)
        elif lane in self._woken:
            self._again.add(lane)
        else:
            self._woken.add(lane)
            self._group.create_task(self._see_to(lane))

    def _wake_later(self, lane: Lane, seconds: float) -> None:
        if self._group is None:
            self.left.append(lane)
            return
        earlier = self._later.pop(lane, None)
        if earlier is not None:
            earlier.cancel()
        self._later[lane] = asyncio.get_running_loop().call_later(max(0.001, seconds), self._wake_now, lane)

    def _wake_now(self, lane: Lane) -> None:
        del self._later[lane]
        self.wake(lane)

    # One lane ---------------------------------------------------------------------------------------------------------

    async def _see_to(self, lane: Lane) -> None:
        try:
            async with self._runs if lane.name == "run" else self._others:
                self._again.add(lane)
                while lane in self._again and self._group is not None:
                    self._again.discard(lane)
                    await self._visit_or_rest(lane)
        finally:
            if self._group is None:
                self.left.append(lane)
            self._again.discard(lane)
            self._woken.discard(lane)

    async def _visit_or_rest(self, lane: Lane) -> None:
        try:
            await self._visit(lane)
        except ResponseError as refusal:
            self._failures.report(str(lane), f"the lane {lane} waits: {describe(refusal)}")
            self._wake_later(lane, _BROKEN_SECONDS)

    async def _visit(self, lane: Lane) -> None:
        visit, swept = self._new_visit(lane), self._swept.pop(lane, None)
        match await self._insist(
            ClaimLane(visit.box, visit.lease, visit.fence, visit.tries, visit.name, self._lease_ms)
        ):
            case LaneEmpty():
                self._pass_over(lane, swept)
            case LaneBusy(milliseconds):
                self._wake_later(lane, milliseconds / 1000)
            case ClaimedHead() as turn:
                await self._work(visit, turn)
            case LaneReleased() | LeaseLost():
                pass  # not an answer to a claim

    def _new_visit(self, lane: Lane) -> _Visit:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - we are in one
        keys, thread, name = self._keys, lane.thread, lane.name
        box, lease = mailbox.box(keys, lane), keys.lease(thread, name)
        return _Visit(lane, box, lease, keys.fence(thread, name), keys.tries(thread, name), task)

    def _pass_over(self, lane: Lane, stamp: int | None) -> None:
        """Forget an empty lane that was swept, where its mark is old."""
        if stamp is not None and mailbox.STAMPS.next() - stamp > OLD_MARK_SECONDS * 1_000_000:
            self._done.setdefault(lane, stamp)

    async def _work(self, visit: _Visit, first: ClaimedHead) -> None:
        """Do what waits in a lane, message after message."""
        turn: ClaimedHead | None = first
        visit.token = first.token
        self._visits[visit.lane] = visit
        try:
            while turn is not None:
                turn = await self._take(visit, turn)
        finally:
            del self._visits[visit.lane]
            if visit.lost:
                visit.task.uncancel()

    async def _take(self, visit: _Visit, turn: ClaimedHead) -> ClaimedHead | None:
        """Do the head. Gives the next, or None when the lane was let go of."""
        try:
            found = mailbox.read(turn.message, visit.box)
        except codec.UnreadableError as error:
            # Newer software wrote it, most likely: nothing is lost, and the lane goes on when that software is back.
            self._failures.report(str(visit.lane), f"the lane {visit.lane} waits: {error}")
            await self._rest(visit, turn.attempt - 1, _BROKEN_SECONDS)
            return None
        most = self._attempts or (RUN_ATTEMPTS if visit.lane.name == "run" else OTHER_ATTEMPTS)
        if turn.attempt > most:
            return await self._bury(visit, found, f"it was begun {most} times and never came to an end")
        failed = await self._handle(visit, turn, found)
        if isinstance(failed, _Undone):
            return None
        if failed is None:
            self._failures.clear(str(visit.lane))
            return await self._complete(visit, found)
        if turn.attempt >= most:
            return await self._bury(visit, found, failed)
        await self._rest(visit, turn.attempt, _pause(turn.attempt))
        return None

    async def _handle(self, visit: _Visit, turn: ClaimedHead, found: mailbox.Mail) -> "str | _Undone | None":
        """Call the handler: None when the work is done, why it failed, or that the lane was let go of."""
        began = time.monotonic()
        try:
            await self._handler(Work(found.id, visit.lane, found.effect, turn.attempt, visit.token))
        except Later as later:
            await self._rest(visit, turn.attempt - 1, later.seconds)
            return _Undone()
        except asyncio.CancelledError as error:
            if visit.lost:
                return _Undone()
            if visit.task.cancelling() == 0:
                return self._said(error)  # the handler's own doing
            # Cut off is not failed; but the work may be done, so the next delivery is not a first one.
            await self._release(visit, max(1, turn.attempt - 1))
            raise
        except Exception as error:  # noqa: BLE001 - whatever fails, the lane goes on
            if not self._outage.explains(error, began):
                self._failures.report(
                    str(visit.lane), f"{found.id} of {visit.lane} failed and will be retried: {self._said(error)}"
                )
            return self._said(error)
        return None

    async def _complete(self, visit: _Visit, found: mailbox.Mail) -> ClaimedHead | None:
        complete = CompleteHead(
            visit.box,
            visit.lease,
            visit.fence,
            visit.tries,
            visit.name,
            visit.token,
            found.first_line,
            go_on=self._group is not None,
            milliseconds=self._lease_ms,
        )
        match await self._insist(complete):
            case ClaimedHead() as turn:
                return turn
            case LeaseLost():
                log.warning("%s of %s was done under a lease that was lost: it is done again", found.id, visit.lane)
            case LaneEmpty():
                self._done[visit.lane] = found.stamp
            case LaneReleased() | LaneBusy():
                self.left.append(visit.lane)
            case other:
                assert_never(other)
        return None

    async def _bury(self, visit: _Visit, found: mailbox.Mail, error: str) -> ClaimedHead | None:
        """Set work aside. First the letter, then the completion: a crash in between only writes the letter again."""
        letter = DeadLetter(f"{visit.lane} {found.id}", visit.lane, found.effect, error, datetime.now(UTC))
        log.error("%s of %s is given up: %s", found.id, visit.lane, error)
        name = letter.id.encode("utf-8", "surrogatepass")
        await self._insist(Command("HSET", self._keys.dead(), name, codec.DEAD_LETTER.dump(letter)))
        try:
            await self._set_aside(letter)
        except Exception as untold:  # noqa: BLE001 - the letter is kept, whoever could not be told of it
            log.warning("nobody was told of %s: %s", letter.id, self._said(untold))
        return await self._complete(visit, found)

    def _said(self, error: BaseException) -> str:
        """An error in one line, without secrets."""
        sentence = self._masked(" ".join(str(error).split()))[:_LONGEST_ERROR]
        return f"{type(error).__name__}: {sentence}" if sentence else type(error).__name__

    async def _rest(self, visit: _Visit, begun: int, seconds: float) -> None:
        """Let go of a lane; it is seen to again in `seconds`."""
        if await self._insist(_rest(visit, begun, max(1, int(seconds * 1000)))):
            self._wake_later(visit.lane, seconds)

    async def _release(self, visit: _Visit, begun: int) -> None:
        """Let go of a lane at once, while being cancelled: if Redis does not answer, the lease runs out by itself."""
        try:
            await self._database.run(_rest(visit, begun, 0))
        except RedisError as error:
            self._failures.report_error(f"letting go of {visit.lane}, which is free after its lease", error)

    async def _insist(self, call: RedisCall[R]) -> R:
        """Run a call until Redis answers: what a lane has done is not forgotten because Redis restarts.

        Raises redis.exceptions.ResponseError for what Redis would refuse each time.
        """
        try:
            while True:
                try:
                    return await self._database.run(call)
                except RedisError as error:
                    if not is_temporary(error):
                        raise
                    self._insisting.add(id(call))
                    self._failures.report_error(_PASSING, error)
                    await asyncio.sleep(_RETRY_SECONDS)  # where a cancellation ends this
        finally:
            self._insisting.discard(id(call))
            if not self._insisting:  # a server without memory still takes some calls
                self._failures.clear(_PASSING)

    # All lanes --------------------------------------------------------------------------------------------------------

    async def renew(self) -> None:
        """Keep the leases of lanes under way, for as long as there are any."""
        while not self._ended:
            await asyncio.sleep(self._lease_seconds / 3)
            visits = list(self._visits.values())
            renewed = await asyncio.gather(*map(self._renew, visits), return_exceptions=True)
            failures = [each for each in renewed if isinstance(each, RedisError)]
            for error in failures:
                self._failures.report_error(_RENEWING, error)
            if not failures:
                self._failures.clear(_RENEWING)

    async def _renew(self, visit: _Visit) -> None:
        ours = await self._database.run(RenewLease(visit.lease, visit.fence, visit.name, visit.token, self._lease_ms))
        if not ours and self._visits.get(visit.lane) is visit:
            visit.lost = True
            visit.task.cancel()

    async def sweep(self) -> None:
        """See to every lane with work that nobody seems to see to: at once, then twice in each lease."""
        newest = "+inf"
        for sweeps in itertools.count():
            if self._group is None:
                return
            try:
                if sweeps % _SWEEPS == 0:
                    await self._reset()
                await self.tidy()
                for name, stamp in await self._marked(newest):
                    await self._see_marked(name, stamp)
            except RedisError as error:
                self._failures.report_error(_SWEEPING, error)
            else:
                self._failures.clear(_SWEEPING)
            newest = str(mailbox.STAMPS.next())
            await asyncio.sleep(self._lease_seconds / 2)

    async def _reset(self) -> None:
        """Take away what another program wrote in place of an index: all threads need it, and none of ours is in it."""
        keys = self._keys
        indexes = {
            keys.dirty(): DIRTY,
            keys.timers(): TIMERS,
            keys.threads(): THREADS,
            keys.dead(): DEAD,
            keys.backlog(): BACKLOG,
            keys.deleted(): DELETED,
        }
        gone = await self._database.run_all(*(DropMistypedKey(key, each.type) for key, each in indexes.items()))
        for key in itertools.compress(indexes, gone):
            log.error("%s held another type of value than Signoff wrote, and was taken away", key)
            if key == keys.timers():
                self.unset.set()

    async def _marked(self, newest: str) -> Iterable[tuple[bytes, bytes]]:
        words = ("ZRANGEBYSCORE", self._keys.dirty(), "-inf", newest, "WITHSCORES")
        marked: list[Any] = await self._database.run(Command(*words))
        return zip(marked[::2], marked[1::2], strict=True)

    async def _see_marked(self, name: bytes, stamp: bytes) -> None:
        index = self._keys.dirty()
        try:
            lane, when = mailbox.read_lane(name), int(float(stamp))
        except (ValueError, OverflowError):
            self._failures.report(index, f"{index} holds what is no lane of Signoff's: it is taken out")
            await self._database.run(Command("ZREM", index, name))
            return
        if lane not in self._woken and lane not in self._later:
            self._swept[lane] = when
            self.wake(lane)

    async def tidy(self) -> None:
        """Take finished lanes out of the index."""
        done, self._done = self._done, {}
        pairs = [word for lane, stamp in done.items() for word in (mailbox.write_lane(lane), stamp)]
        for start in range(0, len(pairs), 2 * _BATCH):
            await self._database.run(RemoveUnchanged(self._keys.dirty(), tuple(pairs[start : start + 2 * _BATCH])))


def _rest(visit: _Visit, begun: int, milliseconds: int) -> ReleaseLane:
    return ReleaseLane(visit.lease, visit.fence, visit.tries, visit.name, visit.token, begun, milliseconds)


class _Undone:
    """The lane was let go of, and the work is still at its head."""


def _pause(attempt: int) -> float:
    """Seconds before the next try: doubled each time, with a quarter of jitter, so that failures spread."""
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1)) * random.uniform(0.75, 1.25))  # noqa: S311 - jitter
