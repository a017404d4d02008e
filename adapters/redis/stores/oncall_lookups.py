"""Lookups of who is on call, shared by all processes: the last answer of each source, and which process asks it now.

Redis expires an answer when it is no longer valid, by the server's clock: a process whose clock is wrong keeps nothing
longer than the others.
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
    """Claim the lookup of a source. Safe to run twice: the claim is kept."""

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
        """Tell whether this process has the claim."""
        return bool(reply == 1)


@dataclass(frozen=True, slots=True)
class ReleaseLookup(Script[None]):
    """Release a claim, but not another process's. Safe to run twice."""

    LUA = """
    if redis.call('GET', asking) == holder then redis.call('DEL', asking) end
    """
    asking: Key
    holder: str

    @override
    def read(self, reply: Any) -> None:
        """Read nothing."""


class RedisLookups:
    """The port `LookupMemory` on Redis."""

    def __init__(self, database: AsyncTransport, keys: Keys) -> None:
        self._database, self._keys = database, keys

    async def last(self, source: str) -> LastLookup | None:
        """Read the last lookup; None if it expired or another version wrote it."""
        key = self._keys.lookup(source)
        found = await self._database.run(Command("GET", key))
        try:
            return None if found is None else codec.LOOKUP.load(found, key)
        except codec.UnreadableError:
            return None

    async def keep(self, source: str, lookup: LastLookup, seconds: float) -> None:
        """Store a lookup for other processes, for some seconds."""
        document = codec.LOOKUP.dump(lookup)
        await self._database.run(Command("SET", self._keys.lookup(source), document, "PX", max(1, int(seconds * 1000))))

    async def claim(self, source: str, holder: str, seconds: float) -> bool:
        """Claim the lookup for some seconds at most; False if another process has it."""
        return await self._database.run(ClaimLookup(self._keys.asking(source), holder, int(seconds * 1000)))

    async def release(self, source: str, holder: str) -> None:
        """Release the claim."""
        await self._database.run(ReleaseLookup(self._keys.asking(source), holder))
