"""Rootly as a source of shifts: https://docs.rootly.com/api-reference/oncalls/list-on-calls."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from adapters.oncall.client import Client
from adapters.oncall.rows import FIRST_TIERS, Rows, around, in_time, of_tiers, parameter, shifts_of, window
from engine.oncall.shifts import Shifts

_ROWS = Rows(
    "data",
    "{user: relationships.user.data.id || attributes.user_id, tier: attributes.escalation_level, "
    "starts: attributes.starts_at, ends: attributes.ends_at}",
    needs=("user",),
)
_USERS = Rows(
    "(included || `[]`)[?type=='users' || type=='user']",
    "{id: id, slack_id: attributes.slack_id, email: attributes.email, name: attributes.full_name || attributes.name}",
)


@dataclass(frozen=True, slots=True)
class Rootly:
    """The on-calls of an escalation policy or a schedule, of the given tiers (escalation levels).

    `included` also has users who are not on call: each on-call names its own user in `relationships`.
    """

    client: Client
    policy: str | None
    schedule: str | None
    tiers: Collection[int] = FIRST_TIERS

    async def shifts(self, at: datetime, now: datetime) -> Shifts:
        """Ask once: Rootly allows five requests a minute."""
        query = [("include", "user"), *window("since", "until", at)]
        query += parameter("filter[escalation_policy_ids]", self.policy) + parameter(
            "filter[schedule_ids]", self.schedule
        )
        answer = await in_time(self.client, self.client.json("/v1/oncalls", query))
        rows = _ROWS.of(self.client.service, answer)
        users = {str(each["id"]): each for each in _USERS.of(self.client.service, answer)}
        joined = [{**row, **users.get(str(row["user"]), {"name": row["user"]})} for row in rows]
        return around(at, now, of_tiers(shifts_of(self.client, joined), self.tiers))
