"""Calendars in iCalendar name the right person, or nobody and why (P6)."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.ical_feeds import FEEDS, Feed, event
from support.ical_feeds import calendar as calendar_of

from adapters.oncall.client import LARGEST
from adapters.oncall.ical import ICalendar, reader_of_file
from engine.oncall.shifts import said_of
from engine.ports import SourceFailedError

pytestmark = pytest.mark.promise("P6")

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def source(text: bytes, zone: str | None = None, *, seconds: float = 60.0) -> ICalendar:
    async def read() -> bytes:
        return text

    return ICalendar(read, zone, seconds=seconds)


async def who(calendar: ICalendar, at: str) -> list[str]:
    instant = datetime.fromisoformat(at)
    found = await calendar.shifts(instant, NOW)
    assert found.covers(instant)
    return [*said_of(found.on_call(instant))]


@pytest.mark.parametrize("feed", FEEDS.values(), ids=FEEDS)
async def test_a_feed_names_who_is_on_call(feed: Feed) -> None:
    calendar = source(feed.text, feed.zone)
    for at, people in feed.at.items():
        if feed.fails:
            with pytest.raises(SourceFailedError, match=feed.fails):
                await who(calendar, at)
        else:
            assert sorted(await who(calendar, at)) == sorted(people), at


async def test_a_feed_that_takes_for_ever_is_given_up() -> None:
    """Every second of each day for centuries: what cannot be told from its rule is told by the time it takes."""
    seconds = ",".join(map(str, range(60)))
    by = f"BYHOUR={','.join(map(str, range(24)))};BYMINUTE={seconds};BYSECOND={seconds}"
    feed = calendar_of(event("DTSTART:15000101T000000Z", "DURATION:PT1S", f"RRULE:FREQ=DAILY;{by}", "SUMMARY:Jane"))
    began = time.monotonic()
    with pytest.raises(SourceFailedError, match="could not be read within 1 s"):
        await source(feed, seconds=1.0).shifts(NOW, NOW)
    assert time.monotonic() - began < 30


async def test_a_table_is_used_again_while_the_feed_stays_the_same() -> None:
    text = [FEEDS["a hand-over"].text]

    async def read() -> bytes:
        return text[0]

    source = ICalendar(read, seconds=60.0)
    first = await source.shifts(NOW, NOW)
    again = await source.shifts(NOW + timedelta(hours=1), NOW + timedelta(minutes=1))
    assert again.shifts is first.shifts
    assert again.looked_up == NOW + timedelta(minutes=1)
    text[0] = FEEDS["one shift, its end exclusive"].text
    assert said_of((await source.shifts(NOW, NOW)).shifts) == ("jane@example.com",)
    far = await source.shifts(NOW + timedelta(days=90), NOW)
    assert far.covers(NOW + timedelta(days=90))
    assert far.shifts == ()


async def test_the_expansion_gets_no_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of the user's own beside it is not taken for the library either."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1-secret")
    monkeypatch.setattr("adapters.oncall.ical._EXPANSION", Path(__file__).with_name("shows_environment.py"))
    with pytest.raises(SourceFailedError) as failed:
        await source(b"x").shifts(NOW, NOW)
    assert "PATH" in str(failed.value)
    assert "SLACK" not in str(failed.value)


async def test_files_are_read_with_the_same_limits(tmp_path: Path) -> None:
    file = tmp_path / "db.ics"
    file.write_bytes(FEEDS["a hand-over"].text)
    assert await who(ICalendar(reader_of_file(file), seconds=60.0), "2026-11-01T12:00:00Z") == ["Jane Doe"]
    file.write_bytes(b"x" * (LARGEST + 1))
    with pytest.raises(SourceFailedError, match="more than 1 MB"):
        await reader_of_file(file)()
    for missing in (tmp_path / "gone.ics", tmp_path):
        with pytest.raises(SourceFailedError, match="does not exist"):
            await reader_of_file(missing)()


async def test_a_feed_of_1500_shifts_is_expanded_while_the_loop_goes_on() -> None:
    shifts = [(f"RRULE:FREQ=DAILY;INTERVAL={days}", hour) for days in range(1, 64) for hour in range(24)]
    lines = ((f"DTSTART:20261101T{hour:02}0000Z", "DURATION:PT1H", rule, "SUMMARY:J") for rule, hour in shifts)
    events = (event(*each, uid=str(number)) for number, each in enumerate(lines))
    longest, last, beats = 0.0, time.thread_time(), 0
    asking = asyncio.create_task(source(calendar_of(*events)).shifts(NOW, NOW))
    while not asking.done():
        await asyncio.sleep(0.005)
        now = time.thread_time()
        longest, last, beats = max(longest, now - last), now, beats + 1
    assert len((await asking).shifts) > 300
    assert beats > 5, "the loop stood still"
    assert longest < 1.0, "the loop did it by itself"
