"""The audit: how rows are written, with the change that they tell of (P9), and how they are read back.

A list for each thread: a stream would order the rows as well, and takes 4 kB for its first one. It has a retention of
its own, longer than that of what the rows tell of. It stays while an approval of the thread is open, and then that long
after the last row; in a thread that goes on for years, rows that are older leave it at its head.

A refusal that stands among the newest rows already is counted there: see `engine.approvals.audit.recorded`, which the
script follows on the rows as they are stored, comparing all but their times. The server's clock says how old a row is:
one process whose clock is wrong must not drop what others still need.
"""

import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from adapters.redis import codec
from adapters.redis.keys import Keys, thread_of
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.scripts import Command, Key, Script
from engine.approvals.audit import NEWEST, RETENTION, Entry, What
from engine.ids import ThreadId

_SCANNED = 1_000

RECORD = f"""
local COUNT = ',"times":%d+,"last":"[^"]*"}}}}$'
local function once(row) return (string.gsub(row, COUNT, '}}}}')) end
local function untimed(row) return (string.gsub(once(row), '"at":"[^"]*",', '', 1)) end
local function counted(row)
    local newest = redis.call('LRANGE', audit, -{NEWEST}, -1)
    for i = #newest, 1, -1 do
        if untimed(newest[i]) == untimed(row) then
            local times = tonumber(string.match(newest[i], '"times":(%d+),"last":"[^"]*"}}}}$') or '1') + 1
            local last = string.match(row, '"at":"([^"]*)"')
            local again = string.sub(once(newest[i]), 1, -3) .. ',"times":' .. times .. ',"last":"' .. last .. '"}}}}'
            redis.call('LSET', audit, i - #newest - 1, again)
            return true
        end
    end
    return false
end
local function is_over(row)
    local year, month, day = string.match(row, '"at":"(%d+)-(%d+)-(%d+)T')
    if not year then return false end
    local days = (year - 1970) * 365.2425 + (month - 1) * 30.44 + day - 1 -- right to three days
    return tonumber(redis.call('TIME')[1]) / 86400 - days > audit_retention / 86400 + 3
end
local function record(row)
    local kind, text = string.sub(row, 1, 1), string.sub(row, 2)
    if kind ~= '=' or not counted(text) then redis.call('RPUSH', audit, text) end
end
local function keep_audit(waited_for)
    for _ = 1, 10 do
        local oldest = redis.call('LINDEX', audit, 0)
        if not oldest or not is_over(oldest) then break end
        redis.call('LPOP', audit)
    end
    if waited_for then redis.call('PERSIST', audit) else redis.call('EXPIRE', audit, audit_retention) end
end
"""
"""Lua: `record(row)` and `keep_audit(waited_for)`, for scripts that have `audit` and `audit_retention`."""


def pack_row(entry: Entry) -> bytes:
    """A row as `record` takes it: a first character tells whether it may be counted in an earlier one."""
    return (b"=" if entry.what is What.REFUSED else b"+") + codec.ENTRY.dump(entry)


@dataclass(frozen=True, slots=True)
class AddAuditRow(Script[None]):
    """Add a row, once for each `seen`."""

    LUA = f"""
    {RECORD}
    if not redis.call('SET', seen, 1, 'NX', 'EX', 86400) then return 1 end
    record(row)
    keep_audit(redis.call('SCARD', unclosed) > 0)
    return 1
    """
    audit: Key
    unclosed: Key
    seen: Key
    row: bytes
    audit_retention: int

    def read(self, reply: Any) -> None:
        """There is nothing to read."""


class RedisAudit:
    """The port `Audit` on Redis."""

    def __init__(self, database: AsyncTransport, keys: Keys, retention: timedelta = RETENTION) -> None:
        self._database = database
        self._keys = keys
        self._retention = int(retention.total_seconds())

    async def of_thread(self, thread: ThreadId) -> Sequence[Entry]:
        """All rows of a thread, oldest first; what cannot be read is left out and logged."""
        key = self._keys.audit(thread)
        rows = await self._database.run(Command("LRANGE", key, 0, -1))
        return list(codec.ENTRY.load_all(rows, key))

    async def threads(self) -> AsyncIterator[ThreadId]:
        """The threads that have an audit, in no order; one may come twice."""
        cursor: Any = 0
        while cursor != b"0":
            words = ("SCAN", cursor, "MATCH", self._keys.every_audit(), "COUNT", _SCANNED)
            cursor, found = await self._database.run(Command(*words))
            for key in found:
                yield ThreadId(thread_of(key.decode("utf-8", "replace")))

    async def add(self, entry: Entry) -> None:
        """Write a row that no change of an approval comes with."""
        keys, thread = self._keys, entry.thread
        seen = keys.seen(thread, "audit", secrets.token_hex(6))
        script = AddAuditRow(keys.audit(thread), keys.open(thread), seen, pack_row(entry), self._retention)
        await self._database.run(script)
