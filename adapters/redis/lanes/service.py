"""One call of `serve`: it wakes lanes, visits them in tasks, renews their leases and sweeps for forgotten work."""

import asyncio
import itertools
import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

from redis.exceptions import RedisError, ResponseError

from adapters.redis import mailbox
from adapters.redis.key_kinds import BACKLOG, DEAD, DELETED, DIRTY, THREADS, TIMERS, KeyKind
from adapters.redis.lanes.retrying import RetryingCalls
from adapters.redis.lanes.scripts import (
    ClaimedHead,
    LaneBusy,
    LaneEmpty,
    LaneReleased,
    LeaseLost,
    RemoveUnchanged,
)
from adapters.redis.lanes.visit import BROKEN_SECONDS, LaneContext, LaneVisit, VisitEnd
from adapters.redis.transport.failures import describe
from adapters.redis.transport.scripts import Command, DropMistypedKey, Key
from engine.approvals.effects import Lane, is_waited_for
from engine.ports import Handler, SetAside

RUNS = 100
"""Graph runs at once."""
OTHERS = 100
"""Other lanes at once: of those in which people are told something, and of the rest."""
OLD_MARK_SECONDS = 60
"""No message is on its way behind a mark of this age: see `adapters.redis.mailbox`."""

_CHECK_INDEXES_EVERY = 12
"""Sweeps between two checks that the indexes are still ours: about a minute."""
_SWEEP_SECONDS = 2.0
"""Seconds, at least, that a sweep waits for a node of a cluster."""
_SWEEPING, _CHECKING, _RENEWING = "the sweep", "checking the indexes", "renewing the leases"
_BATCH = 500

log: Final = logging.getLogger(__name__)


