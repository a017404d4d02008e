"""What a pending approval takes in Redis, and what ten thousand of them do to a start and to a click."""

import time
from dataclasses import dataclass
from typing import Any

import redis.asyncio

from adapters.redis.keys import Keys
from bench.subject import Behind, running, subject
from bench.table import Bench, percentile
from bot.config.entries import Mode

FEW, MANY = 10, 10_000
CLICKS = 40
COPIES = 2_000
MINUTE_MS = 60_000


async def bytes_of_one(bench: Bench) -> int:
    """Of an approval that a graph waits for: all keys of its thread, and its entries in the indexes of all approvals.

    The server counts them: copies are made under names of their own, and the memory that they took is divided.
    """
    async with subject(bench.slack, bench.redis_url, bench.folder, Mode.SOCKET, Behind.GRAPH) as served:
        channel = (await served.asked(1))[0].place.channel.encode()
    async with redis.asyncio.Redis.from_url(bench.redis_url) as client:
        before = await _used(client)
        await _copy(client, channel)
        return (await _used(client) - before) // COPIES


async def _used(client: Any) -> int:
    seen = await client.info("memory")
    return int(seen["used_memory"] - seen["mem_clients_normal"] - seen.get("mem_aof_buffer", 0))


async def _copy(client: Any, channel: bytes) -> None:
    """Copy what names the channel, keys and members of indexes, but for what is gone within a minute."""
    names = [b"C1%08d" % number for number in range(COPIES)]
    keys = [key async for key in client.scan_iter(count=10_000) if key != Keys().dirty().encode()]
    for key in keys:
        left = max(0, await client.pttl(key))
        async with client.pipeline(transaction=False) as pipeline:
            if channel not in key and await client.type(key) == b"zset":
                members = [each for each in await client.zrange(key, 0, -1, withscores=True) if channel in each[0]]
                for member, score in members:
                    pipeline.zadd(key, {member.replace(channel, name): score for name in names})
            elif channel in key and (not left or left > MINUTE_MS):
                dumped = await client.dump(key)
                for name in names:
                    pipeline.restore(key.replace(channel, name), left, dumped)
            await pipeline.execute()


async def measure(bench: Bench) -> None:
    """Bytes, which are a count; then a start and clicks with few and with many waiting, by turns."""
    bench.table.add("bytes of one pending approval with its thread", await bytes_of_one(bench), aim="6 kB = 6,000")
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
