"""Timers fire once each, whoever dies, and whatever the clocks say."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
import redis
from contracts.lanes_contract import APPROVAL, Recorder, served
from contracts.samples import BOB, a_policy, an_approval, closed
from contracts.waiting import wait_until

from adapters.redis.keys import Keys
from adapters.redis.lanes.lanes import RedisLanes
from adapters.redis.lanes.scripts import RemoveUnchanged
from adapters.redis.lanes.timers import RESTORED, Now, Timers, utc_now
from adapters.redis.stores.approvals import RedisApprovals
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.failures import FailureLog
from adapters.redis.transport.multiplexed import Multiplexed
from adapters.redis.transport.scripts import Command, Key, RedisCall
from engine.approvals.approval import Approval
from engine.approvals.effects import DrawCard, SetTimer, Timer, TimerFired
from engine.authority.policy import Deadlines, Rung
from engine.ids import ApprovalId, ThreadId
from engine.ports import Change
from engine.sources import Origin, Source

KEYS = Keys()
EXPIRED = TimerFired(APPROVAL, Timer.EXPIRE)
LONG = timedelta(minutes=10)
"""A lease so long that no look in between helps."""
SHORT = timedelta(seconds=0.2)
LONGER_THAN_A_TEST = timedelta(hours=1)

DEADLINES = (Timer.REMIND, Timer.EXPIRE)

R = TypeVar("R")


def timers_in(client: redis.Redis) -> list[bytes]:
    found: Any = client.zrange(KEYS.timers(), 0, -1)
    return [each for each in found if each != RESTORED]


class Clock:
    """The machine's clock, set wrong by `off`."""

    def __init__(self, **off: float) -> None:
        self.off = timedelta(**off)

    def __call__(self) -> datetime:
        return utc_now() + self.off


def takes_out_timers(call: object) -> bool:
    return isinstance(call, RemoveUnchanged) and call.index == KEYS.timers()


class NeverTakesOut:
    """What a process does that dies each time before it takes a timer out of the set."""

    def __init__(self, database: AsyncTransport) -> None:
        self._database = database
        self.deaths = 0

    async def run(self, call: RedisCall[R]) -> R:
        if takes_out_timers(call):
            self.deaths += 1
            raise redis.ConnectionError("dead")
        return await self._database.run(call)

    async def run_all(self, *calls: RedisCall[R]) -> list[R]:
        return await self._database.run_all(*calls)

    def scan(self, match: str) -> AsyncIterator[bytes]:
        return self._database.scan(match)


@pytest.fixture
async def database(redis_url: str) -> AsyncIterator[Multiplexed]:
    async with Multiplexed.from_url(redis_url) as database:
        yield database


def lanes_on(database: AsyncTransport, url: str, *, lease: timedelta = LONG, now: Now = utc_now) -> RedisLanes:
    return RedisLanes(database, KEYS, url, lease=lease, now=now)


def soon(seconds: float = 0.3) -> datetime:
    return utc_now() + timedelta(seconds=seconds)


def fired(record: Recorder) -> list[TimerFired]:
    effects = [work.effect for work in record.ended]
    return [replace(each, at=None) for each in effects if isinstance(each, TimerFired)]


@pytest.mark.promise("P1")
async def test_a_timer_fires_at_its_time_however_long_the_lease(database: Multiplexed, redis_url: str) -> None:
    record, lanes = Recorder(), lanes_on(database, redis_url, lease=LONGER_THAN_A_TEST)
    async with served(lanes, record):
        await lanes.set_timer(APPROVAL, Timer.REMIND, soon(3600))
        at = soon()
        await lanes.set_timer(APPROVAL, Timer.EXPIRE, at)
        await wait_until(lambda: fired(record) == [EXPIRED])
        assert utc_now() >= at
        assert [work.effect for work in record.ended] == [TimerFired(APPROVAL, Timer.EXPIRE, at)]
        with redis.Redis.from_url(redis_url) as client:
            await wait_until(lambda: timers_in(client) == [b"remind/" + APPROVAL.encode()])
        await lanes.clear_timer(APPROVAL, Timer.REMIND)


