"""Shows in the metrics what waits for people, read from Redis when Prometheus scrapes.

The stored requests are counted, not what this process did: so each process on one Redis shows the same, also after a
restart. A look costs one read of the index, and a read of each request that is new since the last look; further scrapes
within `FRESH` reuse it. If Redis does not answer in time, the gauges are left out of the scrape: a stale number would
look true.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Final

import structlog

from bot.telemetry import Metrics, Waiting
from engine.ids import AgentName
from engine.ports import Clock, Listing, Pending

log = structlog.get_logger(__name__)

FRESH: Final = 5.0
"""Seconds for which a look is reused."""
MOST: Final = 10_000
"""Requests that are counted at most."""
_PATIENCE_SECONDS: Final = 5.0


class PendingGauges:
    """Refreshes the gauges of pending requests. `agents` are those of `app.yaml`: they are shown even with none."""

    def __init__(self, *, listing: Listing, agents: Iterable[AgentName], clock: Clock, metrics: Metrics) -> None:
        self._listing, self._agents, self._clock, self._metrics = listing, tuple(agents), clock, metrics
        self._looking = asyncio.Lock()
        self._looked_at: float | None = None

    async def refresh(self) -> None:
        """Count what is pending, unless that was just done. Never raises."""
        async with self._looking:
            if self._looked_at is not None and time.monotonic() - self._looked_at < FRESH:
                return
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    self._show(await self._listing.counted(MOST))
                self._looked_at = time.monotonic()
            except Exception as error:  # noqa: BLE001 - the other metrics are shown all the same
                self._looked_at = None
                self._metrics.forget_waiting()
                log.warning("pending requests could not be counted", error=type(error).__name__)

    def _show(self, pending: Sequence[Pending]) -> None:
        now = self._clock.now()
        found: dict[str, Waiting] = dict.fromkeys(self._agents, Waiting())
        for each in pending:
            if each.is_withdrawable:  # failures and notices ask for no decision
                age = max(0.0, (now - each.created_at).total_seconds())
                found[each.agent] = found.get(each.agent, Waiting()).with_one(age)
        self._metrics.show_waiting(len(pending), found)