class LaneService:
    """The lanes that this process works on, and those that it has to look at again."""

    def __init__(self, context: LaneContext, handler: Handler, set_aside: SetAside) -> None:
        self._context = context
        self._database = context.database
        self._keys = context.keys
        self._failures = context.failures
        self._handler = handler
        self._set_aside = set_aside
        self._calls = RetryingCalls(context.database, context.failures)
        self._lease_seconds = context.lease.total_seconds()
        self._group: asyncio.TaskGroup | None = None
        self._ended = False
        self._runs = asyncio.Semaphore(RUNS)
        self._told = asyncio.Semaphore(OTHERS)
        self._others = asyncio.Semaphore(OTHERS)
        self._woken: set[Lane] = set()
        self._again: set[Lane] = set()
        self._visits: dict[Lane, LaneVisit] = {}
        self._later: dict[Lane, asyncio.TimerHandle] = {}
        self._done: dict[Lane, int] = {}
        self._swept: dict[Lane, int] = {}
        self.unset = asyncio.Event()
        """Set while there may be timers that are not set, or lanes with work that are not marked."""
        self.unset.set()
        self._losses = context.outage.losses
        self.left: list[Lane] = []
        """Lanes that have work when the service stops."""

    @property
    def serves(self) -> bool:
        """True while new work is taken."""
        return self._group is not None

    def begin(self, group: asyncio.TaskGroup) -> None:
        """Begin to take work, in tasks of `group`."""
        self._group = group

    def stop(self) -> None:
        """Stop taking new work."""
        self._group = None
        for handle in self._later.values():
            handle.cancel()
        self.left.extend(self._later)
        self._later.clear()

    def end(self) -> None:
        """Stop renewing leases."""
        self._ended = True

    def wake(self, lane: Lane) -> None:
        """Look at a lane now, or again when its task is done."""
        if self._group is None:
            self.left.append(lane)
        elif lane in self._woken:
            self._again.add(lane)
        else:
            self._woken.add(lane)
            self._group.create_task(self._run_lane(lane), context=self._context.context(lane))

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

    async def _run_lane(self, lane: Lane) -> None:
        try:
            async with self._room(lane):
                self._again.add(lane)
                while lane in self._again and self._group is not None:
                    self._again.discard(lane)
                    await self._try_visit(lane)
        finally:
            if self._group is None:
                self.left.append(lane)
            self._again.discard(lane)
            self._woken.discard(lane)

    def _room(self, lane: Lane) -> asyncio.Semaphore:
        if lane.name == "run":
            return self._runs
        return self._told if is_waited_for(lane) else self._others

    async def _try_visit(self, lane: Lane) -> None:
        try:
            await self._visit(lane)
        except ResponseError as refusal:
            self._failures.report(str(lane), f"the lane {lane} waits: {describe(refusal)}")
            self._wake_later(lane, BROKEN_SECONDS)

    async def _visit(self, lane: Lane) -> None:
        """Claim a lane and work on it; a lane that is busy is looked at again when its lease ends."""
        visit = LaneVisit(self._context, self._calls, self._handler, self._set_aside, lane, lambda: self.serves)
        swept = self._swept.pop(lane, None)
        match await visit.claim():
            case LaneEmpty():
                self._forget_if_old(lane, swept)
            case LaneBusy(milliseconds):
                self._wake_later(lane, milliseconds / 1000)
            case ClaimedHead() as head:
                self._settle(lane, await self._work(visit, head))
            case LaneReleased() | LeaseLost():
                pass  # not an answer to a claim

    async def _work(self, visit: LaneVisit, head: ClaimedHead) -> VisitEnd:
        self._visits[visit.lane] = visit
        try:
            return await visit.work(head)
        finally:
            del self._visits[visit.lane]
            visit.close()

    def _settle(self, lane: Lane, end: VisitEnd) -> None:
        """Note what is left to do for a lane after a visit."""
        if end.again_in is not None:
            self._wake_later(lane, end.again_in)
        if end.finished is not None:
            self._done[lane] = end.finished
        if end.has_more:
            self.left.append(lane)

    def _forget_if_old(self, lane: Lane, stamp: int | None) -> None:
        """Forget an empty lane that was swept, if its mark is old."""
        if stamp is not None and mailbox.STAMPS.next() - stamp > OLD_MARK_SECONDS * 1_000_000:
            self._done.setdefault(lane, stamp)

    # All lanes --------------------------------------------------------------------------------------------------------

    async def renew(self) -> None:
        """Renew the leases of the lanes under way, three times in each lease."""
        while not self._ended:
            await asyncio.sleep(self._lease_seconds / 3)
            visits = list(self._visits.values())
            renewed = await asyncio.gather(*map(self._renew, visits), return_exceptions=True)
            failures = [each for each in renewed if isinstance(each, RedisError)]
            for error in failures:
                self._failures.report_error(_RENEWING, error)
            if not failures:
                self._failures.clear(_RENEWING)

    async def _renew(self, visit: LaneVisit) -> None:
        ours = await visit.renew()
        if not ours and self._visits.get(visit.lane) is visit:
            visit.lose()

    async def sweep(self) -> None:
        """Wake every lane with work that has no task here: at once, then twice in each lease."""
        newest = "+inf"
        for sweeps in itertools.count():
            if self._group is None:
                return
            done, self._done = self._done, {}
            checks = sweeps % _CHECK_INDEXES_EVERY == 0
            parts = [self._sweep_part(index, newest, done, checks=checks) for index in self._keys.every_dirty()]
            await asyncio.gather(*parts, *([self._check_indexes()] if checks else ()))
            self._note_losses()
            newest = str(mailbox.STAMPS.next())
            await asyncio.sleep(self._lease_seconds / 2)

    async def _sweep_part(self, index: Key, newest: str, done: Mapping[Lane, int], *, checks: bool) -> None:
        """Sweep the index, or a part of it on a cluster. A part whose node does not answer holds up no other."""
        place = f"{_SWEEPING} of {index}"
        try:
            async with asyncio.timeout(max(_SWEEP_SECONDS, self._lease_seconds / 2)):
                if checks:
                    await self._drop_mistyped({index: DIRTY})
                await self._tidy(index, done)
                for name, stamp in await self._marked(index, newest):
                    await self._wake_marked(index, name, stamp)
        except TimeoutError:
            pass  # which the connection logs
        except RedisError as error:
            self._failures.report_error(place, error)
        else:
            self._failures.clear(place)

    async def _check_indexes(self) -> None:
        keys = self._keys
        indexes = {
            keys.timers(): TIMERS,
            keys.threads(): THREADS,
            keys.dead(): DEAD,
            keys.backlog(): BACKLOG,
            keys.deleted(): DELETED,
        }
        try:
            await self._drop_mistyped(indexes)
        except RedisError as error:
            self._failures.report_error(_CHECKING, error)
        else:
            self._failures.clear(_CHECKING)

    async def _drop_mistyped(self, indexes: Mapping[Key, KeyKind]) -> None:
        """Delete what another program wrote in place of an index: all threads need it, and it has nothing of ours."""
        gone = await self._database.run_all(*(DropMistypedKey(key, each.type) for key, each in indexes.items()))
        for key in itertools.compress(indexes, gone):
            log.error("%s held another type of value than Signoff wrote, and was deleted", key)
            if key == self._keys.timers():
                self.unset.set()

    async def _marked(self, index: Key, newest: str) -> Iterable[tuple[bytes, bytes]]:
        marked: list[Any] = await self._database.run(Command("ZRANGEBYSCORE", index, "-inf", newest, "WITHSCORES"))
        return zip(marked[::2], marked[1::2], strict=True)

    async def _wake_marked(self, index: Key, name: bytes, stamp: bytes) -> None:
        try:
            lane, when = mailbox.read_lane(name), int(float(stamp))
        except (ValueError, OverflowError):
            self._failures.report(index, f"{index} has an entry that is not a lane of Signoff: the entry is removed")
            await self._database.run(Command("ZREM", index, name))
            return
        if lane not in self._woken and lane not in self._later:
            self._swept[lane] = when
            self.wake(lane)

    async def _tidy(self, index: Key, done: Mapping[Lane, int]) -> None:
        """Remove finished lanes from the index."""
        ours = [(lane, stamp) for lane, stamp in done.items() if self._keys.dirty(lane.thread) == index]
        pairs = [word for lane, stamp in ours for word in (mailbox.write_lane(lane), stamp)]
        for start in range(0, len(pairs), 2 * _BATCH):
            await self._database.run(RemoveUnchanged(index, tuple(pairs[start : start + 2 * _BATCH])))

    # What a fail-over in a cluster may have lost ----------------------------------------------------------------------

    def _note_losses(self) -> None:
        """Look for what is missing after a node of a cluster failed.

        Redis replicates asynchronously, so a replica that takes over may lack the last writes. On one server these are
        the newest of all. On a cluster other nodes keep theirs: a mailbox without its mark, an approval without its
        timers.
        """
        losses = self._context.outage.losses
        if self._keys.spread and losses != self._losses:
            self.unset.set()
        self._losses = losses

    async def mark_found(self) -> None:
        """Mark and wake all lanes with work, on a cluster. Safe to repeat. Raises RedisError.

        Marks may be lost with their node; and those that were copied from a single server have another name.
        """
        if not self._keys.spread:
            return
        async for key in self._database.scan(self._keys.every_mail()):
            try:
                lane = mailbox.lane_of_box(key.decode("utf-8", "surrogatepass"))
            except ValueError:
                continue
            index, name = self._keys.dirty(lane.thread), mailbox.write_lane(lane)
            await self._database.run(Command("ZADD", index, "NX", mailbox.STAMPS.next(), name))
            if lane not in self._woken and lane not in self._later:
                self.wake(lane)
