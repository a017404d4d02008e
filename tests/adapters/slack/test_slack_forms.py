"""Forms show a value as inputs and give it back with its types; what nobody touched comes back to the letter."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.slack_samples import (
    ALICE,
    ARGUMENTS,
    BOB,
    CAROL,
    SCHEMA,
    action,
    approval,
    ask,
    chose,
    policy,
    question,
    text_in,
)
from support.typist import inputs_of, sent, target_of, untouched

from adapters.blockkit import check_modal
from adapters.slack.cards.card import card
from adapters.slack.drawing.actions import CALLBACKS, Target
from adapters.slack.forms import fields
from adapters.slack.forms.modals import Submitted, errors_of, form
from engine.approvals.approval import Approval
from engine.asks.ask import Choice, Json, Kind, ValueProblem

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec=None)),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=8), each, max_size=5),
    max_leaves=8,
)


def edit(value: Json, schema: dict[str, Json] | None = None) -> tuple[Approval, dict[str, Any]]:
    kind = Kind.TOOL_CALL if isinstance(value, dict) else Kind.TEXT
    one = approval(ask(action(value, schema=schema), kind=kind))
    return one, form(one, target_of(one), Choice.EDIT)


def submitted(one: Approval, view: dict[str, Any], **typed: Any) -> Submitted:
    """What the form says after the inputs with these labels were changed."""
    state = untouched(view)
    for block in inputs_of(view):
        if block["label"]["text"] in typed:
            value = typed[block["label"]["text"]]
            element = state[block["block_id"]]["value"]
            match element["type"]:
                case "static_select":
                    element["selected_option"] = value and _chosen(block, value)
                case "multi_static_select" | "checkboxes":
                    element["selected_options"] = [_chosen(block, each) for each in value]
                case "datepicker":
                    element["selected_date"] = value
                case _:
                    element["value"] = value
    return sent(one, view, Choice.EDIT, state)


def _chosen(block: dict[str, Any], label: str) -> dict[str, Any]:
    return next(option for option in block["element"]["options"] if option["text"]["text"] == label)


# Inputs ---------------------------------------------------------------------------------------------------------------


def test_each_property_gets_the_input_of_its_type() -> None:
    schema: dict[str, Json] = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "Its name"},
            "body": {"type": "string"},
            "count": {"type": "integer"},
            "share": {"type": "number"},
            "urgent": {"type": "boolean"},
            "where": {"enum": ["staging", "production"]},
            "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
            "day": {"type": "string", "format": "date"},
            "nested": {"type": "object"},
        },
        "required": ["name"],
    }
    value: Json = {"name": "x", "body": "a\nb", "count": 1, "share": 0.5, "urgent": True, "where": "staging"}
    one, view = edit({**value, "tags": ["b"], "day": "2026-03-04", "nested": {"a": [1]}}, schema)  # type: ignore[dict-item]
    kinds = {block["label"]["text"]: block["element"]["type"] for block in inputs_of(view)}
    assert kinds == {
        "name": "plain_text_input",
        "body": "plain_text_input",
        "count": "number_input",
        "share": "number_input",
        "urgent": "checkboxes",
        "where": "static_select",
        "tags": "multi_static_select",
        "day": "datepicker",
        "nested": "plain_text_input",
    }
    by_label = {block["label"]["text"]: block for block in inputs_of(view)}
    assert by_label["body"]["element"]["multiline"]
    assert not by_label["name"]["element"]["multiline"]
    assert by_label["name"]["hint"]["text"] == "Its name"
    assert not by_label["name"]["optional"]
    assert by_label["count"]["optional"]
    assert view["submit"]["text"] == "Approve with changes"
    assert view["private_metadata"].startswith(f"{target_of(one)} ")


def test_without_a_schema_the_values_say_their_types() -> None:
    one, view = edit({"text": "a", "on": False, "count": 2, "ratio": 1.5, "list": [1], "none": None})
    assert [block["element"]["type"] for block in inputs_of(view)] == [
        "plain_text_input",
        "checkboxes",
        "number_input",
        "number_input",
        "plain_text_input",
        "plain_text_input",
    ]
    changed = submitted(one, view, text="b", on=["Yes"], count="3", ratio="2", list='["x"]', none="{}").value
    assert changed == {"text": "b", "on": True, "count": 3, "ratio": 2, "list": ["x"], "none": {}}


def test_references_and_nullable_types_are_followed() -> None:
    schema: dict[str, Json] = {
        "$defs": {"Env": {"enum": ["staging", "production"], "type": "string"}},
        "properties": {
            "env": {"$ref": "#/$defs/Env"},
            "count": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "note": {"type": ["string", "null"]},
        },
    }
    one, view = edit({"env": "staging", "count": None, "note": None}, schema)
    assert [block["element"]["type"] for block in inputs_of(view)] == [
        "static_select",
        "number_input",
        "plain_text_input",
    ]
    assert submitted(one, view).value == {"env": "staging", "count": None, "note": None}
    assert submitted(one, view, count="4").value == {"env": "staging", "count": 4, "note": None}
    one, view = edit({"env": "staging", "count": 4, "note": "x"}, schema)
    assert submitted(one, view, count=None, note=None).value == {"env": "staging", "count": None, "note": None}


def test_a_value_that_its_schema_does_not_fit_is_edited_as_json() -> None:
    one, view = edit({"replicas": "three"}, SCHEMA)
    replicas = next(block for block in inputs_of(view) if block["label"]["text"] == "replicas")
    assert replicas["element"]["initial_value"] == '"three"'
    assert submitted(one, view, replicas="4", service="billing", version="1").value == {
        "service": "billing",
        "version": "1",
        "replicas": 4,
    }


def test_a_text_is_one_input() -> None:
    one, view = edit("Dear Bob,\nthanks")
    assert [block["element"]["initial_value"] for block in inputs_of(view)] == ["Dear Bob,\nthanks"]
    assert submitted(one, view, Text="Dear Bob").value == "Dear Bob"


# Values ---------------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P4")
@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(JSON)
@example({"a": "x" * 9_999 + "\n" + "y" * 5_000, "b": "\u202e\r\n", "c": 1e300, "d": 10**40, "e": 1e-7, "f": -0.0})
@example({f"field {number}": "v" for number in range(300)})
@example("z" * 200_000)
@example({"": 1, " ": "\n"})
def test_a_form_that_nobody_touched_gives_the_value_to_the_letter(value: Any) -> None:
    one, view = edit(value)
    assert check_modal(view) == []
    for state in (untouched(view), {}):
        said = sent(one, view, Choice.EDIT, state)
        assert said.errors is None
        assert json.dumps(said.value) == json.dumps(value)


@pytest.mark.promise("P4")
@pytest.mark.parametrize("value", [False, 7, "a text", ["x"]])
def test_a_value_that_is_not_the_object_of_its_schema_is_kept(value: Any) -> None:
    one, view = edit(value, schema={"type": "object", "properties": {"a": {"type": "string"}}})
    for state in (untouched(view), {}):
        assert sent(one, view, Choice.EDIT, state).value == value


def test_a_long_text_is_split_over_inputs_and_put_together_again() -> None:
    text = "\n".join(f"line {number:04}" for number in range(1_000))
    one, view = edit({"body": text})
    parts = inputs_of(view)
    assert parts[0]["label"]["text"] == f"body (part 1 of {len(parts)})"
    assert all(len(part["element"]["initial_value"]) <= 2_500 for part in parts)
    state = untouched(view)
    first = state["field:/body"]["value"]
    first["value"] = first["value"].replace("line 0003", "LINE 3")
    assert sent(one, view, Choice.EDIT, state).value == {"body": text.replace("line 0003", "LINE 3")}


def test_one_value_that_is_too_long_does_not_stop_the_others() -> None:
    one, view = edit({"script": "x" * 50_000, "name": "a"})
    assert "Leave this empty to keep it" in text_in(view["blocks"])
    assert submitted(one, view, **{"script (new value)": "new"}).value == {"script": "new", "name": "a"}
    assert submitted(one, view, name="b").value == {"script": "x" * 50_000, "name": "b"}


def test_hidden_characters_are_seen_in_a_form_and_survive_an_edit_around_them() -> None:
    one, view = edit({"file": "a\u202eb"})
    assert inputs_of(view)[0]["element"]["initial_value"] == "a⟦U+202E⟧b"
    assert submitted(one, view, file="xa⟦U+202E⟧b").value == {"file": "xa\u202eb"}
    assert submitted(one, view, file="ab").value == {"file": "ab"}


def test_what_is_emptied_is_left_out_or_empty_but_never_something_else() -> None:
    schema: dict[str, Json] = {
        "properties": {"a": {"type": "string"}, "b": {"type": "integer"}, "c": {"type": "integer"}, "d": {}},
        "required": ["c"],
    }
    one, view = edit({"a": "x", "b": 1, "c": 2, "d": [1]}, schema)
    assert submitted(one, view, a=None, b=None, d=" ").value == {"a": "", "c": 2}
    assert submitted(one, view, c=None).errors == {"field:/c": "Please fill this in."}


def test_an_optional_property_that_is_not_there_stays_away() -> None:
    schema: dict[str, Json] = {
        "properties": {
            "a": {"type": "string"},
            "b": {"type": "boolean"},
            "c": {"type": "array", "items": {"enum": [1]}},
        }
    }
    one, view = edit({"a": "x"}, schema)
    assert submitted(one, view).value == {"a": "x"}
    assert submitted(one, view, b=["Yes"], c=["1"]).value == {"a": "x", "b": True, "c": [1]}


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ({"list": "[1,"}, {"field:/list": "This is not JSON: look at line 1, column 4."}),
        ({"count": "1.5"}, {"field:/count": "This has to be a whole number."}),
        ({"count": "many"}, {"field:/count": "This is not a number."}),
    ],
)
def test_what_does_not_fit_its_type_is_told_at_its_field(typed: dict[str, str], error: dict[str, str]) -> None:
    one, view = edit({"count": 1, "list": [1]})
    assert submitted(one, view, **typed).errors == error


def test_problems_stand_at_their_fields_and_all_others_at_the_first() -> None:
    one, _ = edit(ARGUMENTS, SCHEMA)
    problems = [
        ValueProblem(("replicas",), "At most 20."),
        ValueProblem(("extra", 0), "Not known."),
        ValueProblem((), "Not so."),
    ]
    assert errors_of(one, target_of(one), Choice.EDIT, problems) == {
        "field:/replicas": "At most 20.",
        "field:/service": "extra: Not known. Not so.",
    }
    assert errors_of(one, target_of(one), Choice.REJECT, problems[:1]) == {"text": "At most 20."}


# Words and answers ----------------------------------------------------------------------------------------------------


def test_a_rejection_needs_a_reason() -> None:
    one = approval()
    view = form(one, target_of(one), Choice.REJECT)
    assert check_modal(view) == []
    assert not view["blocks"][-1].get("optional", False)
    state = {"text": {"value": {"type": "plain_text_input", "value": "  because \n"}}}
    assert sent(one, view, Choice.REJECT, state).text == "because"
    assert sent(one, view, Choice.REJECT, {}).errors == {"text": "Please write a few words."}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, "The agent will see this reason."),
        ({"reason_unsent": True}, "The agent is only told that this was rejected. Your reason stays on the card."),
        ({"reject_stops": True}, "The run stops, and the requester will see this reason."),
    ],
)
def test_a_rejections_form_says_who_will_see_the_reason(more: dict[str, Any], told: str) -> None:
    one = approval(ask(action(**more)))
    (block,) = inputs_of(form(one, target_of(one), Choice.REJECT))
    assert told in block["hint"]["text"]


@pytest.mark.parametrize(("kind", "told"), [(Kind.TOOL_CALL, True), (Kind.PAYLOAD, False)])
def test_a_form_is_headed_by_a_tools_name_and_by_no_word_of_ours(kind: Kind, told: Any) -> None:
    one = approval(ask(action(name="payload"), kind=kind))
    assert ("payload" in text_in(form(one, target_of(one), Choice.REJECT)["blocks"])) is told


def test_an_answer_form_repeats_the_question() -> None:
    one = approval(question("Where to?"))
    assert "Where to?" in text_in(form(one, target_of(one), Choice.ANSWER)["blocks"])


def test_a_form_asks_for_every_property_and_starts_with_its_defaults() -> None:
    schema: dict[str, Json] = {
        "type": "object",
        "properties": {"nights": {"type": "integer", "default": 2}, "city": {"type": "string"}},
        "required": ["nights", "city"],
    }
    one = approval(ask(action(None, choices=(Choice.ANSWER,), schema=schema), kind=Kind.FORM, prompt="Book"))
    view = form(one, target_of(one), Choice.ANSWER)
    assert [block["element"].get("initial_value") for block in inputs_of(view)] == ["2", None]
    state = untouched(view)
    state["field:/city"]["value"]["value"] = "Oslo"
    assert sent(one, view, Choice.ANSWER, state).value == {"nights": 2, "city": "Oslo"}


def test_what_a_form_shows_is_not_what_it_asks() -> None:
    schema: dict[str, Json] = {"type": "object", "properties": {"city": {"type": "string"}, "nights": {}}}
    shown: Json = {"hotel": "Astoria", "city": "Oslo"}
    one = approval(ask(action(shown, choices=(Choice.ANSWER,), schema=schema), kind=Kind.FORM, prompt="Book"))
    view = form(one, target_of(one), Choice.ANSWER)
    assert [block["label"]["text"] for block in inputs_of(view)] == ["city", "nights"]
    assert sent(one, view, Choice.ANSWER, untouched(view)).value == {"city": "Oslo"}
    assert "Astoria" in text_in(card(one).blocks)


@pytest.mark.parametrize("schema", [{"type": "boolean"}, {"enum": ["red", "blue"]}, {"type": "integer"}, {}])
def test_a_form_may_ask_for_one_value_that_is_no_object(schema: dict[str, Json]) -> None:
    one = approval(ask(action(None, choices=(Choice.ANSWER,), schema=schema), kind=Kind.FORM, prompt="Which?"))
    view = form(one, target_of(one), Choice.ANSWER)
    assert check_modal(view) == []
    assert len(inputs_of(view)) == 1


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.text(max_size=8), JSON, max_size=5), JSON)
def test_no_schema_however_odd_breaks_a_form(schema: Any, value: Any) -> None:
    one = approval(ask(action(value, schema={"properties": schema}), kind=Kind.PAYLOAD))
    assert check_modal(form(one, target_of(one), Choice.EDIT)) == []


def test_an_approval_has_no_form() -> None:
    one = approval()
    for choice in (Choice.APPROVE, Choice.SKIP, Choice.REDO):
        with pytest.raises(ValueError, match="no form"):
            form(one, target_of(one), choice)


def test_a_form_after_an_edit_starts_with_what_stands_now() -> None:
    one = chose(approval(rule=policy(BOB, CAROL, quorum=2)), BOB, Choice.EDIT, value={"service": "search"})
    view = form(one, target_of(one), Choice.EDIT)
    assert inputs_of(view)[0]["element"]["initial_value"] == "search"
    assert Target.read(view["private_metadata"].partition(" ")[0]).revision == 2
    assert ALICE not in text_in(view["blocks"])


def test_callbacks_name_their_choice() -> None:
    assert set(CALLBACKS) == {Choice.APPROVE, Choice.EDIT, Choice.REJECT, Choice.ANSWER, Choice.OPTION}
    assert fields.ACTION_ID == "value"


# Objects within objects -----------------------------------------------------------------------------------------------

NESTED: dict[str, Json] = {
    "type": "object",
    "$defs": {
        "Address": {
            "type": "object",
            "properties": {"street": {"type": "string"}, "country": {"type": "string", "default": "Portugal"}},
            "required": ["street"],
        }
    },
    "properties": {
        "home": {"$ref": "#/$defs/Address"},
        "work": {"anyOf": [{"$ref": "#/$defs/Address"}, {"type": "null"}], "default": None},
        "tags": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "required": ["home"],
}


def answer(schema: dict[str, Json], typed: dict[str, str]) -> tuple[Submitted, dict[str, Any]]:
    one = approval(ask(action(None, choices=(Choice.ANSWER,), schema=schema), kind=Kind.FORM, prompt="Book"))
    view = form(one, target_of(one), Choice.ANSWER)
    assert check_modal(view) == []
    state = untouched(view)
    for block in inputs_of(view):
        if (label := block["label"]["text"]) in typed:
            state[block["block_id"]]["value"]["value"] = typed[label]
    return sent(one, view, Choice.ANSWER, state), view


def test_the_properties_of_an_inner_object_have_inputs_of_their_own() -> None:
    sent, view = answer(NESTED, {"home.street": "Rua Augusta"})
    labels = [block["label"]["text"] for block in inputs_of(view)]
    assert labels == ["home.street", "home.country", "work.street", "work.country", "tags"]
    assert sent.value == {"home": {"street": "Rua Augusta", "country": "Portugal"}, "work": None}
    by_label = {block["label"]["text"]: block for block in inputs_of(view)}
    assert not by_label["home.street"]["optional"]
    assert by_label["work.street"]["optional"]
    sent, _ = answer(NESTED, {"home.street": "a", "work.street": "b", "tags": '{"x": "y"}'})
    assert sent.value == {
        "home": {"street": "a", "country": "Portugal"},
        "work": {"street": "b"},
        "tags": {"x": "y"},
    }


def test_an_inner_object_that_nobody_touched_stays_as_it_is() -> None:
    value: Json = {"home": {"street": "a", "country": "Spain", "floor": 3}, "work": None, "tags": {"x": "y"}}
    one, view = edit(value, NESTED)
    assert submitted(one, view).value == value
    changed = submitted(one, view, **{"home.street": "b"}).value
    assert changed == {"home": {"street": "b", "country": "Spain", "floor": 3}, "work": None, "tags": {"x": "y"}}


def test_a_problem_of_an_inner_property_stands_at_its_field() -> None:
    one, view = edit({"home": {"street": "a"}, "work": None}, NESTED)
    blocks = {block["label"]["text"]: block["block_id"] for block in inputs_of(view)}
    problems = [
        ValueProblem(("home", "street"), "Too short."),
        ValueProblem(("work",), "Not so."),
        ValueProblem(("tags", "x"), "No."),
    ]
    assert errors_of(one, target_of(one), Choice.EDIT, problems) == {
        blocks["home.street"]: "Too short.",
        blocks["work.street"]: "Not so.",
        blocks["tags"]: "No.",
    }


def test_an_object_that_may_grow_is_edited_as_json() -> None:
    schema: dict[str, Json] = {
        "properties": {"labels": {"type": "object", "properties": {"a": {}}, "additionalProperties": True}}
    }
    _, view = edit({"labels": {"a": 1}}, schema)
    assert [block["label"]["text"] for block in inputs_of(view)] == ["labels"]


def test_options_are_called_what_the_schema_calls_them() -> None:
    schema: dict[str, Json] = {
        "properties": {
            "color": {"oneOf": [{"const": "#f00", "title": "Red"}, {"const": "#0f0", "title": "Green"}]},
            "size": {"type": "string", "enum": ["s", "l"], "enumNames": ["Small", "Large"]},
            "days": {"type": "array", "items": {"anyOf": [{"const": 1, "title": "Mon"}, {"const": 2, "title": "Tue"}]}},
            "same": {"oneOf": [{"const": 1, "title": "One"}, {"const": 2, "title": "One"}]},
        }
    }
    one, view = edit({}, schema)
    options = [[each["text"]["text"] for each in block["element"]["options"]] for block in inputs_of(view)]
    assert options == [["Red", "Green"], ["Small", "Large"], ["Mon", "Tue"], ["1", "2"]]
    said = submitted(one, view, color="Green", size="Small", days=["Tue"], same="2")
    assert said.value == {"color": "#0f0", "size": "s", "days": [2], "same": 2}


def test_what_may_be_null_and_must_be_there_is_null_where_it_is_left_empty() -> None:
    schema: dict[str, Json] = {
        "type": "object",
        "properties": {"count": {"type": ["integer", "null"]}, "other": {"type": ["integer", "null"]}},
        "required": ["count"],
    }
    sent, _ = answer(schema, {})
    assert sent.value == {"count": None}


def test_an_empty_object_is_edited_as_json() -> None:
    for schema in (None, {"type": "object", "properties": {}}):
        one, view = edit({}, schema)  # type: ignore[arg-type]
        assert submitted(one, view).value == {}
        assert submitted(one, view, JSON='{"a": 1}').value == {"a": 1}


LIST: dict[str, Json] = {
    "type": "object",
    "properties": {"to": {"type": "array", "items": {"type": "string"}}, "cc": {"type": "array", "items": {}}},
}


def test_a_list_of_texts_is_written_line_by_line() -> None:
    one, view = edit({"to": ["a@example.com", "b@example.com"], "cc": ["x"]}, LIST)
    to, cc = inputs_of(view)
    assert to["element"]["initial_value"] == "a@example.com\nb@example.com"
    assert to["element"]["multiline"]
    assert to["hint"]["text"] == "One in each line."
    assert cc["element"]["initial_value"] == '[\n  "x"\n]'
    assert submitted(one, view).value == {"to": ["a@example.com", "b@example.com"], "cc": ["x"]}
    assert submitted(one, view, to=" c \n\nd, e\n").value == {"to": ["c", "d, e"], "cc": ["x"]}
    assert submitted(one, view, to=None).value == {"to": [], "cc": ["x"]}


@pytest.mark.parametrize("odd", ["two\nlines", "", " space", "\u202e", 3])
def test_a_list_that_lines_cannot_hold_is_edited_as_json(odd: Json) -> None:
    one, view = edit({"to": ["a", odd]}, LIST)
    assert inputs_of(view)[0]["element"]["initial_value"].startswith("[")
    assert submitted(one, view).value == {"to": ["a", odd]}


def test_a_list_that_is_not_there_stays_away() -> None:
    assert answer(LIST, {})[0].value == {}
    assert answer(LIST, {"to": "a\nb"})[0].value == {"to": ["a", "b"]}


def test_what_nobody_edits_has_no_input_and_is_sent_as_it_is() -> None:
    payload: Json = {"type": "request", "message": "Ship it?", "actions": ["approve", "reject"], "version": "2.4"}
    asked = replace(ask(action(payload), kind=Kind.PAYLOAD, prompt="Ship it?"), payload=payload)
    one = approval(asked)
    view = form(one, Target(one.id, 0, 1), Choice.EDIT)
    assert [block["label"]["text"] for block in view["blocks"] if block["type"] == "input"] == ["version"]
    assert submitted(one, view, version="2.5").value == payload | {"version": "2.5"}  # type: ignore[operator]
