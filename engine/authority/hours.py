"""Working hours: clocks that rest at night and at weekends.

A span is counted in elapsed time during the hours: an hour that the clocks of a zone skip or repeat shortens or
lengthens that day. A wall time that does not exist takes the offset before the jump; of one that comes twice, the first
counts (`fold=0` of PEP 495).
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from engine.authority.policy import Hours

_DAY = timedelta(days=1)
_MINUTES_OF_A_DAY = 24 * 60
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def after(start: datetime, span: timedelta, hours: Hours | None) -> datetime:
    """Find the time at which `span` of open hours has passed since `start`; both aware, the result in UTC.

    Raises OverflowError for a span that is longer than the calendar.
    """
    if hours is None:
        return start + span
    left = span
    for opens, closes in _open_times(start, hours):
        begins = max(opens, start)
        if begins >= closes:
            continue
        if left <= closes - begins:
            return begins + left
        left -= closes - begins
    raise OverflowError("the span is longer than the calendar")


def are_open(now: datetime, hours: Hours | None) -> bool:
    """True if the hours are open at `now`."""
    return hours is None or next(opens <= now for opens, closes in _open_times(now, hours) if now < closes)


def hours_in_words(hours: Hours) -> str:
    """Name the hours: `Mon-Fri 09:00-17:00 Berlin time`."""
    days = sorted(hours.days)
    in_a_row = len(days) > 2 and days == list(range(days[0], days[-1] + 1))  # noqa: PLR2004 - two are named
    named = f"{_DAYS[days[0]]}-{_DAYS[days[-1]]}" if in_a_row else ", ".join(_DAYS[day] for day in days)
    times = "-".join(f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (hours.opens, hours.closes))
    place = hours.zone.rpartition("/")[2].replace("_", " ")
    return f"{named} {times} {place if place in ('UTC', 'GMT') else f'{place} time'}"


def _open_times(start: datetime, hours: Hours) -> Iterator[tuple[datetime, datetime]]:
    """Yield the times at which the hours open and close, in UTC, in order, from the day before `start`."""
    zone = ZoneInfo(hours.zone)
    day = start.astimezone(zone).date() - _DAY
    while True:
        if day.weekday() in hours.days:
            last = day if hours.closes > hours.opens else day + _DAY
            yield _instant(day, hours.opens, zone), _instant(last, hours.closes, zone)
        day += _DAY


def _instant(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    if minutes == _MINUTES_OF_A_DAY:
        day, minutes = day + _DAY, 0
    return datetime.combine(day, time(minutes // 60, minutes % 60), zone).astimezone(UTC)
