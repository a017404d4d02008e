"""An answer of an on-call source: the people whom it names at a time, and the time for which it is used."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.oncall.shifts import KEPT, SKEW, Shift, Shifts, said_of

pytestmark = pytest.mark.promise("P6")

NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)


def hours(count: float) -> datetime:
    return NOW + timedelta(hours=count)


def shifts(*found: Shift) -> Shifts:
    return Shifts(found, NOW, hours(24), NOW)


def test_at_a_hand_over_exactly_one_of_two_is_on_call() -> None:
    found = shifts(Shift("jane", ends=hours(1)), Shift("bob", starts=hours(1)))
    assert said_of(found.on_call(hours(1) - timedelta.resolution)) == ("jane",)
    assert said_of(found.on_call(hours(1))) == ("bob",)


def test_somebody_who_is_named_twice_is_one_person_but_for_the_tier() -> None:
    found = shifts(Shift("jane", tier=1), Shift("bob", tier=1), Shift("jane", tier=1), Shift("jane", tier=2))
    assert [(each.said, each.tier) for each in found.on_call(NOW)] == [("jane", 1), ("bob", 1), ("jane", 2)]
    assert said_of(found.on_call(NOW)) == ("jane", "bob")


def test_an_answer_is_fresh_for_a_while_and_not_after_a_clock_was_set_back() -> None:
    found = shifts()
    assert found.is_fresh(NOW)
    assert found.is_fresh(NOW + KEPT - timedelta.resolution)
    assert not found.is_fresh(NOW + KEPT)
    assert found.is_fresh(NOW - SKEW + timedelta.resolution), "by the clock of another process"
    assert not found.is_fresh(NOW - SKEW)
    assert not found.is_fresh(NOW - timedelta(hours=1))


def test_an_answer_tells_of_its_span_and_of_nothing_else() -> None:
    found = shifts(Shift("jane"))
    assert not found.covers(NOW - timedelta.resolution)
    assert found.covers(NOW)
    assert not found.covers(hours(24))


@given(
    bounds=st.lists(st.tuples(st.none() | st.integers(0, 48), st.none() | st.integers(0, 48)), max_size=6),
    at=st.integers(0, 47),
    reach=st.integers(1, 48),
    asked=st.integers(0, 47),
)
def test_the_part_around_an_instant_says_the_same(
    bounds: list[tuple[int | None, int | None]], at: int, reach: int, asked: int
) -> None:
    made = [
        Shift(f"p{number}", starts=None if a is None else hours(a / 2), ends=None if b is None else hours(b / 2))
        for number, (a, b) in enumerate(bounds)
    ]
    whole = shifts(*made)
    part = whole.around(hours(at / 2), timedelta(hours=reach / 2))
    instant = hours(asked / 2)
    if part.covers(instant):
        assert whole.covers(instant)
        assert part.on_call(instant) == whole.on_call(instant)
    assert part.covers(hours(at / 2))
    assert part.looked_up == whole.looked_up
