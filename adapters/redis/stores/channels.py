"""Remembers the channel of each name: one small hash for each workspace."""

from collections.abc import Mapping

from adapters.redis.keys import Keys
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.scripts import Command
from engine.ids import ChannelId


class RedisChannelMemory:
    """The port `ChannelMemory` on Redis; `workspace` is the id of the Slack team."""

    def __init__(self, database: AsyncTransport, keys: Keys, workspace: str) -> None:
        self._database = database
        self._key = keys.channels(workspace)

    async def remembered(self) -> Mapping[str, ChannelId]:
        """Read all names, with the ids of their channels."""
        flat = [word.decode(errors="replace") for word in await self._database.run(Command("HGETALL", self._key))]
        return {name: ChannelId(channel) for name, channel in zip(flat[::2], flat[1::2], strict=True)}

    async def remember(self, names: Mapping[str, ChannelId]) -> None:
        """Remember channels; a name that is remembered already keeps its channel."""
        for name, channel in names.items():
            await self._database.run(Command("HSETNX", self._key, name, channel))
