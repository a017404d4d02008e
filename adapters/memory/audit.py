"""Audit rows in memory."""

from collections.abc import Sequence

from engine.approvals.audit import Entry, recorded
from engine.ids import ThreadId


class MemoryAudit:
    """The port `Audit`."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    async def of_thread(self, thread: ThreadId) -> Sequence[Entry]:
        """All rows of a thread, oldest first."""
        return [entry for entry in self.entries if entry.thread == thread]

    async def add(self, entry: Entry) -> None:
        """Write a row."""
        self.record(entry)

    def record(self, entry: Entry) -> None:
        """Write a row without waiting."""
        others = [each for each in self.entries if each.thread != entry.thread]
        own = [each for each in self.entries if each.thread == entry.thread]
        self.entries = [*others, *recorded(own, entry)]
