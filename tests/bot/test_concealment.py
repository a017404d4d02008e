"""What people see has no secrets, and what they send back has them again."""

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.slack_samples import BOB, NOW, action, approval, ask

from bot.concealment import problems, restored, shown, shown_value
from bot.masking import MASK
from engine.approvals.approval import Approval, Replaced, Vote, Words
from engine.asks.ask import Choice, Decision, Json, Option
from engine.ids import MessageTs

pytestmark = pytest.mark.promise("P4")

KEY = "hunter-4711"
OTHER = "other-4712"
PLAIN: dict[str, Json] = {"to": "bob", "count": 3, "flag": True, "none": None}


@pytest.fixture(autouse=True, scope="module")
def _key() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMTP_PASSWORD", KEY)
        patch.setenv("IMAP_PASSWORD", OTHER)
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
    original: dict[str, Json] = {**PLAIN, "auth": {"password": KEY}}
    seen: dict[str, Json] = {**PLAIN, "to": "carol", "auth": {"password": MASK}}
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
    original: list[Json] = [KEY, "x"]
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


@pytest.mark.parametrize(
    "given_back",
    [
        [MASK, "x"],  # one of two was taken out: which?
        ["new", MASK, MASK, "x"],
        [{"key": MASK, "n": 3}],
    ],
)
def test_of_secrets_that_look_alike_none_is_guessed(given_back: list[Any]) -> None:
    texts_only: list[Any] = [KEY, OTHER, "x"]
    objects: list[Any] = [{"key": KEY, "n": 1}, {"key": OTHER, "n": 2}]
    original = objects if isinstance(given_back[0], dict) else texts_only
    found = problems(given_back, original)
    assert found
    assert all(MASK in each.sentence for each in found)


def test_secrets_that_look_alike_are_kept_in_their_places() -> None:
    assert restored([MASK, MASK, "y"], [KEY, OTHER, "x"]) == [KEY, OTHER, "y"]
    assert not problems([MASK, MASK, "y"], [KEY, OTHER, "x"])


def test_a_secret_in_a_key_is_concealed_and_no_key_takes_the_place_of_another() -> None:
    original: dict[str, Json] = {KEY: 1, OTHER: {"n": 2}, "x": 3}
    seen = shown_value(original)
    assert seen == {MASK: 1, f"{MASK} (2)": {"n": 2}, "x": 3}
    assert restored({**seen, "x": 4}, original) == {**original, "x": 4}
    assert not problems({**seen, "x": 4}, original)
    assert [each.path for each in problems({**seen, f"{MASK}!": 4}, original)] == [(f"{MASK}!",)]


def test_the_mask_of_a_default_is_refused() -> None:
    schema: Json = {"properties": {"token": {"default": KEY}}}
    assert [each.path for each in problems({"token": MASK}, None, schema)] == [("token",)]
    assert not problems({"token": "mine"}, None, schema)


def test_what_is_nested_as_deeply_as_json_is_read_is_looked_at() -> None:
    deep: Any = MASK
    for _ in range(900):
        deep = [deep]
    assert restored(deep, ["x"]) == deep
    assert not problems(deep, ["x"])
    assert restored(deep, [KEY]) == deep
    problems(deep, [KEY])


@pytest.mark.timeout(20)
def test_a_line_before_thousands_of_others_is_read_in_time() -> None:
    original: list[Any] = [KEY, *(str(number) for number in range(5_000))]
    assert restored(["new", MASK, *original[1:]], original) == ["new", *original]


@pytest.mark.parametrize("before", ["\n", "\t", '"', "\\", "\x01", "é ", "/", "\r\n"])
def test_a_key_of_a_known_make_is_found_behind_what_json_escapes(before: str) -> None:
    for key in ("AKIAIOSFODNN7EXAMPLE", "ghp_abcdefghijklmnopqrstuvwxyz0123456789"):
        assert key not in repr(shown_value({"a": [f"x{before}{key}"], f"{before}{key}": 1}))


def test_where_nothing_was_concealed_dots_are_dots() -> None:
    assert not problems({"to": f"bob {MASK}"}, PLAIN)
    assert restored({"to": f"bob {MASK}"}, PLAIN) == {"to": f"bob {MASK}"}


def test_true_is_not_one() -> None:
    given_back = restored({"flag": 1}, {"flag": True, "key": KEY})
    assert given_back == {"flag": 1}
    assert given_back["flag"] is not True


ACTION = action({"to": "bob"}, name="send")
VOTE = Vote(BOB, Choice.OPTION, NOW, "words", option="later")


def _with_action(**more: Any) -> Approval:
    return approval(ask(replace(ACTION, **more)))


def _with_review(**more: Any) -> Approval:
    asked = approval()
    return replace(asked, reviews=(replace(asked.reviews[0], **more),))


@pytest.mark.parametrize(
    "asked",
    [
        approval(replace(ask(), payload={"a": [KEY]})),
        approval(ask(prompt=f"Send {KEY}?")),
        approval(ask(speaker=KEY)),
        _with_action(name=KEY),
        _with_action(value={"to": KEY}),
        _with_action(description=f"with {KEY}"),
        _with_action(schema={"properties": {"to": {"default": KEY}}}),
        _with_action(options=(Option(KEY),)),
        _with_action(own_words={"approve": KEY}),
        _with_review(value={"to": KEY}),
        _with_review(votes=(replace(VOTE, text=KEY),)),
        _with_review(votes=(replace(VOTE, option=KEY),)),
        _with_review(decision=Decision(Choice.EDIT, value={"to": KEY})),
        _with_review(decision=Decision(Choice.REJECT, text=KEY)),
        _with_review(decision=Decision(Choice.OPTION, option=KEY)),
        approval(note=f"because of {KEY}"),
        approval(operator=KEY),
        approval(replaced=Replaced("approved", (BOB,), ({"to": KEY},))),
        approval(offered=(Words(KEY, MessageTs("1.2")),)),
    ],
)
def test_a_secret_is_concealed_wherever_it_stands_in_an_approval(asked: Approval) -> None:
    seen = shown(asked)
    assert KEY not in repr(seen)
    assert MASK in repr(seen)
    assert shown(seen) is seen
