"""Feeds in iCalendar as services and people write them, each with instants and who is on call then."""

from dataclasses import dataclass

_BERLIN = """BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
DTSTART:19810329T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
END:STANDARD
END:VTIMEZONE"""


def event(*lines: str, uid: str = "1") -> str:
    """An event of these lines."""
    return "\n".join(("BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20260101T000000Z", *lines, "END:VEVENT"))


def calendar(*parts: str) -> bytes:
    """A feed of these components and lines."""
    text = "\n".join(("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//made//EN", *parts, "END:VCALENDAR"))
    return text.replace("\n", "\r\n").encode() + b"\r\n"


@dataclass(frozen=True)
class Feed:
    """A feed, and who is on call at which instants. `fails`: a word of the error in place of that."""

    text: bytes
    at: dict[str, list[str]]
    zone: str | None = None
    fails: str = ""


_DAILY = ("DTSTART;TZID=Europe/Berlin:20261023T090000", "DTEND;TZID=Europe/Berlin:20261024T090000", "RRULE:FREQ=DAILY")
_WEEKLY = (
    "DTSTART;TZID=Europe/Berlin:20261102T090000",
    "DTEND;TZID=Europe/Berlin:20261109T090000",
    "RRULE:FREQ=WEEKLY;INTERVAL=2",
)

