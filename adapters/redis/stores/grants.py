"""Grants: a key each, which Redis expires when the grant ends, and an index for the thread and for each giver.

`use` decides: its script finds the grant as it was read, or refuses. A revoked grant leaves a mark in its place for as
long as it would have lasted, so a late write cannot bring it back. Our clocks say when a grant ends; the expiry of the
key guards against clocks that are set back.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from adapters.redis import codec
from adapters.redis.key_kinds import MONTH
from adapters.redis.keys import Keys, tag, untag
from adapters.redis.stores.audit import RECORD, pack_row
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.failures import FailureLog, describe
from adapters.redis.transport.scripts import Command, Key, Script
from engine.approvals import audit
from engine.ids import ApprovalId, ThreadId, UserId
from engine.rules.grants import Grant, given_entry, oldest_first, revoked_entry, used_entry

_INDEXED = int(MONTH.total_seconds())
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class WriteGrant(Script[bool]):
    """Store a grant if its place is empty. Safe to run twice: it finds its own."""

    ACKED = True
    LUA = f"""
    {RECORD}
    local stored = redis.call('GET', grant)
    if stored and stored ~= document then return 0 end
    if stored then
        redis.call('EXPIRE', grants, {_INDEXED}) -- a write, for which `?wait=1` can wait
        return 1
    end
    redis.call('SET', grant, document, 'PX', lasts)
    redis.call('SADD', grants, name)
    redis.call('EXPIRE', grants, {_INDEXED})
    record(row)
    keep_audit(redis.call('SCARD', unclosed) > 0)
    return 1
    """
    grant: Key
    grants: Key
    audit: Key
    unclosed: Key
    document: bytes
    name: str
    lasts: int
    row: bytes
    audit_retention: int

    def read(self, reply: Any) -> bool:
        """Tell whether it is stored."""
        return bool(reply == 1)


@dataclass(frozen=True, slots=True)
class UseGrant(Script[bool]):
    """Check that a grant is valid and record its use, once for each `seen`."""

    LUA = f"""
    {RECORD}
    if redis.call('GET', grant) ~= document then return 0 end
    if redis.call('SET', seen, 1, 'NX', 'EX', 86400) then
        record(row)
        keep_audit(redis.call('SCARD', unclosed) > 0)
    end
    return 1
    """
    grant: Key
    seen: Key
    audit: Key
    unclosed: Key
    document: bytes
    row: bytes
    audit_retention: int

    def read(self, reply: Any) -> bool:
        """Tell whether it may be used."""
        return bool(reply == 1)


@dataclass(frozen=True, slots=True)
class RevokeGrant(Script[bool]):
    """Replace a grant with a mark. Safe to run twice: it finds its own mark."""

    ACKED = True
    LUA = f"""
    {RECORD}
    local stored = redis.call('GET', grant)
    if stored == mark then
        redis.call('SET', grant, mark, 'KEEPTTL') -- a write, for which `?wait=1` can wait
        return 1
    end
    if not stored or string.sub(stored, 1, 8) == 'revoked ' then return 0 end
    redis.call('SET', grant, mark, 'KEEPTTL')
    redis.call('SREM', grants, name)
    record(row)
    keep_audit(redis.call('SCARD', unclosed) > 0)
    return 1
    """
    grant: Key
    grants: Key
    audit: Key
    unclosed: Key
    name: str
    mark: str
    row: bytes
    audit_retention: int

    def read(self, reply: Any) -> bool:
        """Tell whether this revoked it."""
        return bool(reply == 1)


class RedisGrants:
    """The port `Grants` on Redis."""

    def __init__(self, database: AsyncTransport, keys: Keys, audit_retention: timedelta = audit.RETENTION) -> None:
        self._database = database
        self._keys = keys
        self._audit_retention = int(audit_retention.total_seconds())
        self._failures = FailureLog()

    async def give(self, grant: Grant) -> bool:
        """Store a grant. The indexes are written first: a name in them without a grant is skipped."""
        thread, keys = grant.thread, self._keys
        ends, name = grant.until.timestamp(), _index_name(grant)
        script = WriteGrant(
            keys.grant(thread, grant.id),
            keys.grants(thread),
            *self._audit(thread),
            codec.GRANT.dump(grant),
            grant.id,
            (grant.until - grant.given_at) // _MILLISECOND,
            pack_row(given_entry(grant)),
            self._audit_retention,
        )
        for index in map(keys.granted, grant.by):
            await self._database.run_all(
                Command("ZADD", index, ends, name),
                Command("ZREMRANGEBYSCORE", index, "-inf", f"({grant.given_at.timestamp()}"),
                Command("EXPIRE", index, _INDEXED),
            )
        return await self._database.run(script)

    async def use(self, grant: Grant, approval: ApprovalId, at: datetime) -> bool:
        """Record that a grant decides an approval, if the grant is valid."""
        if at >= grant.until:
            return False
        thread, keys = grant.thread, self._keys
        script = UseGrant(
            keys.grant(thread, grant.id),
            keys.seen(thread, "grant", f"{grant.id}/{approval}"),
            *self._audit(thread),
            codec.GRANT.dump(grant),
            pack_row(used_entry(grant, approval, at)),
            self._audit_retention,
        )
        return await self._database.run(script)

    async def revoke(self, grant: Grant, by: UserId, at: datetime) -> bool:
        """Revoke a grant."""
        if at >= grant.until:
            return False
        thread, keys = grant.thread, self._keys
        script = RevokeGrant(
            keys.grant(thread, grant.id),
            keys.grants(thread),
            *self._audit(thread),
            grant.id,
            f"revoked {secrets.token_hex(6)}",
            pack_row(revoked_entry(grant, by, at)),
            self._audit_retention,
        )
        return await self._database.run(script)

    async def of_thread(self, thread: ThreadId, at: datetime) -> Sequence[Grant]:
        """Read the grants of a conversation, oldest first. An unreadable one allows nothing, and is logged once."""
        names = await self._database.run(Command("SMEMBERS", self._keys.grants(thread)))
        return await self._found([(thread, name.decode(errors="replace")) for name in names], at)

    async def of_person(self, user: UserId, at: datetime) -> Sequence[Grant]:
        """Read the grants that a person gave, oldest first."""
        index = self._keys.granted(user)
        names = await self._database.run(Command("ZRANGE", index, 0, -1))
        pairs = [name.decode(errors="replace").partition("\0") for name in names]
        return await self._found([(ThreadId(untag(thread)), grant) for thread, _, grant in pairs], at)

    async def _found(self, names: Iterable[tuple[ThreadId, str]], at: datetime) -> Sequence[Grant]:
        keys = [self._keys.grant(thread, grant) for thread, grant in names]
        documents = await self._database.run_all(*(Command("GET", key) for key in keys)) if keys else []
        read = (self._readable(document, key) for document, key in zip(documents, keys, strict=True))
        return oldest_first(each for each in read if each is not None and at < each.until)

    def _readable(self, document: bytes | None, key: Key) -> Grant | None:
        if document is None or document.startswith(b"revoked "):
            return None
        try:
            return codec.GRANT.load(document, key)
        except codec.UnreadableError as error:
            self._failures.report(key, f"a grant is ignored: {describe(error)}")
            return None

    def _audit(self, thread: ThreadId) -> tuple[Key, Key]:
        return self._keys.audit(thread), self._keys.open(thread)


def _index_name(grant: Grant) -> str:
    return f"{tag(grant.thread)}\0{grant.id}"
