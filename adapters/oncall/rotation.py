"""A rotation in `app.yaml` as a source. It is always there: nothing is asked of anybody."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapters.oncall.services import spelled
from engine.ids import UserId
from engine.oncall import Shift, Shifts
from engine.rotation import Rotation, Turn

_REACH = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class RotationSource:
    """`users` are the Slack ids of those people whom Slack knows by the names in the rotation."""

    rotation: Rotation
    users: Mapping[str, UserId] = field(default_factory=dict)

    async def shifts(self, at: datetime, now: datetime) -> Shifts:
        """The turn at the instant, which is exact for as long as it lasts."""
        turn = self.rotation.turn(at)
        if turn is None:
            return Shifts((), at, at + timedelta.resolution, now)
        return Shifts((self._shift(turn),), turn.starts, turn.ends or at + _REACH, now)

    def _shift(self, turn: Turn) -> Shift:
        person = turn.person
        known = self.users.get(person)
        named = spelled(person) if known is None else {"slack_id": known}
        return Shift(person, named.get("slack_id", ""), named.get("email", ""), person, None, turn.starts, turn.ends)
