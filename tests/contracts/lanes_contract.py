"""What every `Lanes` promises. An adapter supplies the fixture `lanes`, which gives up after `ATTEMPTS` attempts."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from contracts.samples import PLACE
from contracts.waiting import wait_until

from engine.approvals.approval import Place
from engine.approvals.effects import Effect, Lane, PassOn, Say, Timer, TimerFired, lane_of
from engine.ids import ApprovalId, ThreadId
from engine.ports import Lanes, Later, Work

ATTEMPTS = 3
APPROVAL = ApprovalId("T1:C1:1.1#abc")

Respond = Callable[[Work], Awaitable[None]]


def say(number: int, thread: str = "t") -> Effect:
    return Say(ThreadId(thread), PLACE, str(number), key=str(number))


class Recorder:
    """A handler that remembers what began and what ended."""

    def __init__(self, respond: Respond | None = None) -> None:
        self.begun: list[Work] = []
        self.ended: list[Work] = []
        self.under_way: Counter[Lane] = Counter()
        self.most: Counter[Lane] = Counter()
        self._respond = respond

    async def __call__(self, work: Work) -> None:
        self.begun.append(work)
        self.under_way[work.lane] += 1
        self.most[work.lane] = max(self.most[work.lane], self.under_way[work.lane])
        try:
            await asyncio.sleep(0)
            if self._respond:
                await self._respond(work)
            self.ended.append(work)
        finally:
            self.under_way[work.lane] -= 1

    def texts(self, thread: str = "t") -> list[str]:
        return [work.effect.text for work in self.ended if isinstance(work.effect, Say) and work.lane.thread == thread]


@asynccontextmanager
async def served(lanes: Lanes, handler: Callable[[Work], Awaitable[None]]) -> AsyncIterator[asyncio.Task[None]]:
    """Serve within the block, and stop gracefully after it."""
    serving = asyncio.create_task(lanes.serve(handler))
    try:
        yield serving
    finally:
        serving.cancel()
        await stopped(serving)


async def stopped(serving: "asyncio.Task[None]") -> None:
    """Wait until serving ends, which it does by being cancelled and by nothing else."""
    try:
        await serving
    except asyncio.CancelledError:
        assert serving.cancelled()


class LanesContract:
    @pytest.mark.promise("P7")
    async def test_a_lane_is_served_in_order_one_at_a_time(self, lanes: Lanes) -> None:
        record = Recorder()
        async with served(lanes, record):
            for number in range(30):
                assert await lanes.put(say(number), f"k{number}")
            await wait_until(lambda: len(record.ended) == 30)
        assert record.texts() == [str(number) for number in range(30)]
        assert record.most[Lane(ThreadId("t"), "chat")] == 1

    async def test_what_was_put_before_serving_is_served(self, lanes: Lanes) -> None:
        await lanes.put(say(1), "k1")
        record = Recorder()
        async with served(lanes, record):
            await wait_until(lambda: record.texts() == ["1"])
        work = record.ended[0]
        assert (work.id, work.lane, work.effect, work.attempt) == ("k1", Lane(ThreadId("t"), "chat"), say(1), 1)

    @pytest.mark.promise("P7")
    async def test_lanes_do_not_wait_for_one_another(self, lanes: Lanes) -> None:
        gate = asyncio.Event()

        async def respond(work: Work) -> None:
            if work.lane.name == "run":
                await gate.wait()

        record = Recorder(respond)
        async with served(lanes, record):
            await lanes.put(PassOn(ThreadId("t")), "run")
            for number in range(5):
                await lanes.put(say(number), f"k{number}")
                await lanes.put(say(number, "u"), f"k{number}")
            await wait_until(lambda: len(record.texts()) == 5 and len(record.texts("u")) == 5)
            gate.set()
            await wait_until(lambda: len(record.ended) == 11)

    async def test_the_same_key_is_put_once(self, lanes: Lanes) -> None:
        assert await lanes.put(say(1), "k")
        assert not await lanes.put(say(2), "k")
        record = Recorder()
        async with served(lanes, record):
            await wait_until(lambda: len(record.ended) == 1)
            assert not await lanes.put(say(3), "k")
            assert await lanes.put(say(4), "other")
            await wait_until(lambda: len(record.ended) == 2)
        assert record.texts() == ["1", "4"]

    async def test_what_waits_in_a_lane_is_seen_until_it_is_done(self, lanes: Lanes) -> None:
        goes_on = asyncio.Event()

        async def wait(_: Work) -> None:
            await goes_on.wait()

        recorder, lane = Recorder(wait), lane_of(say(1))
        assert [*await lanes.waiting_in(lane)] == []
        for number in (1, 2):
            await lanes.put(say(number), f"say/{number}")
        await lanes.put(say(3, "another"), "say/3")
        async with served(lanes, recorder):
            await wait_until(lambda: bool(recorder.begun))
            assert [*await lanes.waiting_in(lane)] == [say(1), say(2)]
            goes_on.set()
            await wait_until(lambda: len(recorder.ended) == 3)
        assert [*await lanes.waiting_in(lane)] == []

    async def test_later_keeps_the_head_and_counts_no_attempt(self, lanes: Lanes) -> None:
        async def respond(_: Work) -> None:
            if len(record.begun) <= ATTEMPTS + 2:
                raise Later(0.02)

        record = Recorder(respond)
        async with served(lanes, record):
            await lanes.put(say(1), "k1")
            await lanes.put(say(2), "k2")
            await wait_until(lambda: len(record.ended) == 2)
        assert record.texts() == ["1", "2"]
        assert {work.attempt for work in record.begun} == {1}
        assert list(await lanes.dead_letters()) == []

    async def test_what_fails_is_tried_again_before_what_follows(self, lanes: Lanes) -> None:
        async def respond(work: Work) -> None:
            if work.attempt == 1 and work.id == "k1":
                raise RuntimeError("not now")

        record = Recorder(respond)
        async with served(lanes, record):
            await lanes.put(say(1), "k1")
            await lanes.put(say(2), "k2")
            await wait_until(lambda: len(record.ended) == 2)
        assert [(work.id, work.attempt) for work in record.begun] == [("k1", 1), ("k1", 2), ("k2", 1)]
        assert record.begun[0].fence < record.begun[1].fence

    async def test_what_always_fails_is_set_aside_and_can_be_revived(self, lanes: Lanes) -> None:
        broken = [True]

        async def respond(work: Work) -> None:
            if "k1" in work.id and broken[0]:
                raise ValueError("it cannot be")

        record = Recorder(respond)
        async with served(lanes, record):
            await lanes.put(say(1), "k1")
            await lanes.put(say(2), "k2")
            await wait_until(lambda: record.texts() == ["2"])
            (letter,) = await lanes.dead_letters()
            assert (letter.effect, letter.lane) == (say(1), Lane(ThreadId("t"), "chat"))
            assert letter.error.startswith("ValueError")
            assert [work.attempt for work in record.begun if work.id == "k1"] == list(range(1, ATTEMPTS + 1))
            broken[0] = False
            assert await lanes.revive(letter.id)
            await wait_until(lambda: record.texts() == ["2", "1"])
            assert list(await lanes.dead_letters()) == []
            assert not await lanes.revive(letter.id)

    async def test_a_timer_fires_once_at_its_time(self, lanes: Lanes) -> None:
        at = datetime.now(UTC) + timedelta(seconds=0.3)
        fired: list[datetime] = []

        async def respond(_: Work) -> None:
            fired.append(datetime.now(UTC))

        record = Recorder(respond)
        async with served(lanes, record):
            await lanes.set_timer(APPROVAL, Timer.EXPIRE, at)
            await wait_until(lambda: len(fired) == 1)
        assert record.ended[0].effect == TimerFired(APPROVAL, Timer.EXPIRE, at)
        assert record.ended[0].lane == Lane(ThreadId("T1:C1:1.1"), "card/abc")
        assert fired[0] >= at

    async def test_setting_a_timer_again_replaces_it_and_clearing_forgets_it(self, lanes: Lanes) -> None:
        record = Recorder()
        now = datetime.now(UTC)
        soon, later, never = (now + timedelta(seconds=seconds) for seconds in (0.2, 0.4, 3600))
        await lanes.set_timer(APPROVAL, Timer.REMIND, soon)
        await lanes.clear_timer(APPROVAL, Timer.REMIND)
        await lanes.clear_timer(APPROVAL, Timer.REMIND)
        async with served(lanes, record):
            await lanes.set_timer(APPROVAL, Timer.EXPIRE, never)
            await lanes.set_timer(APPROVAL, Timer.EXPIRE, later)
            await wait_until(lambda: datetime.now(UTC) > later and len(record.ended) == 1)
        assert [work.effect for work in record.ended] == [TimerFired(APPROVAL, Timer.EXPIRE, later)]

    async def test_a_timer_of_the_past_fires_at_once(self, lanes: Lanes) -> None:
        record = Recorder()
        await lanes.set_timer(APPROVAL, Timer.EXPIRE, datetime.now(UTC) - timedelta(days=1))
        async with served(lanes, record):
            await wait_until(lambda: len(record.ended) == 1)

    @pytest.mark.promise("P1")
    async def test_stopping_waits_for_what_is_under_way_and_takes_nothing_new(self, lanes: Lanes) -> None:
        gate, begun = asyncio.Event(), asyncio.Event()

        async def respond(_: Work) -> None:
            begun.set()
            await gate.wait()

        record = Recorder(respond)
        serving = asyncio.create_task(lanes.serve(record))
        await lanes.put(say(1), "k1")
        await lanes.put(say(2), "k2")
        await begun.wait()
        serving.cancel()
        await asyncio.sleep(0)
        await lanes.put(say(3, "u"), "k3")
        assert not serving.done()
        gate.set()
        await stopped(serving)
        assert record.texts() == ["1"]
        rest = Recorder()
        async with served(lanes, rest):
            await wait_until(lambda: len(rest.ended) == 2)
        assert rest.texts() == ["2"]
        assert rest.texts("u") == ["3"]
        assert {work.attempt for work in rest.ended} == {1}

    async def test_cancelled_twice_the_work_is_left_for_the_next(self, lanes: Lanes) -> None:
        begun = asyncio.Event()

        async def respond(_: Work) -> None:
            begun.set()
            await asyncio.Event().wait()

        serving = asyncio.create_task(lanes.serve(Recorder(respond)))
        await lanes.put(say(1), "k1")
        await begun.wait()
        serving.cancel()
        await asyncio.sleep(0)
        serving.cancel()
        await stopped(serving)
        record = Recorder()
        async with served(lanes, record):
            await wait_until(lambda: record.texts() == ["1"])
        assert record.ended[0].attempt == 2, "it may have been done already"

    async def test_many_at_once_are_all_done(self, lanes: Lanes) -> None:
        record = Recorder()
        async with served(lanes, record):
            put = await asyncio.gather(*(lanes.put(say(n, f"t{n % 50}"), f"k{n}") for n in range(500)))
            await wait_until(lambda: len(record.ended) == 500)
        assert all(put)
        assert len({work.id for work in record.ended}) == 500
        assert set(record.most.values()) == {1}

    async def test_a_place_without_a_thread_keeps_it(self, lanes: Lanes) -> None:
        effect = Say(ThreadId("T1:D1:root"), Place(PLACE.team, PLACE.channel), "\udc00 {x}", key="odd {key}%\n")
        record = Recorder()
        async with served(lanes, record):
            await lanes.put(effect, "odd {key}%\n")
            await wait_until(lambda: len(record.ended) == 1)
        assert record.ended[0].effect == effect
        assert record.ended[0].id == "odd {key}%\n"
