"""The audit: writes rows together with the change that they record (P9), and reads them back.

A list for each thread: a stream would order the rows as well, but takes 4 kB for its first row. The audit has its own
retention, longer than that of what it records. It stays while an approval of the thread is open, and then that long
after the last row; in a thread that goes on for years, older rows are dropped at the head.

A refusal that is already among the newest rows is counted there: see `engine.approvals.audit.recorded`. The script does
the same on the stored rows, comparing everything but their times. The age of a row is measured by the server's clock: a
process whose clock is wrong must not drop rows that others need.

A row is stored compressed after its day, `YYYY-MM-DD`, by which the scripts drop it; the row of a refusal, which they
compare, is plain JSON, and so are those of earlier versions.
"""

import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

from adapters.redis import codec
from adapters.redis.keys import Keys, thread_of
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.scripts import Command, Key, Script
from engine.approvals.audit import NEWEST, RETENTION, Entry, What
from engine.ids import ThreadId

_DAY = len("YYYY-MM-DD")

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
    local year, month, day = string.match(row, '^(%d+)-(%d+)-(%d+)')
    if not year then year, month, day = string.match(row, '"at":"(%d+)-(%d+)-(%d+)T') end
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
    """Write a row for `record`: the first character says whether it may be counted in an earlier row."""
    row = codec.ENTRY.dump(entry)
    if entry.what is What.REFUSED:
        return b"=" + row
    small = codec.shrunk(row)
    day = b"" if small is row else entry.at.astimezone(UTC).date().isoformat().encode()
    return b"+" + day + small


def _document(row: bytes) -> bytes:
    """Take the day off a compressed row."""
    return row[_DAY:] if row[:1].isdigit() else row


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
        """Read nothing."""


class RedisAudit:
    """The port `Audit` on Redis."""

    def __init__(self, database: AsyncTransport, keys: Keys, retention: timedelta = RETENTION) -> None:
        self._database = database
        self._keys = keys
        self._retention = int(retention.total_seconds())

    async def of_thread(self, thread: ThreadId) -> Sequence[Entry]:
        """Read all rows of a thread, oldest first; an unreadable one is left out and logged."""
        key = self._keys.audit(thread)
        rows = await self._database.run(Command("LRANGE", key, 0, -1))
        return list(codec.ENTRY.load_all(map(_document, rows), key))

    async def threads(self) -> AsyncIterator[ThreadId]:
        """Scan the threads that have an audit, in no order; a thread may come twice."""
        async for key in self._database.scan(self._keys.every_audit()):
            yield ThreadId(thread_of(key.decode("utf-8", "replace")))

    async def threads_asking(self, start: str) -> AsyncIterator[ThreadId]:
        """Scan the threads with a request whose id begins so: the request itself is kept as long as the audit."""
        async for key in self._database.scan(self._keys.every_request(start)):
            yield ThreadId(thread_of(key.decode("utf-8", "replace")))

    async def add(self, entry: Entry) -> None:
        """Add a row that comes with no change of an approval."""
        keys, thread = self._keys, entry.thread
        seen = keys.seen(thread, "audit", secrets.token_hex(6))
        script = AddAuditRow(keys.audit(thread), keys.open(thread), seen, pack_row(entry), self._retention)
        await self._database.run(script)
