"""Remembers the names of people: one hash for each workspace.

Commands that have no token of Slack show names beside ids by it. Nothing is decided by a name.
"""

from collections.abc import Mapping, Sequence

from adapters.redis.key_kinds import PEOPLE
from adapters.redis.keys import Keys
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.scripts import Command, DropMistypedKey
from engine.approvals.audit import RETENTION
from engine.ids import UserId

_SECONDS = int(RETENTION.total_seconds())


class RedisPeopleMemory:
    """The names of the people whom the bot of this workspace met. Raises redis.exceptions.RedisError."""

    def __init__(self, database: AsyncTransport, keys: Keys, workspace: str) -> None:
        self._database = database
        self._key = keys.people(workspace)
        self._remembered: dict[UserId, str] = {}

    async def remembered(self, users: Sequence[UserId]) -> Mapping[UserId, str]:
        """Read the names that are known of these people."""
        if not users:
            return {}
        names = await self._database.run(Command("HMGET", self._key, *users))
        return {
            user: name.decode(errors="replace") for user, name in zip(users, names, strict=True) if name is not None
        }

    async def remember(self, user: UserId, name: str) -> None:
        """Remember a person's name, which replaces an older one; a process writes each name once."""
        if self._remembered.get(user) == name:
            return
        await self._database.run_all(
            DropMistypedKey(self._key, PEOPLE.type),
            Command("HSET", self._key, user, name),
            Command("EXPIRE", self._key, _SECONDS),
        )
        self._remembered[user] = name
