"""Who is on call by one source: its shifts, and the span of time of which it tells (P6, P11).

A source answers with shifts rather than with people, so that an answer from before a hand-over still names the right
person after it. A shift begins with its first instant and ends before its last one: at a hand-over exactly one of two
persons is on call. Outside its span an answer says nothing about who is on call.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

KEPT = timedelta(seconds=60)
"""How long an answer of a source is used after it was asked for."""

SKEW = timedelta(seconds=5)
"""How far the clocks of two processes may be apart."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A person's shift, as the source tells it: `said` is the whole of what it calls the person.

    What the source knows of the person besides is untrusted text as well; `member` is a member's name as the rules of
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
        """Whether the person is on call at this instant."""
        return (self.starts is None or self.starts <= at) and (self.ends is None or at < self.ends)


@dataclass(frozen=True, slots=True)
class Shifts:
    """An answer of a source: the shifts in the span from `since` to `until`, asked for at `looked_up`."""

    shifts: tuple[Shift, ...]
    since: datetime
    until: datetime
    looked_up: datetime

    def covers(self, at: datetime) -> bool:
        """Whether the answer tells of this instant."""
        return self.since <= at < self.until

    def is_fresh(self, now: datetime, kept: timedelta = KEPT) -> bool:
        """Whether it was asked for less than `kept` ago. One of the future is none: a clock was set back."""
        return -SKEW < now - self.looked_up < kept

    def on_call(self, at: datetime) -> tuple[Shift, ...]:
        """The shifts of those who are on call at an instant, one for each person and tier."""
        found: dict[tuple[str, int | None], Shift] = {}
        for shift in self.shifts:
            if shift.is_on(at):
                found.setdefault((shift.said, shift.tier), shift)
        return tuple(found.values())

    def around(self, at: datetime, reach: timedelta) -> "Shifts":
        """The part of it that is within `reach` of an instant."""
        since, until = max(self.since, at - reach), min(self.until, at + reach)
        near = (
            each
            for each in self.shifts
            if (each.starts is None or each.starts < until) and (each.ends is None or since < each.ends)
        )
        return Shifts(tuple(near), since, until, self.looked_up)


def said_of(shifts: Sequence[Shift]) -> tuple[str, ...]:
    """What the source calls these people, each once."""
    return tuple(dict.fromkeys(each.said for each in shifts))