@pytest.mark.promise("P1")
async def test_a_timer_whose_process_dies_before_it_is_taken_out_fires_once(
    database: Multiplexed, redis_url: str
) -> None:
    dying, record = NeverTakesOut(database), Recorder()
    first = lanes_on(dying, redis_url, lease=SHORT)
    async with served(first, record):
        await first.set_timer(APPROVAL, Timer.EXPIRE, soon(0))
        await wait_until(lambda: fired(record) == [EXPIRED] and dying.deaths > 2)
    with redis.Redis.from_url(redis_url) as client:
        assert len(timers_in(client)) == 1
        async with served(lanes_on(database, redis_url), record):
            await wait_until(lambda: not timers_in(client))
    assert fired(record) == [EXPIRED]


@pytest.mark.promise("P1")
async def test_two_processes_fire_each_timer_once(database: Multiplexed, redis_url: str) -> None:
    record, at = Recorder(), soon(0.5)
    one, two = lanes_on(database, redis_url), lanes_on(database, redis_url)
    approvals = [an_approval(interrupt=f"i{number}").id for number in range(50)]
    async with served(one, record), served(two, record):
        await asyncio.gather(*(one.set_timer(each, Timer.EXPIRE, at) for each in approvals))
        with redis.Redis.from_url(redis_url) as client:
            await wait_until(lambda: not timers_in(client) and not client.keys("*:mail:*"))
    assert sorted(map(repr, fired(record))) == sorted(repr(TimerFired(each, Timer.EXPIRE)) for each in approvals)


@pytest.mark.promise("P5")
async def test_a_timer_that_is_set_to_another_time_while_it_fires_is_kept(
    database: Multiplexed, redis_url: str
) -> None:
    later = soon(3600)

    class SetsItAgain(NeverTakesOut):
        async def run(self, call: RedisCall[R]) -> R:
            if takes_out_timers(call):
                await other.set_timer(APPROVAL, Timer.EXPIRE, later)
            return await self._database.run(call)

    record, other = Recorder(), lanes_on(database, redis_url)
    lanes = lanes_on(SetsItAgain(database), redis_url)
    async with served(lanes, record):
        await lanes.set_timer(APPROVAL, Timer.EXPIRE, soon(0))
        await wait_until(lambda: fired(record) == [EXPIRED])
    with redis.Redis.from_url(redis_url) as client:
        (member,) = timers_in(client)
        score = client.zscore(KEYS.timers(), member)
    assert member == b"expire/" + APPROVAL.encode()
    assert int(score) == int(later.timestamp() * 1_000_000)


@pytest.mark.promise("P5")
async def test_a_clock_that_was_set_back_makes_a_timer_late_and_loses_none(
    database: Multiplexed, redis_url: str
) -> None:
    record, clock = Recorder(), Clock()
    lanes = lanes_on(database, redis_url, lease=SHORT, now=clock)
    async with served(lanes, record):
        await lanes.set_timer(APPROVAL, Timer.EXPIRE, soon())
        clock.off = timedelta(hours=-1)
        soft = an_approval().id
        await lanes.set_timer(soft, Timer.REMIND, soon(-3601))
        await wait_until(lambda: fired(record) == [TimerFired(soft, Timer.REMIND)])
        clock.off = timedelta()
        await wait_until(lambda: EXPIRED in fired(record))
    assert len(record.ended) == 2


async def test_a_process_whose_clock_is_right_fires_for_one_whose_clock_is_behind(
    database: Multiplexed, redis_url: str
) -> None:
    behind, record = lanes_on(database, redis_url, now=Clock(hours=-1)), Recorder()
    async with served(behind, record), served(lanes_on(database, redis_url, lease=SHORT), record):
        await behind.set_timer(APPROVAL, Timer.EXPIRE, soon(0))
        await wait_until(lambda: fired(record) == [EXPIRED])


async def test_many_that_are_due_at_once_all_fire(database: Multiplexed, redis_url: str) -> None:
    record, lanes = Recorder(), lanes_on(database, redis_url)
    approvals = [an_approval(interrupt=f"i{number}").id for number in range(450)]
    await asyncio.gather(*(lanes.set_timer(each, Timer.EXPIRE, soon(-5)) for each in approvals))
    async with served(lanes, record):
        await wait_until(lambda: len(record.ended) == len(approvals))


