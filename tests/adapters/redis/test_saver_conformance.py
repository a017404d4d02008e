"""The suite that LangGraph gives to authors of checkpointers."""

from collections.abc import AsyncIterator

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate

from adapters.redis.connection import Database
from adapters.redis.multiplexed import Multiplexed
from adapters.redis.saver import AsyncRedisSaver
from adapters.redis.scripts import Command

ALL = {
    "put": 17,
    "put_writes": 10,
    "get_tuple": 10,
    "list": 16,
    "delete_thread": 5,
    "copy_thread": 8,
    "prune": 8,
    "delete_for_runs": 7,
}


@pytest.mark.parametrize("transport", [Database, Multiplexed])
async def test_langgraphs_own_suite_passes(redis_url: str, transport: type[Database | Multiplexed]) -> None:
    await conforms(redis_url, transport)


async def test_it_passes_in_cluster_mode_where_a_script_keeps_to_one_slot(cluster_url: str) -> None:
    await conforms(cluster_url, Multiplexed)


async def conforms(url: str, transport: type[Database | Multiplexed]) -> None:
    """Run the suite on fresh savers."""

    @checkpointer_test(name="AsyncRedisSaver")
    async def fresh() -> AsyncIterator[AsyncRedisSaver]:
        async with transport.from_url(url) as database:
            await database.run(Command("FLUSHALL"))
            yield AsyncRedisSaver(database)

    report = await validate(fresh)
    failures = [failure for result in report.results.values() for failure in result.failures]
    assert not failures
    assert {name: result.tests_passed for name, result in report.results.items() if result.detected} == ALL
