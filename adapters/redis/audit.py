"""The audit, read back. Its rows are written by `adapters.redis.approvals`, with the change that they tell of (P9).

A list for each thread: a stream would order the rows as well, and takes 4 kB for its first one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from adapters.redis import codec
from adapters.redis.approvals import RETENTION
from adapters.redis.connection import Runs
from adapters.redis.keys import Keys
from adapters.redis.scripts import Command, Key, Script
from engine.audit import Entry
from engine.ids import ThreadId


@dataclass(frozen=True, slots=True)
class Add(Script[None]):
    """Add a row; the audit stays while an approval of its thread is open."""

    LUA = """
    redis.call('RPUSH', audit, row)
    if redis.call('SCARD', unclosed) == 0 then redis.call('EXPIRE', audit, retention) end
    return 1
    """
    audit: Key
    unclosed: Key
    row: bytes
    retention: int

    def read(self, reply: Any) -> None:
        """There is nothing to read."""


class RedisAudit:
    """The port `Audit` on Redis."""

    def __init__(self, database: Runs, keys: Keys, retention: timedelta = RETENTION) -> None:
        self._database = database
        self._keys = keys
        self._retention = int(retention.total_seconds())

    async def of_thread(self, thread: ThreadId) -> Sequence[Entry]:
        """All rows of a thread, oldest first. Raises codec.UnreadableError."""
        key = self._keys.audit(thread)
        rows = await self._database.run(Command("LRANGE", key, 0, -1))
        return [codec.ENTRY.load(row, f"{key} row {number}") for number, row in enumerate(rows)]

    async def add(self, entry: Entry) -> None:
        """Write a row that no change of an approval comes with."""
        keys, thread = self._keys, entry.thread
        await self._database.run(Add(keys.audit(thread), keys.open(thread), codec.ENTRY.dump(entry), self._retention))
