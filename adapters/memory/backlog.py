"""The backlog of messages that could not be posted, in memory."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from engine.ids import ChannelId
from engine.ports import Unposted


class MemoryBacklog:
    """The port `Backlog`."""

    def __init__(self) -> None:
        self._kept: dict[str, Unposted] = {}
        self._buried: set[ChannelId] = set()

    async def add(self, unposted: Unposted) -> None:
        """Keep it; an entry with the same key keeps its time."""
        known = self._kept.get(unposted.key, unposted)
        self._kept[unposted.key] = replace(unposted, since=known.since)

    async def drop(self, key: str) -> None:
        """Forget it."""
        self._kept.pop(key, None)

    async def all(self) -> Sequence[Unposted]:
        """All entries, oldest first."""
        return sorted(self._kept.values(), key=lambda each: each.since)

    async def of(self, keys: Collection[str]) -> Sequence[Unposted]:
        """The entries with these keys, oldest first."""
        return [each for each in await self.all() if each.key in keys]

    async def bury(self, channel: ChannelId) -> None:
        """Note that a channel was deleted for good."""
        self._buried.add(channel)

    async def is_buried(self, channel: ChannelId) -> bool:
        """Tell whether a channel was deleted for good."""
        return channel in self._buried
