"""What the processes share of who is on call: the last answer of each source, and which process asks it now.

An answer stands here no longer than it is used, by the server's clock: a process whose clock is wrong keeps nothing
longer than the others do.
"""

from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from adapters.redis import codec
from adapters.redis.keys import Keys
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.scripts import Command, Key, Script
from engine.ports import LastLookup


@dataclass(frozen=True, slots=True)
class ClaimLookup(Script[bool]):
    """Be the one who asks. Safe to run twice: who asks already asks."""

    LUA = """
    local asks = redis.call('GET', asking)
    if asks and asks ~= holder then return 0 end
    redis.call('SET', asking, holder, 'PX', milliseconds)
    return 1
    """
    asking: Key
    holder: str
    milliseconds: int

    @override
    def read(self, reply: Any) -> bool:
        """Tell whether it is this one."""
        return bool(reply == 1)


@dataclass(frozen=True, slots=True)
class ReleaseLookup(Script[None]):
    """Ask no more, and leave another one's claim alone. Safe to run twice."""

    LUA = """
    if redis.call('GET', asking) == holder then redis.call('DEL', asking) end
    """
    asking: Key
    holder: str

    @override
    def read(self, reply: Any) -> None:
        """Nothing is told."""


class RedisLookups:
    """The port `LookupMemory` on Redis."""

    def __init__(self, database: AsyncTransport, keys: Keys) -> None:
        self._database, self._keys = database, keys

    async def last(self, source: str) -> LastLookup | None:
        """How the last lookup went; None where that is forgotten, or was kept by another version."""
        key = self._keys.lookup(source)
        found = await self._database.run(Command("GET", key))
        try:
            return None if found is None else codec.LOOKUP.load(found, key)
        except codec.UnreadableError:
            return None

    async def keep(self, source: str, lookup: LastLookup, seconds: float) -> None:
        """Keep it for others, for so long."""
        document = codec.LOOKUP.dump(lookup)
        await self._database.run(Command("SET", self._keys.lookup(source), document, "PX", max(1, int(seconds * 1000))))

    async def claim(self, source: str, holder: str, seconds: float) -> bool:
        """Be the one who asks, for so long at most; False where somebody else asks."""
        return await self._database.run(ClaimLookup(self._keys.asking(source), holder, int(seconds * 1000)))

    async def release(self, source: str, holder: str) -> None:
        """Let others ask."""
        await self._database.run(ReleaseLookup(self._keys.asking(source), holder))
