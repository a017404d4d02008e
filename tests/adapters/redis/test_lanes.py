import asyncio
import contextlib
import contextvars
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
import redis
from contracts.lanes_contract import APPROVAL, Recorder, say, served, stopped
from contracts.samples import an_approval
from contracts.waiting import wait_until

from adapters.redis import codec, embedded, mailbox
from adapters.redis.keys import Keys
from adapters.redis.lanes.lanes import RedisLanes
from adapters.redis.lanes.retrying import RetryingCalls
from adapters.redis.lanes.scripts import (
    ClaimedHead,
    ClaimLane,
    CompleteHead,
    LaneBusy,
    LaneEmpty,
    LaneReleased,
    LeaseLost,
    ReleaseLane,
    RenewLease,
)
from adapters.redis.lanes.service import OTHERS
from adapters.redis.stores.approvals import RedisApprovals
from adapters.redis.transport.connection import Database, SyncDatabase
from adapters.redis.transport.failures import FailureLog
from adapters.redis.transport.multiplexed import Multiplexed
from adapters.redis.transport.scripts import Command, RedisCall
from engine.approvals.effects import DrawCard, Effect, Lane, PassOn, Resume, Timer, TimerFired, lane_of
from engine.ids import ApprovalId, ThreadId
from engine.ports import Change, Later, Work

ROOT = Path(__file__).parents[3]
LONG = timedelta(minutes=10)
"""A lease so long that nothing in these tests is healed by a sweep, and that a busy machine does not lose it."""
SHORT = timedelta(seconds=0.4)
"""For what is about the end of a lease, or about the sweep."""

KEYS = Keys()
LANE = Lane(ThreadId("t"), "chat")

R = TypeVar("R")


@contextlib.asynccontextmanager
async def lanes_at(
    url: str, lease: timedelta = LONG, attempts: int = 3, connection: type[Database | Multiplexed] = Multiplexed
) -> AsyncIterator[RedisLanes]:
    async with connection.from_url(url) as database:
        yield RedisLanes(database, KEYS, url, lease=lease, attempts=attempts)


# Processes ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    what: str
    text: str
    attempt: int
    fence: int
    process: int
    lane: str


