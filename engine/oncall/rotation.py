"""A rotation of people by the wall clock of a zone: each is on call for `every` days, then the next one, and so on.

Hand-overs are at the same time by the wall clock, however clocks change. Of a wall clock that does not exist, since
clocks jump over it, the offset before the jump counts; of one that comes twice, the first: Python's `fold=0`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo


@dataclass(frozen=True, slots=True)
class RotationShift:
    """A person's turn, from `starts` until before `ends` (None: it ends after the calendar does)."""

    person: str
    starts: datetime
    ends: datetime | None


@dataclass(frozen=True, slots=True)
class Rotation:
    """`starts` is the first hand-over by the wall clock of `zone`, without an offset; `every` is a number of days."""

    zone: tzinfo
    starts: datetime
    every: timedelta
    people: Sequence[str]

    def turn(self, at: datetime) -> RotationShift | None:
        """Whose turn it is at an instant; nobody's before the first hand-over."""
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
        """The number of a hand-over that is near an instant."""
        try:
            wall = at.astimezone(self.zone).replace(tzinfo=None)
        except OverflowError:  # at the very ends of the calendar
            wall = at.replace(tzinfo=None)
        return max(0, (wall - self.starts) // self.every)

    def _hand_over(self, number: int, *, otherwise: datetime) -> datetime:
        return self._instant(number) or otherwise

    def _instant(self, number: int) -> datetime | None:
        """When a hand-over is; None where the calendar ends before."""
        try:
            return (self.starts + number * self.every).replace(tzinfo=self.zone, fold=0).astimezone(UTC)
        except OverflowError:
            return None
