"""A budget: no more than its calls in any period, the urgent first, and nobody waits for a caller who gave up."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.budget import ASKS_AGAIN, GIVEN_UP, Ledger, Limit, NotYet, Urgency, Wish

LIMIT = Limit(10, 60.0)
FIRST, NEXT, SPARE = Urgency


def wish(key: str, urgency: Urgency = FIRST, calls: int = 1, limit: Limit = LIMIT) -> Wish:
    return Wish("chat.update", limit, urgency, key, calls)


def served(wishes: dict[str, Urgency], seconds: float = 600.0, limit: Limit = LIMIT) -> list[tuple[float, str]]:
    """Let all want to call at the same time, and ask again when they are told to; return who calls when."""
    ledger, asks, called = Ledger(), dict.fromkeys(wishes, 0.0), []
    while asks and min(asks.values()) < seconds:
        key = min(asks, key=lambda each: (asks[each], each))
        now = asks.pop(key)
        not_yet = ledger.take(wish(key, wishes[key], limit=limit), now)
        if not_yet is None:
            called.append((now, key))
        else:
            asks[key] = now + min(not_yet.seconds, ASKS_AGAIN)
    return called


@given(
    st.dictionaries(st.text(min_size=1, max_size=3), st.sampled_from(Urgency), max_size=40),
    st.integers(1, 12),
)
def test_no_stretch_of_time_has_more_calls_than_its_limit_and_all_are_served(
    wishes: dict[str, Urgency], calls: int
) -> None:
    limit = Limit(calls, 60.0)
    called = served(wishes, seconds=60.0 * 60, limit=limit)
    assert sorted(key for _, key in called) == sorted(wishes)
    for (earlier, _), (later, _) in zip(called, called[calls:], strict=False):
        assert later - earlier >= limit.seconds


def test_those_who_wait_are_served_by_urgency_and_then_by_age() -> None:
    wishes = {f"{number:02}": (NEXT if number < 20 else FIRST) for number in range(40)}
    order = [key for _, key in served(wishes)]
    assert order[:8] == [f"{number:02}" for number in range(8)]  # there was room for those who came first
    assert order[8:28] == [f"{number:02}" for number in range(20, 40)]
    assert order[28:] == [f"{number:02}" for number in range(8, 20)]


def test_a_storm_of_the_less_urgent_leaves_room_for_the_urgent() -> None:
    ledger = Ledger()
    granted = [ledger.take(wish(f"{number}", NEXT), 0.0) is None for number in range(30)]
    assert granted.count(True) == 8
    assert ledger.take(wish("decided"), 0.0) is None
    assert ledger.take(wish(""), 0.0) is not None  # others wait already


def test_what_can_be_left_out_takes_only_what_nobody_else_wants() -> None:
    ledger = Ledger()
    assert [ledger.take(wish("", SPARE), 0.0) is None for _ in range(6)] == [True] * 4 + [False] * 2
    assert ledger.take(wish("card", NEXT), 0.0) is None


def test_who_is_told_to_wait_is_told_for_how_long() -> None:
    ledger = Ledger()
    for second in range(10):
        assert ledger.take(wish(str(second)), float(second)) is None
    told = [ledger.take(wish(key), 10.0) for key in ("a", "b", "a")]
    assert told == [NotYet(50.0), NotYet(51.0), NotYet(50.0)]  # "a" keeps its place


def test_who_does_not_ask_again_has_given_up() -> None:
    ledger = Ledger()
    for number in range(10):
        ledger.take(wish(str(number)), 0.0)
    ledger.take(wish("gone"), 1.0)
    assert ledger.take(wish("next"), 2.0) == NotYet(58.0)
    assert [each[2] for each in ledger._buckets["chat.update"].queue] == ["gone", "next"]
    ledger.take(wish("next"), 1.0 + ASKS_AGAIN + GIVEN_UP)
    assert [each[2] for each in ledger._buckets["chat.update"].queue] == ["next"]


def test_a_refusal_stops_everybody_for_its_time() -> None:
    ledger = Ledger()
    ledger.shut("chat.update", 30.0, 0.0)
    ledger.shut("chat.update", 5.0, 0.0)
    assert ledger.take(wish("a"), 1.0) == NotYet(29.0, refused=True)
    assert ledger.take(wish("a"), 30.0) is None


def test_calls_of_one_piece_of_work_are_spread() -> None:
    ledger, limit = Ledger(), Limit(5, 5.0)
    assert ledger.take(wish("long", calls=8, limit=limit), 0.0) is None
    waits = []
    for second in range(4):
        told = ledger.take(wish(f"{second}", limit=limit), 0.0)
        assert told is not None
        waits.append(told.seconds)
    assert all(later > earlier for earlier, later in pairwise(waits))
    assert waits[0] == 8.0  # by then there are only four left of the last five seconds


def test_what_is_over_is_forgotten() -> None:
    ledger = Ledger()
    ledger.take(wish("a"), 0.0)
    ledger.shut("b", 1.0, 0.0)
    ledger.take(wish("c"), 100.0)
    ledger.tidy(100.0)
    assert set(ledger._buckets) == {"chat.update"}
