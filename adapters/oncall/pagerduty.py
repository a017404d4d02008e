"""PagerDuty as a source of shifts.

https://developer.pagerduty.com/api-reference/3a6b910f11050-list-all-of-the-on-calls
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.oncall.client import Client, Query
from adapters.oncall.rows import FIRST_TIERS, Rows, around, in_time, of_tiers, parameter, shifts_of, window
from engine.oncall.shifts import Shifts
from engine.ports import SourceFailedError

_PAGE = 100
_MOST_PAGES = 20
_ROWS = Rows(
    "oncalls",
    "{email: user.email, name: user.name || user.summary, tier: escalation_level, starts: start, ends: end}",
    needs=("tier",),
)


@dataclass(frozen=True, slots=True)
class PagerDuty:
    """The on-calls of an escalation policy or a schedule, of the given tiers (escalation levels)."""

    client: Client
    policy: str | None
    schedule: str | None
    tiers: Collection[int] = FIRST_TIERS

    async def shifts(self, at: datetime, now: datetime) -> Shifts:
        """Read all pages: a missing page may name somebody."""
        query = [("include[]", "users"), ("time_zone", "UTC"), *window("since", "until", at)]
        query += parameter("escalation_policy_ids[]", self.policy) + parameter("schedule_ids[]", self.schedule)
        rows = await in_time(self.client, self._rows(query))
        return around(at, now, of_tiers(shifts_of(self.client, rows), self.tiers))

    async def _rows(self, query: Query) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for _ in range(_MOST_PAGES):
            part = [("limit", str(_PAGE)), ("offset", str(len(found)))]
            page = await self.client.json("/oncalls", [*query, *part])
            rows = _ROWS.of(self.client.service, page)
            found += rows
            if not page.get("more"):
                return found
            if not rows:
                break
        raise SourceFailedError(f"{self.client.service} did not send all of its pages.")
