"""Of the figures of the saver those that are counts, not times."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import redis.asyncio
from fakes.valkey import redis_server, redis_url
from langgraph.checkpoint.base import CheckpointTuple

from adapters.redis.checkpointer.saver import AsyncRedisSaver
from bench import saver_rows
from bench.round_trips import Wire, counted
from bench.saver_kinds import Opened

__all__ = ["redis_server", "redis_url"]

Saver = AsyncRedisSaver


@pytest.fixture
async def wired(redis_url: str) -> AsyncIterator[tuple[Saver, Wire]]:
    """A saver that wrote before, and the wire on which it speaks."""
    async with counted(redis_url) as (url, wire), AsyncRedisSaver.from_conn_string(url) as saver:
        yield saver, wire


async def _get(saver: Saver, begun: CheckpointTuple) -> None:
    assert await saver.aget_tuple(begun.config)


async def _put_writes(saver: Saver, begun: CheckpointTuple) -> None:
    await saver.aput_writes(begun.config, [("notes", "one"), ("document", "two")], "task")


async def _put(saver: Saver, begun: CheckpointTuple) -> None:
    await saver_rows.put_next(saver, begun, begun.config)


@pytest.mark.parametrize("asks", [_get, _put_writes, _put])
async def test_each_call_is_one_round_trip(
    wired: tuple[Saver, Wire], asks: Callable[[Saver, CheckpointTuple], Awaitable[None]]
) -> None:
    saver, wire = wired
    begun = await saver_rows.made(saver, 100)
    await asks(saver, begun)
    before = wire.round_trips
    await asks(saver, begun)
    assert wire.round_trips - before == 1


async def test_a_cycle_of_a_graph_asks_no_oftener_than_langgraph_does(redis_url: str) -> None:
    cycle = saver_rows.Cycle(100, 1, "sync")
    async with counted(redis_url) as (url, wire), AsyncRedisSaver.from_conn_string(url) as saver:
        opened = Opened(saver, _unknown)
        await cycle.prepare(opened)
        before = wire.round_trips
        await cycle.measure(opened, 1)
        deletes = 2
        gets, puts, put_writes = 2, 5, 6
        assert wire.round_trips - before - deletes <= gets + puts + put_writes


async def test_a_state_that_stays_is_stored_once_however_many_steps_a_thread_has(redis_url: str) -> None:
    async with (
        redis.asyncio.Redis.from_url(redis_url) as client,
        AsyncRedisSaver.from_conn_string(redis_url) as saver,
    ):

        async def stored() -> int:
            keys = [key async for key in client.scan_iter()]
            return sum([int(await client.memory_usage(key, samples=0) or 0) for key in keys])

        kilobytes = await saver_rows.Stored(100_000).measure(Opened(saver, stored), 1)
    input_write_and_channel = 3 * 100
    assert kilobytes is not None
    assert kilobytes < input_write_and_channel + 50


async def test_a_step_of_a_long_thread_moves_as_many_bytes_as_one_of_a_short_thread(redis_url: str) -> None:
    async with (
        redis.asyncio.Redis.from_url(redis_url) as client,
        AsyncRedisSaver.from_conn_string(redis_url) as saver,
    ):

        async def moved() -> int:
            seen = await client.info("stats")
            return int(seen["total_net_input_bytes"] + seen["total_net_output_bytes"])

        begun = await saver_rows.made(saver, 100)
        config, took = begun.config, []
        for _ in range(2):
            before = await moved()
            for _ in range(10):
                config = await saver_rows.put_next(saver, begun, config)
                assert await saver.aget_tuple(config)
            took.append(await moved() - before)
            for _ in range(1_000):
                config = await saver_rows.put_next(saver, begun, config)
    short, long = took
    assert abs(long - short) < short / 20


async def _unknown() -> None:
    return None
