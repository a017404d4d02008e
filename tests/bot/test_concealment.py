"""What people see has no secrets, and what they send back has them again."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.concealment import problems, restored, shown_value
from bot.masking import MASK

pytestmark = pytest.mark.promise("P4")

KEY = "hunter-4711"
PLAIN = {"to": "bob", "count": 3, "flag": True, "none": None}


@pytest.fixture(autouse=True, scope="module")
def _key() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMTP_PASSWORD", KEY)
        yield


texts = st.sampled_from(["", "a", KEY, f"with {KEY}", f"{KEY} and {KEY}", "b c"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.sampled_from("abcd"), below, max_size=4),
    max_leaves=12,
)


@given(values)
def test_what_is_sent_back_unchanged_is_what_it_was(value: Any) -> None:
    before = copy.deepcopy(value)
    seen = shown_value(value)
    assert KEY not in repr(seen)
    assert restored(seen, value) == before
    assert not problems(seen, value)


def test_a_changed_field_leaves_the_secret_beside_it() -> None:
    original = {**PLAIN, "auth": {"password": KEY}}
    seen = {**PLAIN, "to": "carol", "auth": {"password": MASK}}
    assert restored(seen, original) == {**original, "to": "carol"}
    assert not problems(seen, original)


@pytest.mark.parametrize(
    ("given_back", "expected"),
    [
        ([MASK, "new"], [KEY, "new"]),
        (["new", MASK], ["new", KEY]),
        ([MASK], [KEY]),
        ([], []),
        ([{"k": 1}, MASK], [{"k": 1}, KEY]),
    ],
)
def test_items_of_a_list_are_known_wherever_they_stand(given_back: list[Any], expected: list[Any]) -> None:
    original = [KEY, "x"]
    assert restored(given_back, original) == expected
    assert not problems(given_back, original)


@pytest.mark.parametrize(
    ("given_back", "path"),
    [
        ({"a": f"more {MASK}"}, ("a",)),
        ({"a": KEY, "new": MASK}, ("new",)),
        ({"a": {"deep": [f"{MASK}!"]}}, ("a", "deep", 0)),
    ],
)
def test_a_mask_that_cannot_be_told_is_refused_at_its_field(given_back: Any, path: tuple[Any, ...]) -> None:
    found = problems(given_back, {"a": KEY})
    assert [each.path for each in found] == [path]
    assert MASK in found[0].sentence


def test_where_nothing_was_concealed_dots_are_dots() -> None:
    assert not problems({"to": f"bob {MASK}"}, PLAIN)
    assert restored({"to": f"bob {MASK}"}, PLAIN) == {"to": f"bob {MASK}"}


def test_true_is_not_one() -> None:
    given_back = restored({"flag": 1}, {"flag": True, "key": KEY})
    assert given_back == {"flag": 1}
    assert given_back["flag"] is not True  # type: ignore[index, call-overload]
