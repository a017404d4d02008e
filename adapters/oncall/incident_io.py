"""incident.io as a source of shifts: https://docs.incident.io/api-reference (Schedules V2, ListScheduleEntries)."""

from dataclasses import dataclass
from datetime import datetime

from adapters.oncall.client import Client
from adapters.oncall.rows import Rows, around, in_time, shifts_of, window
from engine.oncall.shifts import Shifts

_ROWS = Rows(
    "schedule_entries.final",
    "{slack_id: user.slack_user_id, email: user.email, name: user.name, starts: start_at, ends: end_at}",
    needs=("starts", "ends"),
)


@dataclass(frozen=True, slots=True)
class IncidentIo:
    """The final entries of a schedule: rotations with their overrides."""

    client: Client
    schedule: str

    async def shifts(self, at: datetime, now: datetime) -> Shifts:
        """Ask for a window. An entry without a user is a gap in the schedule."""
        query = [("schedule_id", self.schedule), *window("entry_window_start", "entry_window_end", at)]
        answer = await in_time(self.client, self.client.json("/v2/schedule_entries", query))
        return around(at, now, shifts_of(self.client, _ROWS.of(self.client.service, answer)))
