"""A rotation names who is on call by the wall clock of its zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.oncall.rotation import Rotation, RotationShift

pytestmark = pytest.mark.promise("P6")

BERLIN = ZoneInfo("Europe/Berlin")
PEOPLE = ("alice", "bob", "carol")


def rotation(starts: str, every: int, *people: str, zone: str = "Europe/Berlin") -> Rotation:
    return Rotation(ZoneInfo(zone), datetime.fromisoformat(starts), timedelta(days=every), people or PEOPLE)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def who(given: Rotation, text: str) -> str | None:
    turn = given.turn(at(text))
    return None if turn is None else turn.person


def test_people_take_turns_and_nobody_is_on_call_before_the_start() -> None:
    weekly = rotation("2026-11-30T09:00", 7)
    assert who(weekly, "2026-11-30T07:59:59.999999Z") is None
    assert who(weekly, "2026-11-30T08:00:00Z") == "alice"
    assert who(weekly, "2026-12-07T07:59:59Z") == "alice"
    assert who(weekly, "2026-12-07T08:00:00Z") == "bob"
    assert who(weekly, "2026-12-14T08:00:00Z") == "carol"
    assert who(weekly, "2026-12-21T08:00:00Z") == "alice"


def test_exactly_at_a_hand_over_the_one_who_takes_over_is_on_call() -> None:
    turn = rotation("2026-11-30T09:00", 1).turn(at("2026-12-01T08:00:00Z"))
    assert turn == RotationShift("bob", at("2026-12-01T08:00:00Z"), at("2026-12-02T08:00:00Z"))


def test_hand_overs_keep_to_the_wall_clock_when_clocks_go_back() -> None:
    """The night of 25 October 2026 is an hour longer in Berlin: the shift from the 24th ends at 08:00Z, not 07:00Z."""
    daily = rotation("2026-10-24T09:00", 1)
    assert who(daily, "2026-10-24T07:00:00Z") == "alice"
    assert who(daily, "2026-10-25T07:30:00Z") == "alice"
    assert who(daily, "2026-10-25T08:00:00Z") == "bob"


def test_hand_overs_keep_to_the_wall_clock_when_clocks_go_forward() -> None:
    daily = rotation("2026-03-28T09:00", 1)
    assert who(daily, "2026-03-29T06:59:59Z") == "alice"
    assert who(daily, "2026-03-29T07:00:00Z") == "bob"


def test_a_wall_clock_that_does_not_exist_takes_the_offset_before_the_jump() -> None:
    """02:30 of 29 March 2026 does not exist in Berlin: by the offset before the jump it is 01:30Z, 03:30 of summer."""
    daily = rotation("2026-03-28T02:30", 1)
    assert who(daily, "2026-03-29T01:29:59Z") == "alice"
    assert who(daily, "2026-03-29T01:30:00Z") == "bob"


def test_of_a_wall_clock_that_comes_twice_the_first_counts() -> None:
    """02:30 of 25 October 2026 comes at 00:30Z and at 01:30Z in Berlin."""
    daily = rotation("2026-10-24T02:30", 1)
    assert who(daily, "2026-10-25T00:29:59Z") == "alice"
    assert who(daily, "2026-10-25T00:30:00Z") == "bob"
    assert who(daily, "2026-10-25T01:30:00Z") == "bob"


def test_a_day_that_a_zone_left_out_is_nobodys_turn() -> None:
    """Samoa had no 30 December 2011."""
    daily = rotation("2011-12-29T09:00", 1, zone="Pacific/Apia")
    assert who(daily, "2011-12-29T19:00:00Z") == "alice"
    assert who(daily, "2011-12-30T18:59:59Z") == "alice"
    assert who(daily, "2011-12-30T19:00:00Z") == "carol"


@pytest.mark.parametrize("instant", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_the_ends_of_the_calendar_are_no_trouble(instant: str) -> None:
    assert who(rotation("2026-11-30T09:00", 7), instant) in (None, *PEOPLE)
    assert who(rotation("9999-12-30T09:00", 7, zone="America/Los_Angeles"), instant) in (None, "alice")


ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Tehran", "UTC")


@given(
    starts=st.datetimes(datetime(2010, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001 - by the wall clock
    days=st.integers(1, 20),
    zone=st.sampled_from(ZONES),
    people=st.integers(1, 3),
    after=st.timedeltas(timedelta(days=-2), timedelta(days=400)),
)
def test_it_agrees_with_counting_hand_overs_one_by_one(
    starts: datetime, days: int, zone: str, people: int, after: timedelta
) -> None:
    names = PEOPLE[:people]
    given = Rotation(ZoneInfo(zone), starts, timedelta(days=days), names)
    instant = starts.replace(tzinfo=UTC) + after
    passed = [each for each in _hand_overs(given, until=instant) if each <= instant]
    turn = given.turn(instant)
    if not passed:
        assert turn is None
        return
    assert turn is not None
    assert turn.person == names[(len(passed) - 1) % people]
    assert turn.starts <= instant
    assert turn.ends is not None
    assert instant < turn.ends


def _hand_overs(given: Rotation, until: datetime) -> list[datetime]:
    walls, wall = [], given.starts
    while wall.replace(tzinfo=UTC) <= until + timedelta(days=40):
        walls.append(wall.replace(tzinfo=given.zone).astimezone(UTC))
        wall += given.every
    return walls
