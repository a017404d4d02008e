"""Expands an iCalendar feed into shifts, in a process of its own: `ical.py` starts it, and stops it if it takes long.

Measured on 18 feeds: each library, used directly, names a wrong person for some of them. So the feed is expanded for a
window of eight days around the instant, never for the instant itself (which loses an hour on the day that clocks go
back), and this module first refuses what the library would silently skip:

* a feed that was cut off, and a property that cannot be read: the lost part may be the shift in question;
* a TZID that neither the feed nor the system knows: the library would read the time as one without a zone;
* a time without a zone where neither app.yaml nor the feed (X-WR-TIMEZONE) names one;
* a rule that repeats within a day: some of them never end.

Cancelled shifts are dropped after the expansion, since a cancelled instance has to replace its place in the series
first.

Reads the feed from stdin and writes `{"shifts": [...]}` or `{"error": sentence}`. Imports nothing of Signoff: it is
started by its path, without the environment and without the folder that the bot runs in.
"""

import contextlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import recurring_ical_events
from icalendar import Calendar
from icalendar.prop.broken import vBroken

REACH = timedelta(days=8)
_TIMES = ("DTSTART", "DTEND", "RECURRENCE-ID", "RDATE", "EXDATE")
_SHIFT_TIMES = ("DTSTART", "DTEND", "RDATE")
"""The properties that say when a shift is. In the others a date names an instance, whatever the zone."""
_ONCE = ("DTSTART", "DTEND", "DURATION", "RECURRENCE-ID")
_READ = (*_TIMES, "DURATION", "RRULE", "EXRULE", "STATUS", "ATTENDEE", "SUMMARY")
_WITHIN_A_DAY = ("SECONDLY", "MINUTELY", "HOURLY")
_NO_PERSONS = ("ROOM", "RESOURCE")
_MEGABYTES = 512
_SECONDS = 20
"""Seconds of processor time, in case the process outlives its starter."""


class UnfitFeedError(Exception):
    """The feed cannot be used; the message completes "The calendar ..."."""


def expanded(feed: bytes, zone: str | None, at: datetime) -> list[dict[str, Any]]:
    """Give the shifts within eight days of an instant. Raises UnfitFeedError."""
    shifts = [shift for calendar in _calendars(feed) for shift in _of_calendar(calendar, zone, at)]
    return sorted(shifts, key=lambda shift: (shift["starts"], shift["ends"], shift["said"]))


def _calendars(feed: bytes) -> list[Any]:
    try:
        text = feed.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise UnfitFeedError("is not UTF-8") from None
    lines = [line.rstrip().upper() for line in re.split("\r\n|\n|\r", text)]
    if not lines or lines[0] != "BEGIN:VCALENDAR":
        raise UnfitFeedError("is not iCalendar")
    begun, ended = (sum(line.startswith(word) for line in lines) for word in ("BEGIN:", "END:"))
    if lines[-1] != "END:VCALENDAR" or begun != ended:
        raise UnfitFeedError("was cut off: its end is missing")
    try:
        return list(Calendar.from_ical(text, multiple=True))
    except ValueError:
        raise UnfitFeedError("cannot be read as iCalendar") from None


def _of_calendar(calendar: Any, zone: str | None, at: datetime) -> Iterator[dict[str, Any]]:
    events = calendar.walk("VEVENT")
    if str(calendar.get("METHOD", "")).upper() == "CANCEL":
        return
    for event in events:
        _check(event)
    named = zone or str(calendar.get("X-WR-TIMEZONE", "")) or None
    home = None if named is None else _zone(named)
    if home is None and any(map(_floats, events)):
        raise UnfitFeedError("has times without a time zone: add zone: to its entry in app.yaml")
    if "X-WR-TIMEZONE" in calendar:
        calendar["X-WR-TIMEZONE"] = named
    for event in recurring_ical_events.of(calendar).between(at - REACH, at + REACH):
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        starts, ends = (_instant(event[key].dt, home) for key in ("DTSTART", "DTEND"))
        if starts < ends:
            for person in _people(event):
                yield {**person, "starts": starts.isoformat(), "ends": ends.isoformat()}


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnfitFeedError("names a time zone (X-WR-TIMEZONE) that is not known: add zone: to its entry") from None


