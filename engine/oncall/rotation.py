"""A rotation of people by the wall clock of a zone: each is on call for `every` days, then the next one.

Hand-overs are at the same wall time, however the clocks change. A wall time that the clocks skip takes the offset
before the jump; of one that comes twice, the first counts (Python's `fold=0`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo


@dataclass(frozen=True, slots=True)
class RotationShift:
    """A person's shift in the rotation, from `starts` until before `ends` (None: beyond the calendar)."""

    person: str
    starts: datetime
    ends: datetime | None


@dataclass(frozen=True, slots=True)
class Rotation:
    """A rotation. `starts` is the first hand-over by the wall clock of `zone`; `every` is a number of days."""

    zone: tzinfo
    starts: datetime
    every: timedelta
    people: Sequence[str]

    def turn(self, at: datetime) -> RotationShift | None:
        """Find the shift at a time; None before the first hand-over."""
        number = self._near(at)
        while number > 0 and self._hand_over(number, otherwise=at) > at:
            number -= 1
        while self._hand_over(number + 1, otherwise=datetime.max.replace(tzinfo=UTC)) <= at:
            number += 1
        begun = self._instant(number)
        if begun is None or begun > at:
            return None
        return RotationShift(self.people[number % len(self.people)], begun, self._instant(number + 1))

    def _near(self, at: datetime) -> int:
        """Find the number of a hand-over near a time."""
        try:
            wall = at.astimezone(self.zone).replace(tzinfo=None)
        except OverflowError:  # at the very ends of the calendar
            wall = at.replace(tzinfo=None)
        return max(0, (wall - self.starts) // self.every)

    def _hand_over(self, number: int, *, otherwise: datetime) -> datetime:
        return self._instant(number) or otherwise

    def _instant(self, number: int) -> datetime | None:
        """Find the time of a hand-over; None beyond the calendar."""
        try:
            return (self.starts + number * self.every).replace(tzinfo=self.zone, fold=0).astimezone(UTC)
        except OverflowError:
            return None
