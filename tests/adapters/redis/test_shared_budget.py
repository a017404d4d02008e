"""The budget that processes share is the rule of `engine.budget`, whatever becomes of Redis."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from fakes import servers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.redis.keys import Keys
from adapters.redis.stores.budget import RedisBudget
from adapters.redis.transport.cluster import Cluster
from adapters.redis.transport.connection import Database
from adapters.redis.transport.multiplexed import Multiplexed
from adapters.redis.transport.scripts import Command
from engine.budget import Ledger, Limit, NotYet, Urgency, Wish

KEYS = Keys()
HOURS = Limit(10, 36_000.0)
"""So long that the time between two calls of a test makes no difference."""
FIRST, NEXT, SPARE = Urgency


@pytest.fixture
async def two(redis_url: str) -> AsyncIterator[tuple[RedisBudget, RedisBudget]]:
    """Two processes."""
    async with Multiplexed.from_url(redis_url) as one, Multiplexed.from_url(redis_url) as other:
        yield RedisBudget(one, KEYS, "T1"), RedisBudget(other, KEYS, "T1")


def wish(key: str, urgency: Urgency = FIRST, limit: Limit = HOURS, calls: int = 1) -> Wish:
    return Wish("chat.update", limit, urgency, key, calls)


WISHES = st.lists(
    st.builds(wish, st.sampled_from(["", *"abcdefgh"]), st.sampled_from(Urgency), st.just(HOURS), st.integers(1, 3)),
    max_size=40,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wishes=WISHES)
async def test_the_script_answers_as_the_rule_does(database: Database, wishes: list[Wish]) -> None:
    await database.run(Command("FLUSHALL"))
    shared, rule = RedisBudget(database, KEYS, "T1"), Ledger()
    for number, each in enumerate(wishes):
        await asyncio.sleep(0.0011)  # ages are known to the millisecond
        found, expected = await shared.take(each), rule.take(each, number / 1_000)
        assert (found is None) == (expected is None)
        if found is not None and expected is not None:
            assert found.seconds == pytest.approx(expected.seconds, abs=5.0)
            assert found.refused == expected.refused


async def test_two_processes_together_stay_within_the_limit_and_serve_the_urgent_first(
    two: tuple[RedisBudget, RedisBudget],
) -> None:
    limit = Limit(10, 0.5)
    asked, answered, order = [], [], []

    async def call(number: int) -> None:
        urgency = FIRST if number % 4 == 0 else NEXT
        began = time.monotonic()
        while (not_yet := await two[number % 2].take(wish(str(number), urgency, limit))) is not None:
            await asyncio.sleep(not_yet.seconds)
            began = time.monotonic()
        asked.append(began)
        answered.append(time.monotonic())
        order.append(urgency)

    await asyncio.gather(*map(call, range(40)))
    for earlier, later in zip(sorted(asked), sorted(answered)[10:], strict=False):
        assert later - earlier >= limit.seconds  # each was granted between the two
    assert all(urgency is NEXT for urgency in order[-20:])


async def test_a_refusal_is_known_to_the_other_process(two: tuple[RedisBudget, RedisBudget]) -> None:
    one, other = two
    await one.shut("chat.update", 30.0)
    await one.shut("chat.update", 2.0)
    found = await other.take(wish("a"))
    assert found is not None
    assert found.refused
    assert 29.0 < found.seconds <= 30.0
    assert await other.take(Wish("users.info", HOURS, FIRST, "a")) is None


async def test_who_does_not_come_back_leaves_the_queue(
    two: tuple[RedisBudget, RedisBudget], database: Database
) -> None:
    one, other = two
    for number in range(10):
        assert await one.take(wish(str(number))) is None
    assert await one.take(wish("gone")) is not None
    assert await other.take(wish("waits")) is not None
    bucket = "T1/chat.update"
    await database.run(Command("ZADD", KEYS.absent(bucket), 1, "gone"))
    await other.take(wish("waits"))
    assert await database.run(Command("ZRANGE", KEYS.queue(bucket), 0, -1)) == [b"waits"]
    assert 0 < await database.run(Command("PTTL", KEYS.queue(bucket))) < 3_600_000


async def test_everything_it_keeps_goes_by_itself(database: Database) -> None:
    budget, limit = RedisBudget(database, KEYS, "T1"), Limit(1, 0.05)
    await budget.shut("chat.update", 0.05)
    await budget.take(wish("a", limit=limit))
    await budget.shut("chat.delete", 0.05)
    await budget.take(Wish("chat.delete", limit, FIRST, "a"))
    for key in await database.run(Command("KEYS", "*")):
        assert await database.run(Command("PTTL", key)) > 0


@pytest.mark.parametrize("broken", ["gone", "slow"])
async def test_without_redis_a_process_keeps_the_limit_by_itself_and_waits_for_nothing(
    redis_url: str, database: Database, broken: str
) -> None:
    async with Multiplexed.from_url(redis_url if broken == "slow" else "unix:///nowhere.sock") as lost:
        budget = RedisBudget(lost, KEYS, "T1", patience=0.05)
        if broken == "slow":
            await database.run(Command("CLIENT", "PAUSE", 1_000))
        began = time.monotonic()
        answers = [await budget.take(wish(str(number))) for number in range(12)]
        await budget.shut("chat.update", 99_999.0)
        assert time.monotonic() - began < 5.0
    assert answers[:10] == [None] * 10
    assert all(isinstance(each, NotYet) for each in answers[10:])


async def test_a_process_that_loses_redis_knows_the_calls_that_it_made(redis_url: str, database: Database) -> None:
    async with Multiplexed.from_url(redis_url) as lost:
        budget = RedisBudget(lost, KEYS, "T1", patience=0.05)
        assert [await budget.take(wish(str(number))) for number in range(7)] == [None] * 7
        await database.run(Command("CLIENT", "PAUSE", 1_000))
        answers = [await budget.take(wish(f"later {number}")) for number in range(5)]
    assert [each is None for each in answers] == [True] * 3 + [False] * 2


async def test_it_works_on_a_cluster(ring: servers.Cluster) -> None:
    async with Cluster.from_url(ring.url) as cluster:
        budget = RedisBudget(cluster, KEYS, "T1")
        assert [await budget.take(wish(str(number))) is None for number in range(12)] == [True] * 10 + [False] * 2