def _check(event: Any) -> None:
    """Refuse what the library would silently skip or never finish. Raises UnfitFeedError."""
    for name in _READ:
        if any(isinstance(value, vBroken) for value in _all(event, name)) or _is_lost(event, name):
            raise UnfitFeedError(f"has an event with a {name} that cannot be read")
    if any(len(_all(event, name)) > 1 for name in _ONCE) or ("DTEND" in event and "DURATION" in event):
        raise UnfitFeedError("has an event with two start or end times")
    if "DTSTART" not in event:
        raise UnfitFeedError("has an event without DTSTART")
    for rule in (*_all(event, "RRULE"), *_all(event, "EXRULE")):
        frequency = [str(each).upper() for each in rule.get("FREQ", [])]
        if len(frequency) != 1 or frequency[0] in _WITHIN_A_DAY:
            raise UnfitFeedError(f"has a rule that repeats within a day (FREQ={', '.join(frequency)})")
    for value in (value for name in _TIMES for value in _all(event, name)):
        if getattr(value, "params", {}).get("TZID") and any(map(_is_naive, _instants(value))):
            raise UnfitFeedError("has a time in a time zone (TZID) that is not known")
    if _ends_early(event):
        raise UnfitFeedError("has an event that ends before it begins")


def _is_lost(event: Any, name: str) -> bool:
    """Tell whether the library left out a line of this property as malformed."""
    return any(re.search(rf"'{name}\b", str(message), re.IGNORECASE) for _, message in event.errors)


def _ends_early(event: Any) -> bool:
    """Tell whether an event ends before it begins: the library would swap the two."""
    starts, ends = (next(map(_wall, _all(event, key)), None) for key in ("DTSTART", "DTEND"))
    return starts is not None and ends is not None and ends < starts


def _wall(value: Any) -> datetime:
    """Make a time comparable with the others of its event: in UTC where it has a zone."""
    found = value.dt if isinstance(value.dt, datetime) else datetime.combine(value.dt, time())
    return found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)


def _all(event: Any, name: str) -> list[Any]:
    found = event.get(name, [])
    return found if isinstance(found, list) else [found]


def _instants(value: Any) -> Iterator[Any]:
    """Give the dates and times of a property, which has one or several; of a period, its begin."""
    for each in getattr(value, "dts", [value]):
        found = each.dt
        yield found[0] if isinstance(found, tuple) else found


def _floats(event: Any) -> bool:
    """Tell whether an event has a time without a zone of its own. Dates have none either."""
    times = [(name, found) for name in _TIMES for value in _all(event, name) for found in _instants(value)]
    return any(_is_naive(found) or (name in _SHIFT_TIMES and not isinstance(found, datetime)) for name, found in times)


def _is_naive(found: Any) -> bool:
    return isinstance(found, datetime) and found.tzinfo is None


def _instant(found: date | datetime, home: tzinfo | None) -> datetime:
    """Make an instant of a time. One without a zone is in `home`; of a wall time that comes twice, the first."""
    wall = found if isinstance(found, datetime) else datetime.combine(found, time())
    if wall.tzinfo is None:
        if home is None:
            raise UnfitFeedError("has times without a time zone: add zone: to its entry in app.yaml")
        wall = wall.replace(tzinfo=home, fold=0)
    return wall.astimezone(UTC)


def _people(event: Any) -> Iterable[dict[str, str]]:
    """Name who is on call in a shift: its attendees, else its summary."""
    attendees = [each for each in _all(event, "ATTENDEE") if _attendee(each)]
    if not attendees:
        name = str(event.get("SUMMARY", "")).strip()
        return [{"said": name}] if name else []
    found = [_attendee(each) for each in attendees if _takes_part(each.params)]
    return [{"said": each} for each in dict.fromkeys(found)]


def _attendee(attendee: Any) -> str:
    """Give an attendee's e-mail address, which PagerDuty writes without `mailto:`, or the name if there is none."""
    address = re.sub("^mailto:", "", str(attendee).strip(), flags=re.IGNORECASE)
    return address if "@" in address else str(attendee.params.get("CN", address)).strip()


def _takes_part(params: Any) -> bool:
    kind, answer = (str(params.get(key, "")).upper() for key in ("CUTYPE", "PARTSTAT"))
    return kind not in _NO_PERSONS and answer != "DECLINED"


def main() -> None:
    """Expand stdin; the arguments are the instant and the zone, which may be empty."""
    _limit()
    at, zone = datetime.fromisoformat(sys.argv[1]), (sys.argv[2:3] or [""])[0] or None
    try:
        result: dict[str, Any] = {"shifts": expanded(sys.stdin.buffer.read(), zone, at)}
    except UnfitFeedError as error:
        result = {"error": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever the libraries raise, the feed is unusable
        result = {"error": f"cannot be expanded ({type(error).__name__})"}
    sys.stdout.write(json.dumps(result))


def _limit() -> None:
    """Limit memory and processor time, where the system can."""
    with contextlib.suppress(ImportError):
        import resource  # noqa: PLC0415 - not on Windows

        for what, most in ((resource.RLIMIT_AS, _MEGABYTES << 20), (resource.RLIMIT_CPU, _SECONDS)):
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main()