@pytest.mark.promise("P1")
async def test_timers_of_a_clock_that_runs_faster_fire_by_that_clock(database: Multiplexed, redis_url: str) -> None:
    """An hour passes in a second: what is due in twenty minutes fires after a third of it, and nothing before."""
    began, record = utc_now(), Recorder()

    def fast() -> datetime:
        return began + (utc_now() - began) * 3600

    lanes = RedisLanes(database, KEYS, redis_url, lease=LONG, now=fast, speed=3600)
    async with served(lanes, record):
        at = fast() + timedelta(minutes=20)
        await lanes.set_timer(APPROVAL, Timer.EXPIRE, at)
        await lanes.set_timer(APPROVAL, Timer.REMIND, at + timedelta(days=2))
        await wait_until(lambda: bool(record.ended))
        assert at <= fast() < at + timedelta(hours=1)
        assert fired(record) == [EXPIRED]
        await lanes.clear_timer(APPROVAL, Timer.REMIND)


# What an earlier version or a restored backup left --------------------------------------------------------------------


def due(reminder: timedelta | None, expiry: timedelta | None, *, interrupt: str) -> Approval:
    """A pending approval that is an hour old."""
    made = utc_now() - timedelta(hours=1)
    return an_approval(interrupt=interrupt, deadlines=Deadlines((reminder,) if reminder else (), expiry), at=made)


@pytest.mark.promise("P5")
async def test_the_deadlines_of_pending_approvals_are_kept_where_no_timer_is_set(
    database: Multiplexed, redis_url: str
) -> None:
    late = due(timedelta(minutes=1), timedelta(minutes=30), interrupt="late")
    ahead = due(timedelta(hours=2), timedelta(hours=3), interrupt="ahead")
    over = due(None, timedelta(hours=3), interrupt="over")
    old = an_approval(
        interrupt="old", deadlines=Deadlines((timedelta(hours=1),), None), at=utc_now() - timedelta(days=2)
    )
    store = RedisApprovals(database, KEYS)
    for approval in (late, ahead, over, old):
        assert await store.create(Change(approval))
    stored = await store.get(over.id)
    assert stored is not None
    assert await store.save(Change(closed(stored)))

    record, lanes = Recorder(), lanes_on(database, redis_url)
    for _ in range(2):  # a second start sets nothing anew
        async with served(lanes, record):
            await wait_until(lambda: len(record.ended) == 2)
            with redis.Redis.from_url(redis_url) as client:
                await wait_until(lambda: len(timers_in(client)) == 2)
    assert set(map(repr, fired(record))) == {repr(TimerFired(late.id, timer)) for timer in DEADLINES}
    with redis.Redis.from_url(redis_url) as client:
        kept = {f"{timer.value}/{ahead.id}".encode() for timer in DEADLINES}
        assert set(timers_in(client)) == kept


@pytest.mark.promise("P5")
@pytest.mark.parametrize("lost", [(KEYS.timers(),), (KEYS.pending("all"),), ()], ids=["timers", "index", "nothing"])
async def test_all_pending_approvals_are_read_at_a_start_if_that_is_a_day_ago_or_something_is_lost(
    database: Multiplexed, redis_url: str, lost: tuple[Key, ...]
) -> None:
    """Nothing is lost in the third case: then it is the time that counts."""
    approval, now = due(timedelta(hours=2), timedelta(hours=3), interrupt="ahead"), [utc_now()]
    assert await RedisApprovals(database, KEYS).create(Change(approval))
    timers = Timers(database, KEYS, lanes_on(database, redis_url).put, FailureLog(), lambda: now[0])
    await timers.restore_daily()
    await timers.clear(approval.id, Timer.EXPIRE)
    now[0] += timedelta(hours=23)
    await timers.restore_daily()
    expiry = f"expire/{approval.id}".encode()
    assert await database.run(Command("ZSCORE", KEYS.timers(), expiry)) is None, "it was done lately"
    if lost:
        await database.run(Command("DEL", *lost))
    else:
        now[0] += timedelta(hours=2)
    await timers.restore_daily()
    assert await database.run(Command("ZSCORE", KEYS.timers(), expiry)) is not None
    assert await timers._fire_due() is not None, "the entry itself is never due"


