"""Calendars in iCalendar name the right person, or nobody and why (P6)."""

from datetime import UTC, datetime

import pytest
from ical_feeds import FEEDS, Feed

from adapters.oncall.ical import ICalendar
from engine.oncall import said_of
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
