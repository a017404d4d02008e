"""The budget of Slack calls in memory."""

import time
from collections.abc import Callable

from engine.budget import Ledger, NotYet, Wish


class MemoryBudget:
    """The port `Budget` for one process, by the rule of `engine.budget`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ledger = Ledger()

    async def take(self, wish: Wish) -> NotYet | None:
        """Take from the budget, or return when to ask again."""
        return self._ledger.take(wish, self._clock())

    async def shut(self, bucket: str, seconds: float) -> None:
        """Close a bucket whose calls Slack refuses, for these seconds."""
        self._ledger.shut(bucket, seconds, self._clock())
