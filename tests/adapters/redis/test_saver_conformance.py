"""The suite that LangGraph gives to authors of checkpointers."""

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import pytest
from fakes import servers
from langgraph.checkpoint.conformance import checkpointer_test, validate

from adapters.redis.checkpointer.saver import AsyncRedisSaver
from adapters.redis.transport import deployments
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.connection import Database
from adapters.redis.transport.multiplexed import Multiplexed
from adapters.redis.transport.scripts import Command

Connect: TypeAlias = Callable[[], AbstractAsyncContextManager[AsyncTransport]]

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
    await conforms(emptied(lambda: transport.from_url(redis_url)))


async def test_it_passes_in_cluster_mode_where_a_script_keeps_to_one_slot(cluster_url: str) -> None:
    await conforms(emptied(lambda: Multiplexed.from_url(cluster_url)))


async def test_it_passes_on_a_cluster_of_three_nodes(ring: servers.Cluster) -> None:
    @contextlib.asynccontextmanager
    async def fresh() -> AsyncIterator[AsyncTransport]:
        ring.clear()
        async with deployments.multiplexed(ring.url) as database:
            yield database

    await conforms(fresh)


@servers.needs_redis
async def test_it_passes_on_debians_redis() -> None:
    assert servers.REDIS is not None
    with servers.server(program=servers.REDIS) as redis:
        await conforms(emptied(lambda: deployments.multiplexed(f"redis://127.0.0.1:{redis.port}/0")))


def emptied(connect: Connect) -> Connect:
    """Empty the server before each use."""

    @contextlib.asynccontextmanager
    async def fresh() -> AsyncIterator[AsyncTransport]:
        async with connect() as database:
            await database.run(Command("FLUSHALL"))
            yield database

    return fresh


async def conforms(connect: Connect) -> None:
    """Run the suite on fresh savers."""

    @checkpointer_test(name="AsyncRedisSaver")
    async def fresh() -> AsyncIterator[AsyncRedisSaver]:
        async with connect() as database:
            yield AsyncRedisSaver(database)

    report = await validate(fresh)
    failures = [failure for result in report.results.values() for failure in result.failures]
    assert not failures
    assert {name: result.tests_passed for name, result in report.results.items() if result.detected} == ALL
