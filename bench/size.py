"""What a pending approval takes in Redis; `bench.growth` has what many of them do."""

from typing import Any

import redis.asyncio

from adapters.redis.keys import Keys
from bench.subject import Behind, subject
from bench.table import Bench
from bot.config.entries import Mode

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
    """A count: once is enough."""
    bench.table.add("bytes of one pending approval with its thread", await bytes_of_one(bench), aim="6 kB = 6,000")
