"""The backlog: messages that cannot be posted yet. One hash, as it is small wherever the bot may post.

An entry is identified by what it is, and keeps the time since when it waits, which orders the entries.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from adapters.redis import codec
from adapters.redis.keys import Keys
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.failures import FailureLog, describe
from adapters.redis.transport.scripts import Command, Key, Script
from engine.ids import ChannelId
from engine.ports import Unposted


@dataclass(frozen=True, slots=True)
class AddToBacklog(Script[None]):
    """Add an entry; the time before the document's newline stays that of the first of its name. Safe to run twice."""

    LUA = """
    local known = redis.call('HGET', backlog, name)
    local since = known and string.match(known, '^[%d.]+') or now
    redis.call('HSET', backlog, name, since .. string.char(10) .. document)
    return 1
    """
    backlog: Key
    name: bytes
    now: str
    document: bytes

    def read(self, reply: Any) -> None:
        """Read nothing."""


class RedisBacklog:
    """The port `Backlog` on Redis."""

    def __init__(self, database: AsyncTransport, keys: Keys) -> None:
        self._database = database
        self._key, self._deleted = keys.backlog(), keys.deleted()
        self._failures = FailureLog()

    async def add(self, unposted: Unposted) -> None:
        """Add an entry; if there is one of its key, its time stays."""
        since = f"{unposted.since.timestamp():.6f}"
        add = AddToBacklog(self._key, _name(unposted.key), since, codec.UNPOSTED.dump(unposted))
        await self._database.run(add)

    async def drop(self, key: str) -> None:
        """Remove an entry; a no-op if there is none."""
        await self._database.run(Command("HDEL", self._key, _name(key)))

    async def all(self) -> Sequence[Unposted]:
        """Read all entries, oldest first. An unreadable one is skipped and logged once."""
        found = await self._database.run(Command("HGETALL", self._key))
        return self._readable(zip(found[::2], found[1::2], strict=True))

    async def of(self, keys: Collection[str]) -> Sequence[Unposted]:
        """Read these entries, oldest first."""
        if not keys:
            return ()
        names = [_name(each) for each in keys]
        found = await self._database.run(Command("HMGET", self._key, *names))
        return self._readable((name, each) for name, each in zip(names, found, strict=True) if each is not None)

    def _readable(self, entries: Iterable[tuple[bytes, bytes]]) -> Sequence[Unposted]:
        found: list[Unposted] = []
        for name, value in entries:
            since, _, document = value.partition(b"\n")
            try:
                first = datetime.fromtimestamp(float(since), UTC)
                found.append(replace(codec.UNPOSTED.load(document, self._key), since=first))
            except (codec.UnreadableError, ValueError, OverflowError, OSError) as error:
                self._failures.report(repr(name), f"{self._key} has an unreadable entry, {name!r}: {describe(error)}")
        return sorted(found, key=lambda each: each.since)

    async def bury(self, channel: ChannelId) -> None:
        """Note that a channel was deleted for good: nothing has to wait for it any more."""
        await self._database.run(Command("SADD", self._deleted, channel))

    async def is_buried(self, channel: ChannelId) -> bool:
        """Tell whether a channel was deleted for good."""
        return bool(await self._database.run(Command("SISMEMBER", self._deleted, channel)))


def _name(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")
