"""The user groups of a workspace: one process of a bot reads them from Slack, the others recall them.

A list is at most `OLDEST` old: Redis expires it, by its own clock. When Slack says that a group has changed, the group
gets a stamp that no earlier list has, so a list that was read before the event, or is being read when it comes in, is
not used for it. Stamps are random words, not counters or times: none comes twice, whatever is forgotten meanwhile and
even if a clock is set back.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from typing_extensions import override

from adapters.redis.codec import UnreadableError
from adapters.redis.key_kinds import CHANGED, DAY
from adapters.redis.keys import Keys
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.scripts import Command, Key, Script
from engine.ids import UserId
from engine.ports import GroupReading, ListedGroup, RecalledGroup

OLDEST = timedelta(minutes=5)
"""How long a list is valid, from when Slack was asked for it."""
LEASE = timedelta(seconds=10)
"""How long a process may take to read the list; then another one may read it."""

_ALL = "*"
_LOOKED_UP = "looked_up"
_STAMP_OF_ALL = "stamp"


@dataclass(frozen=True, slots=True)
class BeginReading(Script[dict[str, str] | None]):
    """Take or keep the right to read; gives the stamps of the changed groups. Safe to run twice."""

    LUA = """
    if redis.call('GET', reading) ~= holder and not redis.call('SET', reading, holder, 'NX', 'PX', lease) then
      return false
    end
    return redis.call('HGETALL', changed)
    """
    reading: Key
    changed: Key
    holder: str
    lease: int

    @override
    def read(self, reply: Any) -> dict[str, str] | None:
        """Read the stamps."""
        if reply is None:
            return None
        flat = [word.decode(errors="replace") for word in reply]
        return dict(zip(flat[::2], flat[1::2], strict=True))


@dataclass(frozen=True, slots=True)
class StoreGroups(Script[None]):
    """Replace the list and release the right to read, if it is still ours. Safe to run twice."""

    LUA = """
    if redis.call('GET', reading) ~= holder then return 0 end
    redis.call('DEL', list)
    for i = 1, #entries, 2 do redis.call('HSET', list, entries[i], entries[i + 1]) end
    redis.call('PEXPIRE', list, ttl)
    redis.call('DEL', reading)
    return 1
    """
    reading: Key
    list: Key
    holder: str
    ttl: int
    entries: tuple[str | bytes | int, ...]

    @override
    def read(self, reply: Any) -> None:
        """Read nothing."""


@dataclass(frozen=True, slots=True)
class AbandonReading(Script[None]):
    """Release the right to read, if it is still ours. Safe to run twice."""

    LUA = """
    if redis.call('GET', reading) == holder then redis.call('DEL', reading) end
    return 1
    """
    reading: Key
    holder: str

    @override
    def read(self, reply: Any) -> None:
        """Read nothing."""


@dataclass(frozen=True, slots=True)
class MarkChanged(Script[None]):
    """Stamp these groups as changed. Safe to run twice."""

    LUA = """
    for _, id in ipairs(ids) do redis.call('HSET', changed, id, stamp) end
    redis.call('PEXPIRE', changed, ttl)
    return 1
    """
    changed: Key
    stamp: str
    ttl: int
    ids: tuple[str | bytes | int, ...]

    @override
    def read(self, reply: Any) -> None:
        """Read nothing."""


class RedisGroupMemory:
    """The port `GroupMemory` on Redis; `workspace` is the id of the Slack team."""

    def __init__(
        self,
        database: AsyncTransport,
        keys: Keys,
        workspace: str,
        *,
        oldest: timedelta = OLDEST,
        lease: timedelta = LEASE,
    ) -> None:
        self._database = database
        self._list, self._changed = keys.usergroups(workspace), keys.changed(workspace)
        self._reading = keys.reading(workspace)
        self._lease = _milliseconds(lease)
        self._ttl = max(1, _milliseconds(oldest) - self._lease)  # reading the list may have taken that long

    async def recall(self, group: str) -> RecalledGroup | None:
        """Recall a group by its id; None if the list is missing or out of date."""
        # The list first, so a change in between is seen, and a list is never compared with another list's stamps.
        (looked_up, stamp, document), left, (changed, all_changed) = await self._database.run_all(
            Command("HMGET", self._list, _LOOKED_UP, _STAMP_OF_ALL, group),
            Command("PTTL", self._list),
            Command("HMGET", self._changed, group, _ALL),
        )
        if looked_up is None or left <= 0 or stamp != (all_changed or b""):
            return None
        kept = _read(document, self._list)
        if kept.get("stamp", "") != (changed or b"").decode(errors="replace"):
            return None
        age = (self._ttl - left) / 1000
        return RecalledGroup(_group(kept, self._list), datetime.fromisoformat(looked_up.decode()), age)

    async def begin(self) -> GroupReading | None:
        """Take the right to read the list; None if another process has it."""
        token = uuid4().hex
        changes = await self._database.run(BeginReading(self._reading, self._changed, token, self._lease))
        return None if changes is None else GroupReading(token, changes)

    async def keep(self, reading: GroupReading, groups: Sequence[ListedGroup], looked_up: datetime) -> None:
        """Store the list that was read. A changed group that is not in it is stored as gone."""
        documents: dict[str, Mapping[str, object]] = {each: {} for each in reading.changes if each != _ALL}
        documents |= {each.id: _document(each) for each in groups}
        entries = [_LOOKED_UP, looked_up.isoformat(), _STAMP_OF_ALL, reading.changes.get(_ALL, "")]
        for name, document in documents.items():
            stamped = {**document, "stamp": reading.changes.get(name, "")}
            entries += [name, json.dumps(stamped, separators=(",", ":"))]
        await self._database.run(StoreGroups(self._reading, self._list, reading.token, self._ttl, tuple(entries)))

    async def abandon(self, reading: GroupReading) -> None:
        """Release the right to read without a list."""
        await self._database.run(AbandonReading(self._reading, reading.token))

    async def changed(self, ids: Collection[str]) -> None:
        """Invalidate what was read of these groups before."""
        if ids:
            await self._database.run(
                MarkChanged(self._changed, uuid4().hex, _milliseconds(CHANGED.lives or DAY), tuple(ids))
            )


def _milliseconds(time: timedelta) -> int:
    return int(time.total_seconds() * 1000)


def _document(group: ListedGroup) -> dict[str, object]:
    return {
        "id": group.id,
        "handle": group.handle,
        "people": sorted(group.people),
        "unable": group.unable,
        "in_organization": group.in_organization,
    }


def _read(document: bytes | None, key: str) -> dict[str, Any]:
    if document is None:
        return {}
    try:
        kept = json.loads(document)
    except ValueError:
        raise UnreadableError(key, "a user group is not JSON") from None
    if not isinstance(kept, dict):
        raise UnreadableError(key, "a user group is not an object")
    return kept


def _group(kept: Mapping[str, Any], key: str) -> ListedGroup | None:
    if "id" not in kept:
        return None
    try:
        return ListedGroup(
            str(kept["id"]),
            str(kept["handle"]),
            frozenset(UserId(str(each)) for each in kept["people"]),
            str(kept["unable"]),
            str(kept["in_organization"]),
        )
    except (KeyError, TypeError):
        raise UnreadableError(key, "a user group lacks a field") from None
