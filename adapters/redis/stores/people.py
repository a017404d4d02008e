"""Remembers the names of people and the address of their workspace: one hash for each workspace.

Commands that have no token of Slack show names beside ids by it, and links to cards. Nothing is decided by a name.
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
        self._key, self._workspace = keys.people(workspace), workspace
        self._remembered: dict[str, str] = {}

    async def remembered(self, users: Sequence[UserId]) -> Mapping[UserId, str]:
        """Read the names that are known of these people."""
        if not users:
            return {}
        names = await self._database.run(Command("HMGET", self._key, *users))
        return {
            user: name.decode(errors="replace") for user, name in zip(users, names, strict=True) if name is not None
        }

    async def address(self) -> str:
        """Read the workspace's address, with a slash at its end; "" if it is not known."""
        found = await self._database.run(Command("HGET", self._key, self._workspace))
        return "" if found is None else found.decode(errors="replace")

    async def remember(self, user: UserId, name: str) -> None:
        """Remember a person's name, which replaces an older one; a process writes each name once."""
        await self._remember(user, name)

    async def remember_address(self, address: str) -> None:
        """Remember the workspace's address."""
        await self._remember(self._workspace, address)

    async def _remember(self, id_: str, name: str) -> None:
        if self._remembered.get(id_) == name:
            return
        await self._database.run_all(
            DropMistypedKey(self._key, PEOPLE.type),
            Command("HSET", self._key, id_, name),
            Command("EXPIRE", self._key, _SECONDS),
        )
        self._remembered[id_] = name
