"""The shifts of one on-call source, and the span of time that its answer covers (P6, P11).

A source answers with shifts rather than people, so that an answer from before a hand-over names the right person after
it. A shift includes its start and excludes its end: at a hand-over exactly one of two people is on call. Outside its
span, an answer says nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

KEPT = timedelta(seconds=60)
"""The time for which an answer of a source is used."""

SKEW = timedelta(seconds=5)
"""The most by which the clocks of two processes may differ."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A person's shift by the source; `said` is the source's full name for the person.

    Everything that the source says of the person is untrusted text. `member` is a member's name as the rules of
    `app.yaml` spell it. A shift without `starts` or `ends` is open on that side. Times are aware.
    """

    said: str
    slack_id: str = ""
    email: str = ""
    name: str = ""
    member: str = ""
    tier: int | None = None
    starts: datetime | None = None
    ends: datetime | None = None

    def is_on(self, at: datetime) -> bool:
        """True if the person is on call at this time."""
        return (self.starts is None or self.starts <= at) and (self.ends is None or at < self.ends)


@dataclass(frozen=True, slots=True)
class Shifts:
    """An answer of a source: its shifts from `since` to `until`, looked up at `looked_up`."""

    shifts: tuple[Shift, ...]
    since: datetime
    until: datetime
    looked_up: datetime

    def covers(self, at: datetime) -> bool:
        """True if the answer covers this time."""
        return self.since <= at < self.until

    def is_fresh(self, now: datetime, kept: timedelta = KEPT) -> bool:
        """True if it was looked up less than `kept` ago. One from the future is not fresh: a clock was set back."""
        return -SKEW < now - self.looked_up < kept

    def on_call(self, at: datetime) -> tuple[Shift, ...]:
        """List the shifts at a time, one for each person and tier."""
        found: dict[tuple[str, int | None], Shift] = {}
        for shift in self.shifts:
            if shift.is_on(at):
                found.setdefault((shift.said, shift.tier), shift)
        return tuple(found.values())

    def around(self, at: datetime, reach: timedelta) -> "Shifts":
        """Cut the answer to the part within `reach` of a time."""
        since, until = max(self.since, at - reach), min(self.until, at + reach)
        near = (
            each
            for each in self.shifts
            if (each.starts is None or each.starts < until) and (each.ends is None or since < each.ends)
        )
        return Shifts(tuple(near), since, until, self.looked_up)


def said_of(shifts: Sequence[Shift]) -> tuple[str, ...]:
    """List the source's names for these people, each once."""
    return tuple(dict.fromkeys(each.said for each in shifts))
