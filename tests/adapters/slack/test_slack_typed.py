"""What was typed is what the graph gets: no digit is lost, nothing is cleared in silence, every form can be sent."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.slack_samples import action, approval, ask, text_in
from support.typist import inputs_of, sent, target_of, typed, untouched

from adapters.blockkit import check_modal
from adapters.slack.drawing.sentences.responses import REOPEN
from adapters.slack.forms.fields import ACTION_ID
from adapters.slack.forms.modals import form, read
from engine.approvals.approval import Approval
from engine.asks.ask import Choice, Json, Kind, canonical

Schema = dict[str, Json]
DECIMAL: Schema = {"anyOf": [{"type": "number"}, {"type": "string"}]}


def edit(value: Json, properties: Schema, **more: Json) -> tuple[Approval, dict[str, Any]]:
    schema: Schema = {"type": "object", "properties": properties, **more}
    one = approval(ask(action(value, schema=schema)))
    return one, form(one, target_of(one), Choice.EDIT)


def answer(schema: Schema) -> tuple[Approval, dict[str, Any]]:
    one = approval(ask(action(None, choices=(Choice.ANSWER,), schema=schema), kind=Kind.FORM, prompt="Book"))
    return one, form(one, target_of(one), Choice.ANSWER)


def after(value: Json, properties: Schema, name: str, text: str | None) -> tuple[Any, str]:
    """The property after somebody wrote `text` into its input, and the sentence at it."""
    one, view = edit(value, properties)
    state = untouched(view)
    state[f"field:/{name}"][ACTION_ID]["value"] = text
    said = sent(one, view, Choice.EDIT, state)
    assert isinstance(said.value, dict)
    return said.value.get(name), (said.errors or {}).get(f"field:/{name}", "")


# Layouts --------------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P4")
def test_an_input_that_is_not_in_the_submitted_form_was_not_touched() -> None:
    value: Json = {"on": True, "many": ["a"], "one": "a", "text": "x", "count": 3, "day": "2026-03-04", "in": {"a": 1}}
    choices: Schema = {"enum": ["a", "b"]}
    one, view = edit(
        value,
        {
            "on": {"type": "boolean"},
            "many": {"type": "array", "items": choices},
            "one": choices,
            "text": {"type": "string"},
            "count": {"type": ["integer", "null"]},
            "day": {"type": "string", "format": "date"},
            "in": {"type": "object", "properties": {"a": {"type": "integer"}}},
        },
    )
    state = untouched(view)
    for block_id in state:
        without = {name: each for name, each in state.items() if name != block_id}
        assert sent(one, view, Choice.EDIT, without).value == value
        assert sent(one, view, Choice.EDIT, {**without, block_id: {}}).value == value


@pytest.mark.promise("P4")
def test_a_form_of_another_layout_is_refused_and_keeps_what_was_typed() -> None:
    one, view = edit({"a": "x"}, {"a": {"type": "string"}})
    state = {"field:0": {ACTION_ID: {"type": "plain_text_input", "value": "y"}}}  # as an older version named it
    for mark in ("", "0123456789abcdef"):
        assert read(one, target_of(one), Choice.EDIT, state, mark).errors == {"field:0": REOPEN}
    assert sent(one, view, Choice.EDIT, untouched(view)).errors is None


def test_blocks_are_named_after_their_fields() -> None:
    odd = "".join(map(chr, range(0x4E00, 0x4E00 + 300)))
    names = ["plain", "a/b", "a~b", "with space", "0", "", odd, odd[1:], "x" * 300, "1:/plain"]
    one, view = edit(dict.fromkeys(names, "x" * 3000), {})
    found = [block["block_id"] for block in inputs_of(view)]
    assert found[:3] == ["field:/plain", "field:1:/plain", "field:/a~1b"]
    assert len(set(found)) == len(found) == 2 * len(names)
    again = edit(dict.fromkeys(reversed(names), "x" * 3000), {})[1]
    assert {block["block_id"] for block in inputs_of(again)} == set(found)
    assert check_modal(view) == []
    assert sent(one, view, Choice.EDIT, untouched(view)).value == one.reviews[0].value


def test_a_property_of_an_inner_object_is_named_by_its_path() -> None:
    inner: Schema = {"type": "object", "properties": {"street": {"type": "string"}}}
    _, view = edit({"home.street": "x", "home": {"street": "y"}}, {"home": inner, "home.street": {"type": "string"}})
    assert [block["block_id"] for block in inputs_of(view)] == ["field:/home/street", "field:/home.street"]


@pytest.mark.promise("P4")
def test_an_edit_that_nobody_touched_adds_no_defaults() -> None:
    properties: Schema = {
        "replicas": {"type": "integer", "default": 2},
        "force": {"type": "boolean", "default": True},
        "env": {"enum": ["a", "b"], "default": "a"},
        "home": {"type": "object", "properties": {"street": {"type": "string", "default": "x"}}},
    }
    one, view = edit({"service": "billing"}, properties, required=["home", "force"])
    assert inputs_of(view)[0]["element"]["initial_value"] == "2"
    assert sent(one, view, Choice.EDIT, untouched(view)).value == {"service": "billing"}
    assert after({}, {"replicas": {"type": "integer", "default": 2}}, "replicas", "3") == (3, "")


# Numbers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "text", "value"),
    [
        (1.0, "12345678901234567.89", "12345678901234567.89"),
        (1.0, "1.10", "1.10"),
        (1.0, "1.5", 1.5),
        (1.1, "1.10", "1.10"),
        (1, "4", 4),
        (1, "123456789012345678901234567890", "123456789012345678901234567890"),
        (1, "1e400", "1e400"),
        ("1.10", "2.50", "2.50"),
        ("1.10", "4", "4"),
        ("1.10", " 1.10 ", "1.10"),
        (None, "0.1", 0.1),
        ("free", "1.5", "1.5"),
        (1, "ten", "ten"),
    ],
)
def test_a_decimal_arrives_to_the_letter(before: Json, text: str, value: Json) -> None:
    found, error = after({"amount": before}, {"amount": DECIMAL}, "amount", text)
    assert (found, type(found), error) == (value, type(value), "")


def test_a_decimal_may_be_null_and_is_asked_for_where_nothing_stands() -> None:
    may_be_null: Schema = {"anyOf": [{"type": "number"}, {"type": "string"}, {"type": "null"}]}
    assert after({"amount": 1.5}, {"amount": may_be_null}, "amount", None) == (None, "")
    one, view = answer({"type": "object", "properties": {"amount": DECIMAL}, "required": ["amount"]})
    assert [block["element"]["type"] for block in inputs_of(view)] == ["plain_text_input"]
    state = typed(one, view, Choice.ANSWER, {"amount": "1.10"})
    assert sent(one, view, Choice.ANSWER, state).value == {"amount": "1.10"}
    assert sent(one, view, Choice.ANSWER, untouched(view)).errors == {"field:/amount": "Please fill this in."}


NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}


@pytest.mark.parametrize(
    ("shape", "before", "text", "value"),
    [
        (NUMBER, 1.0, "1.10", 1.1),
        (NUMBER, 1.0, "1", 1.0),
        (NUMBER, 1, "1.0", 1),
        (NUMBER, 1, "-2", -2),
        (NUMBER, 1, "1e3", 1000.0),
        (NUMBER, 1, "18446744073709551615", 2**64 - 1),
        (WHOLE, 1, "18446744073709551615", 2**64 - 1),
        (WHOLE, 1, "3.0", 3),
        (WHOLE, 1, "+7", 7),
        (WHOLE, 1, "123456789012345678901234567890", 123456789012345678901234567890),  # refused by who stores it
    ],
)
def test_a_number_is_what_was_typed(shape: Schema, before: Json, text: str, value: Json) -> None:
    found, error = after({"n": before}, {"n": shape}, "n", text)
    assert (found, type(found), error) == (value, type(value), "")


@pytest.mark.parametrize(
    ("shape", "text", "sentence"),
    [
        (NUMBER, "12345678901234567.89", "cannot be passed on exactly. The closest one that can be is 1.2345678901"),
        (NUMBER, "0.1000000000000000000001", "The closest one that can be is 0.1."),
        (NUMBER, "1e400", "too large"),
        (NUMBER, "1e-400", "The closest one that can be is 0.0."),
        (NUMBER, "nan", "not a number"),
        (NUMBER, "Infinity", "not a number"),
        (NUMBER, "1_000", "not a number"),
        (NUMBER, "1,5", "not a number"),
        (NUMBER, "1e99999999999999999999", "not a number"),
        (WHOLE, "1.5", "whole number"),
        (WHOLE, "1e999999", "whole number"),
        (WHOLE, "9" * 2_000, "too large"),
        (WHOLE, "٣", "not a number"),
    ],
)
def test_a_number_that_cannot_arrive_as_it_was_typed_is_refused_at_its_field(
    shape: Schema, text: str, sentence: str
) -> None:
    assert sentence in after({"n": 1}, {"n": shape}, "n", text)[1]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"a": 12345678901234567.89}', 'put it in quotes: "12345678901234567.89"'),
        ('{"a": 1e400}', "1e400 is too large"),
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": -Infinity}', "-Infinity is not JSON"),
        ('{"a": 1, "a": 2}', '"a" stands twice'),
        ("[" * 1_499 + "]" * 1_499, "nested too deeply"),
        ('{"a": ' + "[" * 101 + "]" * 101 + "}", "nested too deeply"),
        ("[" + "9" * 2_000 + "]", "too large"),
        ('{"a": }', "line 1, column 7"),
    ],
)
def test_json_that_would_be_changed_on_its_way_is_refused(text: str, sentence: str) -> None:
    assert sentence in after({"j": {"a": 1}}, {"j": {"type": "object"}}, "j", text)[1]


def test_json_keeps_its_numbers() -> None:
    text = '{"a": 1.10, "b": 18446744073709551615, "c": -0.0, "d": 1}'
    assert json.dumps(after({"j": {}}, {"j": {"type": "object"}}, "j", text)[0]) == text.replace("1.10", "1.1")


# Limits that the form states ------------------------------------------------------------------------------------------


@pytest.mark.promise("P4")
def test_what_is_longer_than_an_input_takes_is_refused_at_it() -> None:
    one = approval()
    view = form(one, target_of(one), Choice.REJECT)
    for length, errors in (
        (3_000, None),
        (5_000, {"text": "This has 5,000 characters; at most 3,000 are taken here."}),
    ):
        state = {"text": {ACTION_ID: {"type": "plain_text_input", "value": "x" * length}}}
        assert sent(one, view, Choice.REJECT, state).errors == errors
    assert "3,000" in after({"a": "x"}, {"a": {"type": "string"}}, "a", "y" * 3_001)[1]


def test_what_the_form_says_is_needed_is_needed_here_too() -> None:
    one, view = edit({"a": "x", "n": 1, "c": "p"}, {"c": {"enum": ["p", "q"]}}, required=["a", "n", "c"])
    state = untouched(view)
    for block in state.values():
        block[ACTION_ID] |= {"value": None, "selected_option": None}
    said = sent(one, view, Choice.EDIT, state)
    required = {block["block_id"] for block in inputs_of(view) if not block["optional"]}
    assert said.errors == dict.fromkeys(required, "Please fill this in.")
    assert "field:/c" in required


def test_a_choice_that_was_not_offered_is_refused() -> None:
    one, view = edit({"c": "p"}, {"c": {"enum": ["p", "q"]}})
    for wrong in ("2", "-1", "x"):
        state = {"field:/c": {ACTION_ID: {"type": "static_select", "selected_option": {"value": wrong}}}}
        assert sent(one, view, Choice.EDIT, state).errors == {"field:/c": "This is not one of the choices."}


def test_true_and_one_are_two_choices() -> None:
    one, view = edit({"c": True}, {"c": {"enum": [1, True, 1.0]}})
    assert inputs_of(view)[0]["element"]["initial_option"]["value"] == "1"
    state = {"field:/c": {ACTION_ID: {"type": "static_select", "selected_option": {"value": "0"}}}}
    value = sent(one, view, Choice.EDIT, state).value
    assert canonical(value) == '{"c":1}'


# Every form can be sent -----------------------------------------------------------------------------------------------


def test_a_form_of_95_properties_has_an_input_for_each() -> None:
    properties: Schema = {f"field {number}": {"type": "string", "description": "x" * 500} for number in range(95)}
    required: list[Json] = [f"field {number}" for number in range(3)]
    one, view = answer({"type": "object", "properties": properties, "required": required})
    assert check_modal(view) == []
    assert len(inputs_of(view)) == 95
    state = typed(one, view, Choice.ANSWER, dict.fromkeys(list(properties)[:4], "y"))
    assert sent(one, view, Choice.ANSWER, state).value == dict.fromkeys(list(properties)[:4], "y")


def test_a_form_of_more_properties_than_a_modal_takes_is_one_json_text() -> None:
    properties: Schema = {
        f"field_{number}": {"type": "integer", "default": 1} if number < 50 else {"type": "integer"}
        for number in range(150)
    }
    properties["why"] = {"type": "string", "description": "In a few words"}
    one, view = answer({"type": "object", "properties": properties, "required": ["why"]})
    assert check_modal(view) == []
    assert view["submit"]["text"] == "Answer"
    told = text_in(view["blocks"])
    assert "one JSON object" in told
    assert "field_7 (integer)" in told
    (only,) = inputs_of(view)
    wanted = {**json.loads(only["element"]["initial_value"]), "why": "because", "field_7": 8}
    state = {only["block_id"]: {ACTION_ID: {"type": "plain_text_input", "value": json.dumps(wanted)[:3_000]}}}
    assert sent(one, view, Choice.ANSWER, state).value == wanted


@pytest.mark.parametrize(
    "value",
    [
        "z" * 200_000,
        {"script": "z" * 200_000},
        {f"field {number}": "v" * 2_000 for number in range(300)},
        {f"field {number}": "v\n" * 9_000 for number in range(95)},
        {"in": {f"field {number}": {"deep": number} for number in range(120)}},
        [["x" * 50] * 30] * 300,
    ],
    ids=["a text", "an argument", "many", "long ones", "within", "a list"],
)
def test_a_value_that_may_only_be_edited_has_a_form_that_can_be_sent(value: Any) -> None:
    kind = Kind.TOOL_CALL if isinstance(value, dict) else Kind.TEXT
    one = approval(ask(action(value, choices=(Choice.EDIT,)), kind=kind))
    view = form(one, target_of(one), Choice.EDIT)
    assert check_modal(view) == []
    assert view["submit"]
    assert sent(one, view, Choice.EDIT, untouched(view)).value == value
    first, *others = inputs_of(view)
    state = {first["block_id"]: {ACTION_ID: {"type": "plain_text_input", "value": '{"new": 1}'}}}
    state |= {each["block_id"]: {ACTION_ID: {"type": "plain_text_input", "value": None}} for each in others}
    changed = sent(one, view, Choice.EDIT, state)
    assert changed.errors is None
    assert changed.value != value
    assert "reject" not in text_in(view["blocks"]).lower()


NAMES = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(["a/b", "a~0", "x" * 300, "a.b", "a b"])
WORDS = st.text("abc äß漢'\"{}[]:,\\", min_size=1, max_size=30).filter(lambda text: text == text.strip())
JSON: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(WORDS, each, max_size=3),
    max_leaves=6,
)
DIGITS = st.from_regex(r"-?[1-9][0-9]{0,25}(\.[0-9]{1,25})?", fullmatch=True)


def in_order(chosen: list[Json]) -> list[Json]:
    """A menu has no order of its own: the same choices are no change."""
    return sorted(chosen, key=str)


def _kinds() -> list[tuple[Schema, st.SearchStrategy[Any]]]:
    choices: list[Json] = ["a", "b", 3, None, True]
    return [
        ({"type": "string"}, WORDS),
        ({"type": "integer"}, st.integers(-(2**63), 2**64 - 1)),
        ({"type": "number"}, st.floats(allow_nan=False, allow_infinity=False)),
        (DECIMAL, DIGITS),
        ({"type": "boolean"}, st.booleans()),
        ({"enum": choices[:3]}, st.sampled_from(choices[:3])),
        (
            {"type": "array", "items": {"enum": choices[:3]}},
            st.lists(st.sampled_from(choices[:3]), min_size=1, unique=True).map(in_order),
        ),
        ({"type": "string", "format": "date"}, st.dates(date(1_000, 1, 1)).map(date.isoformat)),
        ({"type": "array", "items": {"type": "string"}}, st.lists(WORDS, min_size=1, max_size=4)),
        ({"type": "object"}, st.dictionaries(WORDS, JSON, max_size=3)),
        ({"type": "array"}, st.lists(JSON, max_size=3)),
    ]


@st.composite
def forms(draw: st.DrawFn, depth: int = 2) -> tuple[Schema, Json, Json]:
    """A schema, a value of it that an agent proposes, and one that a person wants in its place."""
    kinds = _kinds()
    properties, before, wanted = dict[str, Json](), dict[str, Json](), dict[str, Json]()
    for name in draw(st.lists(NAMES, min_size=1, max_size=6, unique=True)):
        if depth and draw(st.integers(0, 4)) == 0:
            properties[name], inner, other = draw(forms(depth - 1))
        else:
            properties[name], values = draw(st.sampled_from(kinds))
            inner, other = draw(values), draw(values)
        before[name] = inner
        wanted[name] = other
    required: list[Json] = [name for name in properties if draw(st.booleans())]
    return {"type": "object", "properties": properties, "required": required}, before, wanted


@pytest.mark.promise("P4")
@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(forms(), st.sampled_from([Choice.EDIT, Choice.ANSWER]))
def test_what_is_typed_into_a_form_is_what_it_says(made: tuple[Schema, Json, Json], choice: Choice) -> None:
    schema, before, wanted = made
    kind, value = Kind.TOOL_CALL, before
    if choice is Choice.ANSWER:
        kind, value, wanted = Kind.FORM, None, _ticked(wanted)
    one = approval(ask(action(value, choices=(choice,), schema=schema), kind=kind))
    view = form(one, target_of(one), choice)
    assert check_modal(view) == []
    said = sent(one, view, choice, typed(one, view, choice, wanted))
    assert said.errors is None
    assert _as_numbers(said.value) == _as_numbers(wanted)
    if choice is Choice.EDIT:
        assert canonical(sent(one, view, choice, untouched(view)).value) == canonical(before)


def _ticked(value: Json) -> Json:
    """Every box ticked: one that may be left alone, and is, says nothing."""
    if isinstance(value, dict):
        return {name: _ticked(each) for name, each in value.items()}
    return True if value is False else value


def _as_numbers(value: Json) -> Json:
    """The value with each number as Python spells it: a decimal may travel as text, and 1 may stand for 1.0."""
    if isinstance(value, dict):
        return {name: _as_numbers(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_as_numbers(each) for each in value]
    return value if value is None or isinstance(value, bool) else str(value).removesuffix(".0")


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(forms(depth=1), st.integers(1, 40), st.integers(1, 3_000))
def test_every_form_opens_and_can_be_sent_however_large(
    made: tuple[Schema, Json, Json], times: int, length: int
) -> None:
    schema, before, _ = made
    many: Schema = {f"{name}{number}": each for number in range(times) for name, each in schema["properties"].items()}  # type: ignore[union-attr]
    long: Json = {f"{name}{number}": [each, "x" * length] for number in range(times) for name, each in before.items()}  # type: ignore[union-attr]
    for choice, value in ((Choice.EDIT, long), (Choice.ANSWER, None)):
        kind = Kind.FORM if choice is Choice.ANSWER else Kind.TOOL_CALL
        one = approval(ask(action(value, choices=(choice,), schema={**schema, "properties": many}), kind=kind))
        view = form(one, target_of(one), choice)
        assert check_modal(view) == []
        assert inputs_of(view)
        assert view["submit"]
        if choice is Choice.EDIT:
            assert sent(one, view, choice, untouched(view)).value == long