async def test_an_approval_that_cannot_be_read_leaves_the_timers_of_others(
    database: Multiplexed, redis_url: str
) -> None:
    threads = [ThreadId(f"T1:C1:{number}") for number in range(3)]
    sample = due(None, timedelta(hours=3), interrupt="one")
    for thread in threads:
        assert await RedisApprovals(database, KEYS).create(
            Change(replace(sample, thread=thread, id=ApprovalId(f"{thread}#1")))
        )
    await database.run(Command("SET", KEYS.approval(threads[1], "1"), "1 x\nnonsense", "EX", 60))
    await Timers(database, KEYS, lanes_on(database, redis_url).put, FailureLog()).restore()
    found = await database.run(Command("ZRANGE", KEYS.timers(), 0, -1))
    assert set(found) == {f"expire/{threads[number]}#1".encode() for number in (0, 2)}


@pytest.mark.promise("P1")
async def test_a_step_of_a_ladder_is_kept_where_no_timer_is_set(database: Multiplexed, redis_url: str) -> None:
    ladder = (Rung(timedelta(minutes=15), (Source(Origin.GROUP, "S1"),)),)
    waiting = an_approval(policy=replace(a_policy(BOB), ladder=ladder), at=utc_now() - timedelta(hours=1))
    assert await RedisApprovals(database, KEYS).create(Change(waiting))
    record = Recorder()
    async with served(lanes_on(database, redis_url), record):
        await wait_until(lambda: fired(record) == [TimerFired(waiting.id, Timer.ESCALATE)])


@pytest.mark.promise("P1")
async def test_the_timers_of_a_new_approval_are_set_with_it_and_not_from_its_lane(
    database: Multiplexed, redis_url: str
) -> None:
    record, lanes = Recorder(), lanes_on(database, redis_url, lease=LONGER_THAN_A_TEST)
    store, approval, at = RedisApprovals(database, KEYS), an_approval(interrupt="new"), soon()
    effects = (DrawCard(approval.id), SetTimer(approval.id, Timer.EXPIRE, at))
    async with served(lanes, record):
        await lanes.set_timer(APPROVAL, Timer.REMIND, soon(3600))  # the process knows of no earlier one
        assert await store.create(Change(approval, effects))
        await lanes.ring(effects)
        await wait_until(lambda: len(record.ended) == 2)
    assert [work.effect for work in record.ended] == [effects[0], TimerFired(approval.id, Timer.EXPIRE, at)]


async def test_an_approval_that_exists_keeps_the_timer_that_it_has(database: Multiplexed, redis_url: str) -> None:
    lanes, store = lanes_on(database, redis_url), RedisApprovals(database, KEYS)
    approval, later = an_approval(interrupt="kept"), soon(7200)
    await lanes.set_timer(approval.id, Timer.EXPIRE, later)
    for made in (True, False):
        change = Change(approval, (SetTimer(approval.id, Timer.EXPIRE, soon(60)),))
        assert await store.create(change) is made
    with redis.Redis.from_url(redis_url) as client:
        member = b"expire/" + approval.id.encode()
        assert client.zscore(KEYS.timers(), member) == later.timestamp() * 1_000_000


async def test_a_timer_that_changes_with_an_approval_is_set_from_its_lane(
    database: Multiplexed, redis_url: str
) -> None:
    """A write may lose against another one, whose timer must stay."""
    record, lanes, store = Recorder(), lanes_on(database, redis_url), RedisApprovals(database, KEYS)
    approval = an_approval(interrupt="changed")
    assert await store.create(Change(approval))
    change = SetTimer(approval.id, Timer.EXPIRE, soon(60))
    stored = replace(approval, version=1)
    assert await store.save(Change(replace(stored, note="first")))
    assert not await store.save(Change(replace(stored, note="second"), (change,)))
    assert await store.save(Change(replace(stored, version=2), (change,)))
    with redis.Redis.from_url(redis_url) as client:
        assert client.zscore(KEYS.timers(), b"expire/" + approval.id.encode()) is None
    async with served(lanes, record):
        await wait_until(lambda: [work.effect for work in record.ended] == [change])
