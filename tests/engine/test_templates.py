"""Templates of the value that a choice sends: every word is filled in or is an error, and nothing is read twice."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.asks import templates
from engine.asks.templates import TemplateError, Word, filled, literal, parsed, picked

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab$ .[]{}_0\"'value"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("k$.", max_size=3), inner, max_size=3),
    max_leaves=6,
)

READ: dict[str, list[str | Word]] = {
    "$value": [Word("value")],
    "$value.draft": [Word("value", ("draft",))],
    "$value.items[0].name": [Word("value", ("items", 0, "name"))],
    '$value["due-date"]["a\\"b"]': [Word("value", ("due-date", 'a"b'))],
    "$value.größe": [Word("value", ("größe",))],
    "by $user: $text": ["by ", Word("user"), ": ", Word("text")],
    "It is $value. Yes": ["It is ", Word("value"), ". Yes"],
    "5 $, US$5, $": ["5 $, US$5, $"],
    "$$text": ["$", "text"],
    "$$$text": ["$", Word("text")],
    "${NAME}": ["${NAME}"],
    "": [],
}


@pytest.mark.parametrize(("text", "parts"), READ.items())
def test_texts_are_read_as_words_and_what_stands_between(text: str, parts: list[str | Word]) -> None:
    assert parsed(text) == parts


FAULTS = {
    "$valu": "$valu is not known here",
    "costs $foo": "$foo is not known here",
    "$textual": "$textual is not known here",
    "$Value": "$Value is not known here",
    "$text.": "$text. picks nothing that can be read",
    "$value.": "$value. picks nothing that can be read",
    "$value.a.": "$value.a. picks nothing that can be read",
    "$value[x]": "$value[x] picks nothing that can be read",
    "$value[-1]": "$value[-1] picks nothing that can be read",
    "$value.items[0": "$value.items[0 picks nothing that can be read",
    "so $value['a'] it is": "$value['a'] picks nothing that can be read",
    "$text.x": "$text.x picks nothing that can be read",
    "$user[0]": "$user[0] picks nothing that can be read",
    "$json.ok": "$json.ok picks nothing that can be read",
}


@pytest.mark.promise("P10")
@pytest.mark.parametrize(("text", "what"), FAULTS.items())
def test_what_cannot_be_read_is_an_error_and_no_text(text: str, what: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parsed(text)
    assert caught.value.what == what
    assert caught.value.fix.endswith(".")


@given(JSON)
def test_a_literal_stands_for_the_value_itself(value: Any) -> None:
    assert filled(literal(value), lambda _: "never") == value
    assert templates.rewritten(literal(value), lambda _: None) == literal(value)


@given(st.lists(st.text(min_size=1) | st.integers(0, 20)))
def test_a_path_that_is_written_is_the_path_that_is_read(path: list[str | int]) -> None:
    word = Word("value", tuple(path))
    assert parsed(str(word)) == [word]


@given(st.text('$vale.[]"\\0 x'))
def test_nothing_but_an_error_of_ours_comes_of_any_text(text: str) -> None:
    try:
        parts = parsed(text)
    except TemplateError:
        return
    assert all(isinstance(each, Word) or "$value" not in each for each in parts)


def test_what_is_filled_in_is_not_read_again_and_keeps_its_type() -> None:
    value: Any = {"a": ["$text", {"b": 1.5}]}
    said: Any = {"all": "$value", "one": "$value.a[1].b", "in": "<$value.a[0]> $$", "$text": ["$value.a"]}
    filled_in = filled(said, lambda word: picked(value, word.path))
    assert filled_in == {"all": value, "one": 1.5, "in": "<$text> $", "$text": [value["a"]]}


@pytest.mark.parametrize("path", [("b",), ("a", 2), ("a", "0"), ("a", 0, "x"), (0,)])
def test_what_is_not_there_is_not_picked(path: tuple[str | int, ...]) -> None:
    value: Any = {"a": ["x", "y"]}
    assert not templates.resolves(value, path)
    assert templates.resolves(value, ("a", 1))
