"""The audit, read back. Its rows are written by `adapters.redis.approvals`, with the change that they tell of (P9).

A list for each thread: a stream would order the rows as well, and takes 4 kB for its first one.
"""

from collections.abc import Sequence

from adapters.redis import codec
from adapters.redis.connection import Runs
from adapters.redis.keys import Keys
from adapters.redis.scripts import Command
from engine.audit import Entry
from engine.ids import ThreadId


class RedisAudit:
    """The port `Audit` on Redis."""

    def __init__(self, database: Runs, keys: Keys) -> None:
        self._database = database
        self._keys = keys

    async def of_thread(self, thread: ThreadId) -> Sequence[Entry]:
        """All rows of a thread, oldest first. Raises codec.UnreadableError."""
        key = self._keys.audit(thread)
        rows = await self._database.run(Command("LRANGE", key, 0, -1))
        return [codec.ENTRY.load(row, f"{key} row {number}") for number, row in enumerate(rows)]
