"""What a pending approval takes in Redis, and what ten thousand of them do to a start and to a click."""

import time
from dataclasses import dataclass

import redis.asyncio

from adapters.redis.keys import Keys
from bench.subject import Behind, running, subject
from bench.table import Bench, percentile
from bot.config.entries import Mode
from engine.ids import ThreadId

FEW, MANY = 10, 10_000
CLICKS = 40


async def bytes_of_one(bench: Bench) -> int:
    """Of an approval that a graph waits for, with all that is kept of its thread."""
    async with subject(bench.slack, bench.redis_url, bench.folder, Mode.SOCKET, Behind.GRAPH) as served:
        thread = (await served.asked(1))[0].thread
    return await _bytes(bench.redis_url, thread)


async def _bytes(redis_url: str, thread: ThreadId) -> int:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        keys = [key async for key in client.scan_iter(match=Keys().every_key_of(thread), count=10_000)]
        return sum([int(await client.memory_usage(key, samples=0) or 0) for key in keys])


async def measure(bench: Bench) -> None:
    """Bytes, which are a count; then a start and clicks with few and with many waiting, by turns."""
    bench.table.add("bytes of one pending approval with its thread", await bytes_of_one(bench), aim="8 kB = 8,192")
    many = bench.count(MANY)
    few_url, many_url = (f"{bench.redis_url}?db={number}" for number in range(2))
    await _fill(bench, few_url, FEW)
    await _fill(bench, many_url, many)
    for _ in range(bench.runs):
        few = await _started_and_clicked(bench, few_url)
        ours = await _started_and_clicked(bench, many_url)
        name = f"{many:,} pending, reference {FEW} pending"
        bench.table.add(f"start of the bot, {name}", ours.start_ms, few.start_ms, unit="ms", aim="1x")
        bench.table.add(f"click -> ack p50, {name}", ours.ack_ms, few.ack_ms, unit="ms", aim="1x")


@dataclass(frozen=True, slots=True)
class _Seen:
    start_ms: float
    ack_ms: float


async def _started_and_clicked(bench: Bench, redis_url: str) -> _Seen:
    began = time.perf_counter()
    async with running(bench.slack, redis_url, bench.folder, Mode.SOCKET, Behind.LANES) as served:
        start_ms = (time.perf_counter() - began) * 1000
        await served.click(await served.pending(4))
        clicked = await served.click(await served.pending(bench.count(CLICKS)), rate=20)
        await served.at_rest()
        return _Seen(start_ms, percentile(clicked.acked, 0.5))


async def _fill(bench: Bench, redis_url: str, count: int) -> None:
    """Approvals with their timers, and beside each a thread's checkpoints: copies, under names of their own."""
    async with running(bench.slack, redis_url, bench.folder, Mode.SOCKET, Behind.GRAPH) as served:
        thread = (await served.asked(1))[0].thread
        pending = await served.pending(count - 1, timers=True)
    keys = Keys()
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        for made in (keys.checkpoints, keys.state):
            dumped = await client.dump(made(thread)) or b""
            async with client.pipeline(transaction=False) as pipeline:
                for approval in pending:
                    pipeline.restore(made(approval.thread), 0, dumped)
                await pipeline.execute()
