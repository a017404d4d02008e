"""A call that a lane began and a person waits for goes on at once: it is not the background's, as the lane is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from fakes.people import PeopledSlack
from fakes.servers import ring, server, whole_ring
from fakes.valkey import redis_server, redis_url

from adapters.redis.keys import Keys
from adapters.redis.stores.groups import RedisGroupMemory
from adapters.redis.stores.oncall_lookups import RedisLookups
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.cluster import Cluster
from adapters.redis.transport.multiplexed import Multiplexed
from adapters.redis.transport.scripts import Command, Key
from adapters.slack.workspace.client import web_client
from adapters.slack.workspace.groups import SlackGroups
from adapters.slack.workspace.identity import whoami
from adapters.slack.workspace.roster import AnswerCache
from bot.oncall.on_call import OnCallSources
from bot.oncall.people import People
from bot.runtime import loop as loops
from bot.runtime.turns import PeopleFirst, lane_context
from bot.telemetry import Metrics
from engine.approvals.effects import Lane
from engine.ids import ThreadId, UserId
from engine.oncall.shifts import Shift, Shifts
from engine.ports import GroupReading

__all__ = ["redis_server", "redis_url", "ring", "whole_ring"]

RUN = Lane(ThreadId("T1:C1:1.1"), "run")
ALICE, BOB = UserId("U0ALICE"), UserId("U0BOB")
NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)
PATIENCE = 10.0
PING = Command("PING")

uv_loop = loops.uv_loop()
LOOPS = [loops.AsyncioLoop, *([uv_loop] if uv_loop is not None else [])]


@pytest.fixture(params=LOOPS, ids=lambda each: each.__name__)
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    """Run on a loop of each kind, whose lanes get no turn while anybody else has something to do."""

    def run(main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            loop = runner.get_loop()
            assert isinstance(loop, PeopleFirst)
            loop.clock = lambda: 0.0
            runner.run(main)

    return run


@contextlib.asynccontextmanager
async def begun_by_a_lane(call: Callable[[], Awaitable[object]], has_begun: asyncio.Event) -> AsyncIterator[None]:
    """Let a lane call, and keep all lanes waiting from then on, as people keep the loop busy."""

    async def work() -> None:
        await call()

    loop = asyncio.get_running_loop()
    busy: asyncio.Handle

    def keep_busy() -> None:
        nonlocal busy
        busy = loop.call_soon(keep_busy)

    lane = loop.create_task(work(), context=lane_context(RUN))
    await has_begun.wait()
    busy = loop.call_soon(keep_busy)
    try:
        async with asyncio.timeout(PATIENCE):
            yield
        assert not lane.done()
    finally:
        busy.cancel()
        await lane


def noting(begun: asyncio.Event, call: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[object]]:
    """The call, which says that it begins."""

    def begin() -> Awaitable[object]:
        begun.set()
        return call()

    return begin


def test_a_person_does_not_wait_for_a_lane_that_connects_to_redis(run: Any, redis_url: str) -> None:
    async def main() -> None:
        begun = asyncio.Event()
        async with (
            Multiplexed.from_url(redis_url) as database,
            begun_by_a_lane(noting(begun, lambda: database.run(PING)), begun),
        ):
            assert await database.run(PING)

    run(main())


def test_a_person_does_not_wait_for_a_lane_that_looks_up_the_slots_of_a_cluster(run: Any, ring: Any) -> None:
    async def main() -> None:
        begun = asyncio.Event()
        async with Cluster.from_url(ring.url) as cluster:
            read = Command("GET", Key("signoff:{t}:x"))
            async with begun_by_a_lane(noting(begun, lambda: cluster.run(read)), begun):
                assert await cluster.run(read) is None

    run(main())


def test_an_answer_that_a_lane_hears_late_does_not_end_an_outage(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        begun = asyncio.Event()
        with server() as node:
            async with Multiplexed.from_url(f"redis://127.0.0.1:{node.port}") as database:
                await database.run(PING)
                async with begun_by_a_lane(noting(begun, lambda: database.run(PING)), begun):
                    await database.run(PING)  # so that the lane's answer is there, too
                    node.kill()
                    with pytest.raises(redis.RedisError):
                        await database.run(PING)

    run(main())
    assert "does not answer" in caplog.text
    assert "answers again" not in caplog.text


@pytest.mark.promise("P6")
def test_a_person_does_not_wait_for_a_lane_that_asks_slack_who_somebody_is(run: Any, redis_url: str) -> None:
    async def main() -> None:
        begun = asyncio.Event()
        async with Multiplexed.from_url(redis_url) as database:

            async def ask(user: UserId) -> str:
                await database.run(PING)
                return f"{user} is a member"

            await database.run(PING)
            kept = AnswerCache(ask, 60.0)
            async with begun_by_a_lane(noting(begun, lambda: kept.get(ALICE)), begun):
                assert (await kept.get(ALICE))[1] == f"{ALICE} is a member"

    run(main())


@pytest.mark.promise("P6")
def test_a_lane_whose_turn_comes_after_its_time_limit_has_an_answer_that_came_before(run: Any, redis_url: str) -> None:
    async def main() -> None:
        begun, heard = asyncio.Event(), list[str]()
        async with Multiplexed.from_url(redis_url) as database:

            async def ask(user: UserId) -> str:
                await database.run(PING)
                return f"{user} is a member"

            async def ask_in_time() -> None:
                async with asyncio.timeout(0.05):
                    heard.append((await kept.get(ALICE))[1])

            await database.run(PING)
            kept = AnswerCache(ask, 60.0)
            async with begun_by_a_lane(noting(begun, ask_in_time), begun):
                await kept.get(ALICE)
                await asyncio.sleep(0.1)
            assert heard == [f"{ALICE} is a member"]

    run(main())


class Noted(RedisGroupMemory):
    """Says when a list is being read."""

    def __init__(self, database: AsyncTransport, begun: asyncio.Event) -> None:
        super().__init__(database, Keys(), "T0LOCAL")
        self._begun = begun

    async def begin(self) -> GroupReading | None:
        begun = await super().begin()
        self._begun.set()
        return begun


@pytest.mark.promise("P6")
def test_a_person_does_not_wait_for_a_lane_that_reads_the_groups(run: Any, redis_url: str, tmp_path: Path) -> None:
    async def main() -> None:
        begun = asyncio.Event()
        async with (
            PeopledSlack(data=tmp_path / "workspace") as slack,
            Multiplexed.from_url(redis_url) as database,
            web_client(slack.environment()["SLACK_BOT_TOKEN"], slack.environment()["SLACK_API_URL"]) as client,
        ):
            groups = SlackGroups(client, await whoami(client), Noted(database, begun))
            async with begun_by_a_lane(lambda: groups.members("S0SRE", PATIENCE), begun):
                assert (await groups.members("S0SRE", PATIENCE)).people == {ALICE, BOB}
            await groups.aclose()

    run(main())


class Service:
    """An on-call service that answers after a while."""

    def __init__(self, database: AsyncTransport) -> None:
        self._database = database

    async def shifts(self, at: datetime, now: datetime) -> Shifts:
        await self._database.run(PING)
        return Shifts((Shift("a", ALICE),), at, at + timedelta(minutes=1), now)


class Clock:
    def now(self) -> datetime:
        return NOW


class Directory:
    async def is_member(self, user: UserId) -> bool:
        return user == ALICE

    async def of_email(self, email: str) -> UserId | None:
        raise NotImplementedError(email)


@pytest.mark.promise("P6")
def test_a_person_does_not_wait_for_a_lane_that_asks_who_is_on_call(run: Any, redis_url: str) -> None:
    async def main() -> None:
        begun = asyncio.Event()
        async with Multiplexed.from_url(redis_url) as database:
            await database.run(PING)
            on_call = OnCallSources(
                sources={"pay": Service(database)},
                shared={"pay": "pay-1"},
                memory=RedisLookups(database, Keys()),
                people=People(Directory(), {}, {}),
                clock=Clock(),
                metrics=Metrics(),
            )
            async with begun_by_a_lane(noting(begun, lambda: on_call.on_duty("pay", NOW, PATIENCE)), begun):
                (found,) = (await on_call.on_duty("pay", NOW, PATIENCE)).people
                assert found.user == ALICE
            await on_call.aclose()

    run(main())