FEEDS = {
    "one shift, its end exclusive": Feed(
        calendar(event("DTSTART:20261101T080000Z", "DTEND:20261101T200000Z", "ATTENDEE:jane@example.com")),
        {
            "2026-11-01T07:59:59Z": [],
            "2026-11-01T08:00:00Z": ["jane@example.com"],
            "2026-11-01T19:59:59Z": ["jane@example.com"],
            "2026-11-01T20:00:00Z": [],
        },
    ),
    "a hand-over": Feed(
        calendar(
            event("DTSTART:20261101T080000Z", "DTEND:20261101T200000Z", "SUMMARY:Jane Doe", uid="1"),
            event("DTSTART:20261101T200000Z", "DTEND:20261102T080000Z", "SUMMARY:Bob", uid="2"),
        ),
        {"2026-11-01T19:59:59Z": ["Jane Doe"], "2026-11-01T20:00:00Z": ["Bob"]},
    ),
    "the day that clocks go back, by days": Feed(
        calendar(
            _BERLIN,
            event(*_DAILY[:2], "RRULE:FREQ=DAILY;INTERVAL=2", "SUMMARY:Jane", uid="1"),
            event(
                "DTSTART;TZID=Europe/Berlin:20261024T090000",
                "DTEND;TZID=Europe/Berlin:20261025T090000",
                "RRULE:FREQ=DAILY;INTERVAL=2",
                "SUMMARY:Bob",
                uid="2",
            ),
        ),
        {
            "2026-10-24T06:59:59Z": ["Jane"],
            "2026-10-24T07:00:00Z": ["Bob"],
            "2026-10-25T07:30:00Z": ["Bob"],
            "2026-10-25T08:00:00Z": ["Jane"],
        },
    ),
    "the day that clocks go back, without VTIMEZONE": Feed(
        calendar(event(*_DAILY, "SUMMARY:Jane")), {"2026-10-25T07:30:00Z": ["Jane"], "2026-10-25T08:00:00Z": ["Jane"]}
    ),
    "the day that clocks go forward": Feed(
        calendar(
            event(
                "DTSTART;TZID=Europe/Berlin:20260328T090000",
                "DTEND;TZID=Europe/Berlin:20260329T090000",
                "SUMMARY:Jane",
            ),
        ),
        {"2026-03-29T06:59:59Z": ["Jane"], "2026-03-29T07:00:00Z": []},
    ),
    "an instance that is replaced, by RECURRENCE-ID in UTC": Feed(
        calendar(
            _BERLIN,
            event(*_WEEKLY, "ATTENDEE;CN=Jane:mailto:jane@example.com"),
            event(
                "RECURRENCE-ID:20261116T080000Z",
                "DTSTART;TZID=Europe/Berlin:20261116T090000",
                "DTEND;TZID=Europe/Berlin:20261123T090000",
                "ATTENDEE;CN=Bob:MAILTO:bob@example.com",
            ),
        ),
        {
            "2026-11-03T12:00:00Z": ["jane@example.com"],
            "2026-11-17T12:00:00Z": ["bob@example.com"],
            "2026-12-01T12:00:00Z": ["jane@example.com"],
        },
    ),
    "an instance that is moved": Feed(
        calendar(
            event(*_WEEKLY, "SUMMARY:Jane"),
            event(
                "RECURRENCE-ID;TZID=Europe/Berlin:20261116T090000",
                "DTSTART;TZID=Europe/Berlin:20261118T090000",
                "DTEND;TZID=Europe/Berlin:20261120T090000",
                "SUMMARY:Jane",
            ),
        ),
        {"2026-11-17T12:00:00Z": [], "2026-11-18T12:00:00Z": ["Jane"], "2026-11-21T12:00:00Z": []},
    ),
    "a cancelled shift": Feed(
        calendar(event("DTSTART:20261101T080000Z", "DTEND:20261101T200000Z", "SUMMARY:Jane", "STATUS:CANCELLED")),
        {"2026-11-01T12:00:00Z": []},
    ),
    "a cancelled instance of a series": Feed(
        calendar(
            event(*_DAILY, "SUMMARY:Jane"),
            event(
                "RECURRENCE-ID:20261026T080000Z",
                "DTSTART;TZID=Europe/Berlin:20261026T090000",
                "DTEND;TZID=Europe/Berlin:20261027T090000",
                "SUMMARY:Jane",
                "STATUS:CANCELLED",
            ),
        ),
        {"2026-10-26T07:00:00Z": ["Jane"], "2026-10-26T12:00:00Z": [], "2026-10-27T12:00:00Z": ["Jane"]},
    ),
    "an instance that is left out": Feed(
        calendar(event(*_DAILY, "EXDATE;TZID=Europe/Berlin:20261026T090000", "SUMMARY:Jane")),
        {"2026-10-26T12:00:00Z": [], "2026-10-27T12:00:00Z": ["Jane"]},
    ),
    "overlapping overrides": Feed(
        calendar(
            event(*_WEEKLY, "SUMMARY:Jane"),
            event(
                "RECURRENCE-ID:20261116T080000Z",
                "DTSTART:20261116T080000Z",
                "DTEND:20261120T080000Z",
                "SUMMARY:Bob",
            ),
            event("DTSTART:20261118T080000Z", "DTEND:20261122T080000Z", "SUMMARY:Carol", uid="2"),
        ),
        {
            "2026-11-17T12:00:00Z": ["Bob"],
            "2026-11-19T12:00:00Z": ["Bob", "Carol"],
            "2026-11-21T12:00:00Z": ["Carol"],
            "2026-11-22T12:00:00Z": [],
        },
    ),
    "times without a zone, in the file's zone": Feed(
        calendar(
            "X-WR-TIMEZONE:America/New_York", event("DTSTART:20261101T080000", "DTEND:20261101T200000", "SUMMARY:J")
        ),
        {"2026-11-01T07:00:00Z": ["J"], "2026-11-01T18:59:59Z": ["J"], "2026-11-01T19:00:00Z": []},
        zone="Europe/Berlin",
    ),
    "times without a zone, in the feed's own": Feed(
        calendar(
            "X-WR-TIMEZONE:America/New_York", event("DTSTART:20261102T080000", "DTEND:20261102T200000", "SUMMARY:J")
        ),
        {"2026-11-02T12:59:59Z": [], "2026-11-02T13:00:00Z": ["J"], "2026-11-03T00:59:59Z": ["J"]},
    ),
    "times without a zone, by days, over the day that clocks go back": Feed(
        calendar(event("DTSTART:20261023T090000", "DTEND:20261024T090000", "RRULE:FREQ=DAILY", "SUMMARY:J")),
        {"2026-10-25T07:30:00Z": ["J"]},
        zone="Europe/Berlin",
    ),
    "times without any zone": Feed(
        calendar(event("DTSTART:20261101T080000", "DTEND:20261101T200000", "SUMMARY:Jane")),
        {"2026-11-01T12:00:00Z": []},
        fails="without a time zone",
    ),
    "whole days": Feed(
        calendar(event("DTSTART;VALUE=DATE:20261024", "DTEND;VALUE=DATE:20261026", "SUMMARY:Jane")),
        {
            "2026-10-23T21:59:59Z": [],
            "2026-10-23T22:00:00Z": ["Jane"],
            "2026-10-25T22:59:59Z": ["Jane"],
            "2026-10-25T23:00:00Z": [],
        },
        zone="Europe/Berlin",
    ),
    "whole days without any zone": Feed(
        calendar(event("DTSTART;VALUE=DATE:20261024", "DTEND;VALUE=DATE:20261026", "SUMMARY:Jane")),
        {"2026-10-24T12:00:00Z": []},
        fails="without a time zone",
    ),
    "a zone that nobody knows": Feed(
        calendar(
            event(
                "DTSTART;TZID=Atlantis/Capital:20261101T080000",
                "DTEND;TZID=Atlantis/Capital:20261101T200000",
                "SUMMARY:J",
            )
        ),
        {"2026-11-01T12:00:00Z": []},
        zone="Europe/Berlin",
        fails="TZID",
    ),
    "a zone that the feed describes": Feed(
        calendar(
            _BERLIN.replace("Europe/Berlin", "Our Office"),
            event("DTSTART;TZID=Our Office:20261101T080000", "DTEND;TZID=Our Office:20261101T200000", "SUMMARY:J"),
        ),
        {"2026-11-01T06:59:59Z": [], "2026-11-01T07:00:00Z": ["J"], "2026-11-01T19:00:00Z": []},
    ),
    "a rule of seconds since 1970": Feed(
        calendar(event("DTSTART:19700101T000000Z", "DURATION:PT1S", "RRULE:FREQ=SECONDLY", "SUMMARY:Jane")),
        {"2026-11-01T12:00:00Z": []},
        fails="repeats within a day",
    ),
    "a rule of hours": Feed(
        calendar(event("DTSTART:20261101T000000Z", "DURATION:PT1H", "RRULE:FREQ=HOURLY;INTERVAL=2", "SUMMARY:Jane")),
        {"2026-11-01T12:00:00Z": []},
        fails="repeats within a day",
    ),
    "a rule that ends": Feed(
        calendar(event(*_DAILY[:2], "RRULE:FREQ=DAILY;UNTIL=20261026T080000Z", "SUMMARY:Jane")),
        {"2026-10-27T07:59:59Z": ["Jane"], "2026-10-27T08:00:00Z": []},
    ),
    "cut off in an event": Feed(
        calendar(event("DTSTART:20261101T080000Z", "DTEND:20261101T200000Z", "SUMMARY:Jane"))[:150],
        {"2026-11-01T12:00:00Z": []},
        fails="cut off",
    ),
    "cut off between two events": Feed(
        calendar(event("DTSTART:20261101T080000Z", "DTEND:20261101T200000Z", "SUMMARY:Jane")).replace(
            b"END:VCALENDAR\r\n", b""
        ),
        {"2026-11-01T12:00:00Z": []},
        fails="cut off",
    ),
    "a page in place of a feed": Feed(
        b"<html>Please log in</html>", {"2026-11-01T12:00:00Z": []}, fails="not iCalendar"
    ),
    "nothing": Feed(b"", {"2026-11-01T12:00:00Z": []}, fails="not iCalendar"),
    "no shifts": Feed(calendar(), {"2026-11-01T12:00:00Z": []}),
    "a time that cannot be read": Feed(
        calendar(event("DTSTART:soon", "DTEND:20261101T200000Z", "SUMMARY:Jane")),
        {"2026-11-01T12:00:00Z": []},
        fails="DTSTART",
    ),
    "a rule that cannot be read": Feed(
        calendar(event("DTSTART:20261101T080000Z", "DTEND:20261101T200000Z", "RRULE:FREQ=SOMETIMES", "SUMMARY:Jane")),
        {"2026-11-01T12:00:00Z": []},
        fails="RRULE",
    ),
    "several attendees, a room, and one who declined": Feed(
        calendar(
            event(
                "DTSTART:20261101T080000Z",
                "DTEND:20261101T200000Z",
                "ATTENDEE;PARTSTAT=ACCEPTED:mailto:jane@example.com",
                "ATTENDEE;CUTYPE=ROOM:mailto:room@example.com",
                "ATTENDEE;PARTSTAT=DECLINED:mailto:bob@example.com",
                "ATTENDEE:carol@example.com",
                "SUMMARY:On call",
            )
        ),
        {"2026-11-01T12:00:00Z": ["jane@example.com", "carol@example.com"]},
    ),
    "a summary with all that a name may hold": Feed(
        calendar(event("DTSTART:20261101T080000Z", "DTEND:20261101T200000Z", "SUMMARY:Doe\\, Jane (tier 1)")),
        {"2026-11-01T12:00:00Z": ["Doe, Jane (tier 1)"]},
    ),
    "a shift of a month": Feed(
        calendar(event("DTSTART:20261001T000000Z", "DTEND:20261201T000000Z", "SUMMARY:Jane")),
        {"2026-11-15T12:00:00Z": ["Jane"]},
    ),
    "an event that ends before it begins": Feed(
        calendar(event("DTSTART:20261101T200000Z", "DTEND:20261101T080000Z", "SUMMARY:Jane")),
        {"2026-11-01T12:00:00Z": []},
        fails="ends before it begins",
    ),
    "an event with two start or end times": Feed(
        calendar(event("DTSTART:20261101T080000Z", "DTEND:20261101T200000Z", "DURATION:P1D", "SUMMARY:Jane")),
        {"2026-11-01T12:00:00Z": []},
        fails="two start or end times",
    ),
    "a rule in a line that is none of iCalendar": Feed(
        calendar(event("DTSTART:20261101T080000Z", "DTEND:20261101T200000Z", "RRULE FREQ=DAILY", "SUMMARY:Jane")),
        {"2026-11-01T12:00:00Z": []},
        fails="RRULE",
    ),
    "a remark in a line that is none of iCalendar": Feed(
        calendar(event("DTSTART:20261101T080000Z", "DTEND:20261101T200000Z", "see the wiki", "SUMMARY:Jane")),
        {"2026-11-01T12:00:00Z": ["Jane"]},
    ),
    "a feed that cancels its events": Feed(
        calendar("METHOD:CANCEL", event("DTSTART:20261101T080000Z", "DTEND:20261101T200000Z", "SUMMARY:Jane")),
        {"2026-11-01T12:00:00Z": []},
    ),
    "an instance that is left out by its date": Feed(
        calendar(event(*_DAILY, "EXDATE;VALUE=DATE:20261026", "SUMMARY:Jane")),
        {"2026-10-26T12:00:00Z": [], "2026-10-27T12:00:00Z": ["Jane"]},
    ),
    "an attendee without an address": Feed(
        calendar(
            event(
                "DTSTART:20261101T080000Z", "DURATION:PT8H", "ATTENDEE;CN=Jane Doe:invalid:nomail", "SUMMARY:x", uid="1"
            ),
            event("DTSTART:20261101T160000Z", "DURATION:PT8H", "ATTENDEE:", "SUMMARY:Bob", uid="2"),
        ),
        {"2026-11-01T12:00:00Z": ["Jane Doe"], "2026-11-01T16:00:00Z": ["Bob"]},
    ),
    "a rule over a wall clock that does not exist, and one that comes twice": Feed(
        calendar(
            event(
                "DTSTART;TZID=Europe/Berlin:20260328T023000",
                "DTEND;TZID=Europe/Berlin:20260329T023000",
                "SUMMARY:Jane",
                uid="1",
            ),
            event(
                "DTSTART;TZID=Europe/Berlin:20261024T023000",
                "DTEND;TZID=Europe/Berlin:20261025T023000",
                "SUMMARY:Bob",
                uid="2",
            ),
        ),
        {
            "2026-03-29T01:29:59Z": ["Jane"],
            "2026-03-29T01:30:00Z": [],
            "2026-10-25T00:29:59Z": ["Bob"],
            "2026-10-25T00:30:00Z": [],
        },
    ),
}