class Workers:
    """Processes that serve, and their journal."""

    def __init__(self, url: str, journal: Path) -> None:
        self._url = url
        self._journal = journal
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, *, lease: float = 10.0, workers: int = 1) -> subprocess.Popen[bytes]:
        script = Path(__file__).with_name("lane_worker.py")
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, str(script), self._url, str(lease), str(workers), str(self._journal)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
            stderr=subprocess.DEVNULL,
        )
        self._running.append(process)
        return process

    def lines(self, what: str = "") -> list[Line]:
        if not self._journal.exists():
            return []
        rows = (line.split(maxsplit=5) for line in self._journal.read_text().splitlines())
        found = [Line(row[0], row[1], int(row[2]), int(row[3]), int(row[4]), row[5]) for row in rows]
        return [line for line in found if what in ("", line.what)]

    def go_on(self) -> None:
        self._journal.with_suffix(".go").touch()

    def stop(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()


@pytest.fixture
def workers(redis_url: str, tmp_path: Path) -> Iterator[Workers]:
    found = Workers(redis_url, tmp_path / "journal")
    yield found
    found.stop()


@pytest.mark.promise("P7")
async def test_three_workers_in_two_processes_keep_order_and_never_overlap(redis_url: str, workers: Workers) -> None:
    workers.start(workers=2)
    workers.start(workers=1)
    async with lanes_at(redis_url) as lanes:
        for number in range(15):
            await asyncio.gather(*(lanes.put(say(number, f"t{lane}"), f"k{number}") for lane in range(8)))
        await wait_until(lambda: len(workers.lines("end")) == 120)
    for lane in range(8):
        lines = [line for line in workers.lines() if line.lane == f"chat@t{lane}"]
        assert [line.text for line in lines] == [str(number) for number in range(15) for _ in range(2)]
        assert [line.what for line in lines] == ["begin", "end"] * 15
        fences = [line.fence for line in lines]
        assert fences == sorted(fences)


@pytest.mark.promise("P1")
async def test_what_a_killed_process_was_doing_is_done_by_another(redis_url: str, workers: Workers) -> None:
    process = workers.start(lease=0.5)
    record = Recorder()
    async with lanes_at(redis_url) as lanes:
        await lanes.put(replace_text(say(1), "hang"), "k1")
        await lanes.put(say(2), "k2")
        await wait_until(lambda: len(workers.lines("begin")) == 1)
        process.kill()
        process.wait()
        async with served(lanes, record):
            await wait_until(lambda: len(record.ended) == 2)
    assert record.texts() == ["hang", "2"]
    assert [work.attempt for work in record.ended] == [2, 1]
    assert record.ended[0].fence > workers.lines("begin")[0].fence


@pytest.mark.promise("P7")
async def test_a_process_that_stood_still_cannot_complete_what_another_took(redis_url: str, workers: Workers) -> None:
    process = workers.start(lease=0.5)
    record = Recorder()
    async with lanes_at(redis_url) as lanes:
        await lanes.put(replace_text(say(1), "hang"), "k1")
        await wait_until(lambda: len(workers.lines("begin")) == 1)
        process.send_signal(signal.SIGSTOP)
        gate = asyncio.Event()

        async def respond(_: Work) -> None:
            await gate.wait()

        record = Recorder(respond)
        async with served(lanes, record):
            await wait_until(lambda: len(record.begun) == 1)
            workers.go_on()
            process.send_signal(signal.SIGCONT)  # the zombie wakes up, ends its work or is cancelled, and is refused
            await lanes.put(replace_text(say(2, "other"), "slow"), "proof")
            await wait_until(lambda: len(record.begun) + len(workers.lines("begin")) == 3)
            with redis.Redis.from_url(redis_url) as client:
                assert client.llen(KEYS.mail("t", "chat")) == 1
            gate.set()
            await wait_until(lambda: "hang" in record.texts())
    assert record.texts() == ["hang"]


@pytest.mark.promise("P7")
async def test_a_long_handler_keeps_its_lane(redis_url: str, workers: Workers) -> None:
    """The handler takes three leases."""
    workers.start(lease=1)
    workers.start(lease=1)
    async with lanes_at(redis_url) as lanes:
        await lanes.put(replace_text(say(1), "slow"), "k1")
        await wait_until(lambda: len(workers.lines("end")) == 1)
    assert len(workers.lines("begin")) == 1


def replace_text(effect: Effect, text: str) -> Effect:
    return replace(effect, text=text)  # type: ignore[arg-type]


# Between processes, without waiting for a sweep -----------------------------------------------------------------------


async def test_a_process_that_does_not_serve_rings_one_that_does(redis_url: str) -> None:
    record = Recorder()
    async with lanes_at(redis_url) as serving, lanes_at(redis_url) as other, served(serving, record):
        await serving.put(say(0), "first")
        await wait_until(lambda: len(record.ended) == 1)
        await asyncio.gather(*(other.put(say(n, f"t{n}"), f"k{n}") for n in range(300)))
        await wait_until(lambda: len(record.ended) == 301)


async def test_each_lane_is_served_in_the_context_made_for_it(redis_url: str) -> None:
    """Also a lane that the work of another one woke."""
    served_in = contextvars.ContextVar("served_in", default="")

    def context(lane: Lane) -> contextvars.Context:
        made = contextvars.copy_context()
        made.run(served_in.set, str(lane))
        return made

    seen = dict[str, str]()

    async with Multiplexed.from_url(redis_url) as database:
        lanes = RedisLanes(database, KEYS, redis_url, lease=LONG, context=context)

        async def respond(work: Work) -> None:
            seen[str(work.lane)] = served_in.get()
            if work.lane.name != "chat":
                await lanes.put(say(1), "woken")

        async with served(lanes, Recorder(respond)):
            await lanes.put(DrawCard(APPROVAL), "first")
            await wait_until(lambda: len(seen) == 2)
    assert seen
    assert all(lane == name for lane, name in seen.items())


async def test_people_are_told_things_while_a_hundred_cards_are_slow(redis_url: str) -> None:
    stay = asyncio.Event()

    async def respond(work: Work) -> None:
        if work.lane.name != "chat":
            await stay.wait()

    record = Recorder(respond)
    async with lanes_at(redis_url) as lanes, served(lanes, record):
        try:
            await asyncio.gather(
                *(lanes.put(DrawCard(ApprovalId(f"t{number}#1")), f"k{number}") for number in range(OTHERS))
            )
            await wait_until(lambda: len(record.begun) == OTHERS)
            await lanes.put(say(1), "refusal")
            await wait_until(lambda: record.texts() == ["1"])
        finally:
            stay.set()


async def test_who_stops_hands_its_lanes_over(redis_url: str) -> None:
    gate, begun = asyncio.Event(), asyncio.Event()

    async def respond(_: Work) -> None:
        begun.set()
        await gate.wait()

    first, second = Recorder(respond), Recorder()
    async with lanes_at(redis_url) as one, lanes_at(redis_url) as two:
        stopping = asyncio.create_task(one.serve(first))
        await one.put(say(1), "k1")
        await one.put(say(2), "k2")
        await begun.wait()
        async with served(two, second):
            stopping.cancel()
            await asyncio.sleep(0)
            gate.set()
            await wait_until(lambda: second.texts() == ["2"])
            await stopped(stopping)
    assert first.texts() == ["1"]


async def test_what_is_being_paused_by_a_stopped_process_goes_on_elsewhere(redis_url: str) -> None:
    async def not_now(_: Work) -> None:
        raise Later(0.3)

    first, second = Recorder(not_now), Recorder()
    async with lanes_at(redis_url) as one, lanes_at(redis_url) as two:
        stopping = asyncio.create_task(one.serve(first))
        await one.put(say(1), "k1")
        await wait_until(lambda: len(first.begun) == 1)
        stopping.cancel()
        await stopped(stopping)
        async with served(two, second):
            await wait_until(lambda: second.texts() == ["1"])
    assert second.ended[0].attempt == 1


# Healing --------------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P1")
async def test_a_ring_that_was_lost_is_healed_by_the_sweep(redis_url: str) -> None:
    record = Recorder()
    async with lanes_at(redis_url, SHORT) as lanes, Database.from_url(redis_url) as database, served(lanes, record):
        await lanes.put(say(0), "first")
        await wait_until(lambda: len(record.ended) == 1)
        approval = an_approval()
        await RedisApprovals(database, KEYS).create(Change(approval, (Resume(approval.id), DrawCard(approval.id))))
        await wait_until(lambda: len(record.ended) == 3)


@pytest.mark.promise("P1")
async def test_a_timer_outlives_the_process_that_set_it(redis_url: str) -> None:
    at = datetime.now(UTC) + timedelta(seconds=0.2)
    async with lanes_at(redis_url) as lanes:
        await lanes.set_timer(APPROVAL, Timer.EXPIRE, at)
    record = Recorder()
    async with lanes_at(redis_url) as lanes, served(lanes, record):
        await wait_until(lambda: [work.effect for work in record.ended] == [TimerFired(APPROVAL, Timer.EXPIRE, at)])


async def test_the_index_of_work_is_emptied(redis_url: str) -> None:
    record = Recorder()
    with redis.Redis.from_url(redis_url) as client:
        async with lanes_at(redis_url, SHORT) as lanes, served(lanes, record):
            for number in range(20):
                await lanes.put(say(number, f"t{number}"), "k")
            client.zadd(KEYS.dirty(), {"chat@nothing": 1_700_000_000_000_000})  # a mark whose work never came
            await wait_until(lambda: len(record.ended) == 20 and client.zcard(KEYS.dirty()) == 0)


async def test_a_young_mark_of_an_empty_lane_stays(redis_url: str) -> None:
    """Its work may be on its way."""
    record = Recorder()
    with redis.Redis.from_url(redis_url) as client:
        async with lanes_at(redis_url, timedelta(seconds=0.1)) as lanes, served(lanes, record):
            client.zadd(KEYS.dirty(), {"chat@coming": mailbox.STAMPS.next()})
            client.zadd(KEYS.dirty(), {"chat@nothing": 1_700_000_000_000_000})
            await wait_until(lambda: client.zscore(KEYS.dirty(), "chat@nothing") is None)
        assert client.zscore(KEYS.dirty(), "chat@coming") is not None


@pytest.mark.promise("P1")
@pytest.mark.parametrize("connection", [Database, Multiplexed])
async def test_a_restarted_redis_loses_nothing_and_keeps_order(
    tmp_path: Path, connection: type[Database | Multiplexed]
) -> None:
    record = Recorder()
    with embedded.running_sync(tmp_path / "data") as url:
        async with lanes_at(url, SHORT, connection=connection) as lanes, served(lanes, record):

            async def put(thread: int) -> None:
                for number in range(40):
                    while not await _put(lanes, say(number, f"t{thread}"), f"k{number}"):
                        pass

            async with asyncio.TaskGroup() as group:
                for thread in range(5):
                    group.create_task(put(thread))
                for done in (30, 80):
                    await wait_until(partial(_has_done, record, done))
                    await _kill_server(url)
                    await embedded.ensure(tmp_path / "data")
            await wait_until(lambda: all(_first_seen(record, thread) == 40 for thread in range(5)))
        for thread in range(5):
            texts = list(dict.fromkeys(record.texts(f"t{thread}")))
            assert texts == [str(number) for number in range(40)]
        await embedded.release(tmp_path / "data")
        await embedded.release(tmp_path / "data")


async def _put(lanes: RedisLanes, effect: Effect, key: str) -> bool:
    try:
        await lanes.put(effect, key)
    except redis.RedisError:
        return False
    return True


def _has_done(record: Recorder, count: int) -> bool:
    return len(record.ended) >= count


def _first_seen(record: Recorder, thread: int) -> int:
    return len(set(record.texts(f"t{thread}")))


async def _kill_server(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        process = int(client.info("server")["process_id"])
    os.kill(process, signal.SIGKILL)

    await wait_until(lambda: _is_dead(process))


def _is_dead(process: int) -> bool:
    """Whether a child of ours has ended, whoever waits for it."""
    try:
        return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


# Handlers that go wrong -----------------------------------------------------------------------------------------------


async def test_what_never_comes_to_an_end_is_set_aside(redis_url: str) -> None:
    """Work that kills its process each time is not begun for ever."""
    record = Recorder()
    with redis.Redis.from_url(redis_url) as client:
        client.set(KEYS.tries("t", "chat"), 3, ex=60)
    async with lanes_at(redis_url) as lanes, served(lanes, record):
        await lanes.put(say(1), "k1")
        await lanes.put(say(2), "k2")
        await wait_until(lambda: record.texts() == ["2"])
        (letter,) = await lanes.dead_letters()
        assert "3 times" in letter.error
        assert await lanes.revive(letter.id)
        await wait_until(lambda: record.texts() == ["2", "1"])


async def test_a_handler_that_cancels_itself_has_failed(redis_url: str) -> None:
    async def respond(work: Work) -> None:
        if work.attempt == 1:
            raise asyncio.CancelledError

    record = Recorder(respond)
    async with lanes_at(redis_url) as lanes, served(lanes, record):
        await lanes.put(say(1), "k1")
        await wait_until(lambda: record.texts() == ["1"])
    assert [work.attempt for work in record.begun] == [1, 2]


async def test_a_handler_whose_lease_is_lost_is_cancelled(redis_url: str) -> None:
    cancelled = asyncio.Event()

    async def respond(work: Work) -> None:
        if work.fence > 50:
            return
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    record = Recorder(respond)
    with redis.Redis.from_url(redis_url) as client:
        async with lanes_at(redis_url, SHORT) as lanes, served(lanes, record):
            await lanes.put(say(1), "k1")
            await wait_until(lambda: len(record.begun) == 1)
            client.incrby(KEYS.fence("t", "chat"), 50)  # as another process does that takes the lane
            await wait_until(cancelled.is_set)
            await wait_until(lambda: record.texts() == ["1"])


async def test_a_handler_whose_lease_is_lost_may_take_its_time_to_end(redis_url: str) -> None:
    """It is cancelled once: what it has begun it ends in peace, as a card that is being posted."""
    began, ended = asyncio.Event(), asyncio.Event()

    async def respond(work: Work) -> None:
        if work.fence > 50:
            return
        try:
            await asyncio.Event().wait()
        finally:
            began.set()
            await renewed_often.wait()
            ended.set()

    renewed_often = asyncio.Event()
    record = Recorder(respond)
    with redis.Redis.from_url(redis_url) as client:
        async with CountsRefusals.from_url(redis_url) as database:
            lanes = RedisLanes(database, KEYS, redis_url, lease=SHORT)
            async with served(lanes, record):
                await lanes.put(say(1), "k1")
                await wait_until(lambda: len(record.begun) == 1)
                client.incrby(KEYS.fence("t", "chat"), 50)
                await began.wait()
                refused = database.refused
                await wait_until(lambda: database.refused >= refused + 2)
                renewed_often.set()
                await wait_until(lambda: record.texts() == ["1"])
    assert ended.is_set()


class CountsRefusals(Multiplexed):
    """Counts the renewals that were refused."""

    refused = 0

    async def run(self, call: RedisCall[R]) -> R:
        answer = await super().run(call)
        self.refused += type(call).__name__ == RenewLease.__name__ and not answer
        return answer


class HeardLate(Multiplexed):
    """Hears the answer to its first completion last, as a busy event loop may: lanes wait there for what is urgent."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.completed, self.renewal_refused, self.is_heard = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def run(self, call: RedisCall[R]) -> R:
        answer = await super().run(call)
        kind = type(call).__name__
        if kind == CompleteHead.__name__ and not self.completed.is_set():
            self.completed.set()
            await self.is_heard.wait()
        if kind == RenewLease.__name__ and not answer:
            self.renewal_refused.set()
        return answer


async def test_a_renewal_refused_after_a_completion_loses_no_work(redis_url: str) -> None:
    record = Recorder()
    with redis.Redis.from_url(redis_url) as client:
        async with HeardLate.from_url(redis_url) as database:
            lanes = RedisLanes(database, KEYS, redis_url, lease=SHORT)
            async with served(lanes, record):
                await lanes.put(say(1), "k1")
                await database.completed.wait()
                await lanes.put(say(2), "k2")
                client.delete(KEYS.dirty())  # so no sweep will find it
                database.renewal_refused.clear()
                await database.renewal_refused.wait()
                database.is_heard.set()
                await wait_until(lambda: record.texts() == ["1", "2"])


class ClaimsHeardLate(Multiplexed):
    """Hears of its first claim when it is told to."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.claimed, self.is_heard, self.is_busy = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def run(self, call: RedisCall[R]) -> R:
        answer = await super().run(call)
        if isinstance(answer, LaneBusy):
            self.is_busy.set()
        if isinstance(answer, ClaimedHead) and not self.claimed.is_set():
            self.claimed.set()
            await self.is_heard.wait()
        return answer


@pytest.mark.promise("P7")
async def test_a_claim_that_is_heard_after_its_lease_begins_no_work_that_another_process_does(redis_url: str) -> None:
    ends = asyncio.Event()

    async def work_on(_: Work) -> None:
        await ends.wait()

    late, other = Recorder(), Recorder(work_on)
    async with ClaimsHeardLate.from_url(redis_url) as database, lanes_at(redis_url, SHORT) as others:
        lanes = RedisLanes(database, KEYS, redis_url, lease=SHORT)
        async with served(lanes, late):
            await lanes.put(say(1), "k1")
            await database.claimed.wait()
            async with served(others, other):
                await wait_until(lambda: len(other.begun) == 1)
                await lanes.put(say(2), "k2")  # so that the lane is looked at again behind that claim
                database.is_heard.set()
                await database.is_busy.wait()
                ends.set()
                await wait_until(lambda: _has_done(other, 2))
    assert late.begun == []


async def test_a_message_of_newer_software_waits_for_it(redis_url: str) -> None:
    record = Recorder()
    with redis.Redis.from_url(redis_url) as client:
        async with lanes_at(redis_url) as lanes, served(lanes, record):
            client.rpush(KEYS.mail("t", "chat"), b'["k",1]\n{"v":99}')
            await lanes.put(say(1), "k1")
            await lanes.put(say(2, "u"), "k1")
            await wait_until(lambda: record.texts("u") == ["2"])
            await wait_until(lambda: (client.get(KEYS.lease("t", "chat")) or b"").startswith(b"rests/"))
        assert record.texts("t") == []
        assert client.llen(KEYS.mail("t", "chat")) == 2


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no"), "ValueError: no"),
        (ValueError(), "ValueError"),
        (RuntimeError("token hush refused\nby Slack"), "RuntimeError: token *** refused by Slack"),
    ],
)
async def test_a_dead_letter_and_the_log_tell_no_secret(
    redis_url: str, error: Exception, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Multiplexed.from_url(redis_url) as database:
        lanes = RedisLanes(
            database, KEYS, redis_url, lease=SHORT, attempts=1, masked=lambda text: text.replace("hush", "***")
        )

        async def failing(_: Work) -> None:
            raise error

        async with served(lanes, failing):
            await lanes.put(say(1), "k1")
            with redis.Redis.from_url(redis_url) as client:
                await wait_until(lambda: client.hlen(KEYS.dead()) == 1)
            assert [letter.error for letter in await lanes.dead_letters()] == [said]
    assert "hush" not in caplog.text


async def test_two_services_at_once_are_refused(redis_url: str) -> None:
    async with lanes_at(redis_url) as lanes, served(lanes, Recorder()):
        await lanes.put(say(1), "k1")
        with pytest.raises(RuntimeError, match="served already"):
            await lanes.serve(Recorder())


# The scripts, each twice ----------------------------------------------------------------------------------------------


def _script(kind: Any, **more: Any) -> Any:
    every = {
        "box": mailbox.box(KEYS, LANE),
        "lease": KEYS.lease("t", "chat"),
        "fence": KEYS.fence("t", "chat"),
        "tries": KEYS.tries("t", "chat"),
        "visit": "me",
        "milliseconds": 60_000,
    }
    return kind(**{name: value for name, value in {**every, **more}.items() if name in kind.__dataclass_fields__})


@pytest.fixture
def message() -> bytes:
    return mailbox.write("k", 1, say(1))


@pytest.fixture
def send(redis_url: str, message: bytes) -> Callable[[Any], Any]:
    """Runs a script twice, as a client does that lost the answer, and gives both answers."""

    def twice(call: Any) -> tuple[Any, Any]:
        with SyncDatabase.from_url(redis_url) as database:
            return database.run(call), database.run(call)

    with SyncDatabase.from_url(redis_url) as database:
        database.run(Command("RPUSH", mailbox.box(KEYS, LANE), message))
    return twice


def test_a_claim_is_the_same_turn_when_it_is_sent_again(send: Any, message: bytes) -> None:
    assert send(_script(ClaimLane)) == (ClaimedHead(1, 1, message), ClaimedHead(1, 1, message))
    first, _ = send(_script(ClaimLane, visit="you"))
    assert isinstance(first, LaneBusy)
    assert 0 < first.milliseconds <= 60_000


@pytest.mark.promise("P7")
def test_who_lost_the_lane_completes_and_keeps_nothing(send: Any, message: bytes) -> None:
    send(_script(ClaimLane))
    assert send(_script(ReleaseLane, token=1, begun=1, milliseconds=0))[0]
    turn, _ = send(_script(ClaimLane, visit="you"))
    assert turn.token > 1
    assert turn.attempt == 2
    old = _script(CompleteHead, token=1, mark=mailbox.first_line_of(message), go_on=True)
    assert send(old) == (LeaseLost(), LeaseLost())
    assert send(_script(RenewLease, token=1)) == (False, False)
    assert send(_script(ReleaseLane, token=1, begun=9, milliseconds=5)) == (False, False)
    new = _script(CompleteHead, token=turn.token, mark=mailbox.first_line_of(message), go_on=True)
    assert send(new)[0] == LaneEmpty()
    assert send(_script(ClaimLane, visit="third")) == (LaneEmpty(), LaneEmpty())


def test_a_completion_sent_again_takes_nothing_more(send: Any, message: bytes, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.rpush(mailbox.box(KEYS, LANE), mailbox.write("k2", 2, say(2)))
    send(_script(ClaimLane))
    first, again = send(_script(CompleteHead, token=1, mark=mailbox.first_line_of(message), go_on=True))
    assert first == again == ClaimedHead(1, 1, mailbox.write("k2", 2, say(2)))
    left, _ = send(_script(CompleteHead, token=1, mark=mailbox.first_line_of(message), go_on=False))
    assert left == LaneReleased()


def test_a_rest_sent_again_is_the_same_rest(send: Any) -> None:
    send(_script(ClaimLane))
    assert send(_script(ReleaseLane, token=1, begun=1, milliseconds=60_000)) == (True, True)
    assert isinstance(send(_script(ClaimLane, visit="you"))[0], LaneBusy)


def test_a_renewal_on_its_way_does_not_lock_a_lane_that_was_let_go(send: Any, message: bytes) -> None:
    send(_script(ClaimLane))
    send(_script(CompleteHead, token=1, mark=mailbox.first_line_of(message), go_on=True))
    assert send(_script(RenewLease, token=1)) == (False, False)


@pytest.mark.promise("P7")
async def test_the_fence_of_the_run_lane_is_what_the_saver_compares(redis_url: str) -> None:
    fences: list[tuple[int, bytes]] = []
    with redis.Redis.from_url(redis_url) as client:

        async def respond(work: Work) -> None:
            fences.append((work.fence, client.get(KEYS.fence(work.lane.thread))))

        record = Recorder(respond)
        async with lanes_at(redis_url) as lanes, served(lanes, record):
            await lanes.put(PassOn(ThreadId("t")), "k1")
            await wait_until(lambda: len(record.ended) == 1)
    ((given, kept),) = fences
    assert given == int(kept)


def test_every_lane_has_a_name_that_is_read_back() -> None:
    effects: list[Effect] = [say(1, "a@b"), DrawCard(ApprovalId("T:C:1.1#ab")), PassOn(ThreadId("T:C:root"))]
    for effect in effects:
        assert mailbox.read_lane(mailbox.write_lane(lane_of(effect))) == lane_of(effect)


def test_stamps_are_never_given_twice() -> None:
    stamps = [mailbox.STAMPS.next() for _ in range(10_000)]
    assert len(set(stamps)) == len(stamps)
    assert all(int(float(stamp)) == stamp for stamp in stamps)


def test_a_message_that_is_none_names_its_key() -> None:
    with pytest.raises(codec.UnreadableError, match="signoff:box"):
        mailbox.read(b"rubbish", "signoff:box")  # type: ignore[arg-type]


class Full:
    """A server without memory, which refuses some calls until it has more."""

    def __init__(self, *refused: Command) -> None:
        self.refused = set(map(id, refused))
        self.times = 0

    async def run(self, call: Any) -> Any:
        if id(call) in self.refused:
            self.times += 1
            raise redis.OutOfMemoryError("command not allowed when used memory > 'maxmemory'.")
        return 1


async def test_a_server_without_memory_is_told_once_though_it_takes_some_calls(
    caplog: pytest.LogCaptureFixture,
) -> None:
    writing, reading = Command("SET", "a", 1), Command("GET", "a")
    full = Full(writing)
    calls = RetryingCalls(full, FailureLog())  # type: ignore[arg-type]
    insisting = asyncio.create_task(calls.run(writing))
    while full.times < 3:
        await calls.run(reading)
        await asyncio.sleep(0)
    assert len(caplog.records) == 1
    full.refused.clear()
    assert await insisting == 1
    full.refused = {id(writing)}
    insisting = asyncio.create_task(calls.run(writing))
    await wait_until(lambda: len(caplog.records) == 2)
    insisting.cancel()
    await asyncio.gather(insisting, return_exceptions=True)
    assert not calls._retrying
