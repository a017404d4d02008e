"""A rotation in `app.yaml` as a source. It always answers: no service is asked."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.oncall.rows import identified
from engine.oncall.rotation import Rotation, RotationShift
from engine.oncall.shifts import Shift, Shifts

_REACH = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class RotationSource:
    """A rotation. People are named as in the rules (Slack id, e-mail address or name) or as in `people:`."""

    rotation: Rotation

    async def shifts(self, at: datetime, now: datetime) -> Shifts:
        """Give the turn at the instant, valid for as long as it lasts."""
        turn = self.rotation.turn(at)
        if turn is None:
            return Shifts((), at, at + timedelta.resolution, now)
        return Shifts((_shift(turn),), turn.starts, turn.ends or at + _REACH, now)


def _shift(turn: RotationShift) -> Shift:
    named = identified(turn.person)
    member = "" if "slack_id" in named or "email" in named else turn.person
    return Shift(
        said=turn.person,
        slack_id=named.get("slack_id", ""),
        email=named.get("email", ""),
        name=turn.person,
        member=member,
        starts=turn.starts,
        ends=turn.ends,
    )
