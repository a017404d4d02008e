"""Grafana Cloud IRM as a source of shifts.

https://grafana.com/docs/grafana-cloud/alerting-and-irm/irm/reference/oncall-api/schedules/ and .../users/
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from adapters.oncall.client import Client
from adapters.oncall.rows import Rows, current, in_time, shifts_of, unfit
from engine.oncall.shifts import Shifts

_ROWS = Rows(
    "person",
    "{slack_id: slack.user_id || (length(slack[*] || `[]`) == `1` && slack[0].user_id) || null, email: email, "
    "name: username}",
)


@dataclass(frozen=True, slots=True)
class Grafana:
    """The people of a schedule who are on call now; each is then looked up by id.

    A person's `slack` is an object in the newest API and a list in older ones. A list with several accounts gives none:
    it does not say which of them is in this workspace.
    """

    client: Client
    schedule: str

    async def shifts(self, at: datetime, now: datetime) -> Shifts:
        """Ask who is on call now: the API knows no other time."""
        del at
        return current(now, shifts_of(self.client, await in_time(self.client, self._people())))

    async def _people(self) -> list[dict[str, Any]]:
        answer = await self.client.json(f"/api/v1/schedules/{quote(self.schedule, safe='')}/")
        found = answer.get("on_call_now") if isinstance(answer, dict) else None
        if not isinstance(found, list) or not all(isinstance(each, str) and each for each in found):
            raise unfit(self.client.service)
        return await asyncio.gather(*(self._person(each) for each in dict.fromkeys(found)))

    async def _person(self, person: str) -> dict[str, Any]:
        answer = await self.client.json(f"/api/v1/users/{quote(person, safe='')}/")
        (row,) = _ROWS.of(self.client.service, {"person": [answer]})
        return {**row, "name": row["name"] or person}
