"""Working hours: clocks that rest, against a model that looks at each minute."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.authority.hours import after, are_open
from engine.authority.policy import Hours

pytestmark = pytest.mark.promise("P5")
MINUTE = timedelta(minutes=1)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia")
WEEK = frozenset(range(5))
BERLIN = Hours("Europe/Berlin", WEEK, 9 * 60, 17 * 60)


def is_open(at: datetime, hours: Hours) -> bool:
    """True if the wall clock of that minute is within the hours; those over midnight belong to their first day."""
    wall = at.astimezone(ZoneInfo(hours.zone))
    minute, day = wall.hour * 60 + wall.minute, wall.weekday()
    if hours.opens < hours.closes:
        return day in hours.days and hours.opens <= minute < hours.closes
    return (day in hours.days and minute >= hours.opens) or ((day - 1) % 7 in hours.days and minute < hours.closes)


def minute_by_minute(start: datetime, minutes: int, hours: Hours) -> datetime:
    """Find the end of the last of so many open minutes."""
    at, left = start, minutes
    while left:
        left -= is_open(at, hours)
        at += MINUTE
    return at


# Between one and four at night the clocks of these zones jump: there the wall shows times twice, or never. What opens
# and closes at such a time is written down below.
calm = st.integers(0, 24 * 60).filter(lambda minute: not 60 <= minute < 240)
any_hours = st.builds(
    Hours,
    zone=st.sampled_from(ZONES),
    days=st.frozensets(st.integers(0, 6), min_size=1),
    opens=calm.filter(lambda minute: minute < 24 * 60),
    closes=calm,
)
around_the_jumps = st.sampled_from(
    [datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC),
     datetime(2026, 4, 4, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)]
)  # fmt: skip


few_days = st.timedeltas(timedelta(), timedelta(days=3))
some_time = st.timedeltas(timedelta.resolution, timedelta(days=3))


@settings(max_examples=30, deadline=None)
@given(any_hours, around_the_jumps, st.integers(-3000, 3000), st.integers(1, 2000))
def test_a_span_ends_where_counting_each_open_minute_ends(
    hours: Hours, day: datetime, offset: int, minutes: int
) -> None:
    start = day + offset * MINUTE
    assert after(start, minutes * MINUTE, hours) == minute_by_minute(start, minutes, hours)


@settings(max_examples=60, deadline=None)
@given(any_hours, around_the_jumps, st.integers(-5000, 5000))
def test_clocks_run_exactly_in_the_open_minutes(hours: Hours, day: datetime, offset: int) -> None:
    at = day + offset * MINUTE
    assert are_open(at, hours) is is_open(at, hours)


@settings(max_examples=60, deadline=None)
@given(any_hours, around_the_jumps, few_days, some_time)
def test_two_spans_one_after_the_other_are_their_sum(
    hours: Hours, start: datetime, one: timedelta, two: timedelta
) -> None:
    assert after(after(start, one, hours), two, hours) == after(start, one + two, hours)


@pytest.mark.parametrize(
    ("start", "span", "end"),
    [
        ("2026-11-27T15:59", 2, "2026-11-30T08:01"),  # Friday, a minute before five: goes on on Monday
        ("2026-11-27T15:00", 60, "2026-11-27T16:00"),  # the end of the day is reached on the day
        ("2026-11-28T12:00", 1, "2026-11-30T08:01"),  # Saturday
        ("2026-03-27T15:30", 60, "2026-03-30T07:30"),  # over the weekend on which the clocks go forward
        ("2026-10-23T14:30", 60, "2026-10-26T08:30"),  # and back
    ],
)
def test_working_days_in_berlin(start: str, span: int, end: str) -> None:
    begins, ends = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (start, end))
    assert after(begins, timedelta(minutes=span), BERLIN) == ends


@pytest.mark.parametrize(
    ("opens", "closes", "span", "end"),
    [
        # Berlin, 29 March 2026: 01:59 is followed by 03:00. A time that is skipped takes the offset before the jump.
        (2 * 60 + 30, 5 * 60, 10, "2026-03-29T01:40"),
        # Hours that begin in the skipped hour and end right after it, on the wall, are no time at all that night.
        (2 * 60 + 30, 3 * 60 + 15, 10, "2026-03-30T00:40"),
    ],
)
def test_hours_that_begin_at_a_time_that_the_wall_never_shows(opens: int, closes: int, span: int, end: str) -> None:
    hours = Hours("Europe/Berlin", frozenset(range(7)), opens, closes)
    start = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
    assert after(start, span * MINUTE, hours) == datetime.fromisoformat(end).replace(tzinfo=UTC)


def test_of_a_time_that_the_wall_shows_twice_the_first_counts() -> None:
    """Berlin, 25 October 2026: 02:30 is at 00:30 and at 01:30 UTC."""
    hours = Hours("Europe/Berlin", frozenset(range(7)), 2 * 60 + 30, 4 * 60)
    start = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    assert after(start, 150 * MINUTE, hours) == datetime(2026, 10, 25, 3, 0, tzinfo=UTC)


def test_without_hours_time_just_passes() -> None:
    start = datetime(2026, 3, 29, tzinfo=UTC)
    assert after(start, timedelta(hours=5), None) == start + timedelta(hours=5)
    assert are_open(start, None)
