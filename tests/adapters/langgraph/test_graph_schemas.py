"""Why a value does not fit, in words, beside its field."""

from decimal import Decimal
from typing import Annotated, Any

import pytest
from langchain_core.tools import tool
from pydantic import BaseModel, Field

from adapters.langgraph.dialects.json_schema import check, inferred, resolved, values_of
from adapters.langgraph.guards.tool_args import schema_of
from engine.asks.ask import Json


@pytest.mark.parametrize(
    ("schema", "value", "path", "sentence"),
    [
        ({"type": "integer"}, "x", (), "This must be a whole number."),
        ({"type": ["integer", "null"]}, "x", (), "This must be a whole number or empty."),
        ({"enum": ["a", "b"]}, "x", (), "This must be one of: a, b."),
        ({"const": "a"}, "x", (), "This must be a."),
        ({"minimum": 1}, 0, (), "This must be at least 1."),
        ({"maximum": 1}, 2, (), "This must be at most 1."),
        ({"exclusiveMinimum": 0}, 0, (), "This must be more than 0."),
        ({"exclusiveMaximum": 0}, 0, (), "This must be less than 0."),
        ({"minLength": 1}, "", (), "This is needed."),
        ({"minLength": 3}, "a", (), "This must have at least 3 characters."),
        ({"maxLength": 3}, "abcd", (), "This must have at most 3 characters."),
        ({"pattern": "^a$"}, "b", (), "This must match the pattern ^a$."),
        ({"required": ["a"]}, {}, ("a",), "This is needed."),
        (
            {"properties": {"a": {}}, "additionalProperties": False},
            {"b": 1},
            (),
            "Unknown field. Known fields: a.",
        ),
        ({"properties": {"a": {"items": {"type": "string"}}}}, {"a": ["x", 1]}, ("a", 1), "This must be text."),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "x", (), None),
        ({"minItems": 2}, [1], (), "At least 2 are needed."),
        ({"minItems": 1}, [], (), "This is needed."),
        ({"maxItems": 1}, [1, 2], (), "Give at most 1."),
        ({"uniqueItems": True}, [1, 1], (), "[1, 1] has non-unique elements."),
        ({"format": "date"}, "2026-02-30", (), "This must be a date, such as 2026-03-04."),
        ({"format": "date"}, "20260304", (), "This must be a date, such as 2026-03-04."),
        ({"format": "date-time"}, "2026-03-04", (), "This must be a date and a time, such as 2026-03-04T15:30:00."),
        ({"format": "time"}, "25:00", (), "This must be a time, such as 15:30."),
        ({"format": "email"}, "alice at home", (), "This must be an email address."),
        ({"format": "uri"}, "example.com", (), "This must be a web address, such as https://example.com."),
        ({"format": "uuid"}, "7", (), "'7' is not a 'uuid'."),
        ({"multipleOf": 0.01}, 1.105, (), "This must be a multiple of 0.01."),
        ({"format": "decimal"}, "ten", (), "This must be a number, such as 1.50."),
    ],
)
def test_each_fault_has_a_sentence(schema: Any, value: Any, path: Any, sentence: str | None) -> None:
    (problem,) = check(value, schema)
    assert problem.path == path
    assert problem.sentence.endswith(".")
    assert sentence is None or problem.sentence == sentence


@pytest.mark.parametrize(
    ("format_", "value"),
    [
        ("date", "2026-03-04"),
        ("date-time", "2026-03-04T15:30:00Z"),
        ("time", "15:30"),
        ("time", "00:00"),
        ("email", "alice@example.com"),
        ("uri", "https://example.com/a?b=c"),
        ("uri", "mailto:alice@example.com"),
        ("uuid", "12345678-1234-5678-1234-567812345678"),
        ("duration", "whatever is not checked"),
        ("date", 7),
    ],
)
def test_what_has_its_format_passes(format_: str, value: Any) -> None:
    assert check(value, {"format": format_}) == []


def test_every_missing_field_is_told() -> None:
    found = check({}, {"required": ["a", "b"]})
    assert [each.path for each in found] == [("a",), ("b",)]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"$ref": "#/nowhere"},
        {"$ref": "http://127.0.0.1:9/x"},
        {"if": {"$ref": "#"}},
        {"anyOf": [{"$ref": "#"}]},
        {},
    ],
)
def test_a_broken_schema_refuses_nobody(schema: Any) -> None:
    def below(frames: int) -> None:
        """A schema that refers to itself ends where the stack does: wherever that is, it is no more than an error."""
        assert check({"a": 1}, schema) == []
        if frames:
            below(frames - 1)

    below(30)


def test_what_values_say_of_their_types() -> None:
    assert inferred({"a": 1, "b": [True], "c": [1, "x"], "d": None, "e": 1.5}) == {
        "type": "object",
        "properties": {
            "a": {"type": "integer"},
            "b": {"type": "array", "items": {"type": "boolean"}},
            "c": {"type": "array"},
            "d": {},
            "e": {"type": "number"},
        },
        "additionalProperties": True,
    }


def test_a_reference_is_followed_and_keeps_the_definitions() -> None:
    root: dict[str, Json] = {"$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"type": "string"}}}
    assert resolved({"$ref": "#/$defs/A"}, root)["type"] == "string"
    assert resolved({"$ref": "#/$defs/A"}, root)["$defs"] == root["$defs"]
    assert "type" not in resolved({"$ref": "#/$defs/C"}, root)


def test_the_values_of_a_choice() -> None:
    assert values_of({"enum": [1, 2]}) == [1, 2]
    assert values_of({"oneOf": [{"const": "a"}, {"const": "b"}]}) == ["a", "b"]
    assert values_of({"oneOf": [{"const": "a"}, {"type": "string"}]}) is None
    assert values_of({"type": "string"}) is None


class Payment(BaseModel):
    amount: Annotated[Decimal, Field(gt=0, le=100, multiple_of=Decimal("0.01"))]
    fee: Decimal | None = None


@pytest.mark.promise("P4")
def test_a_decimal_as_text_is_held_to_what_is_said_of_the_number() -> None:
    @tool(args_schema=Payment)
    def pay(amount: Decimal, fee: Decimal | None = None) -> str:
        """Pay."""
        return f"{amount} {fee}"

    schema = schema_of(pay)
    assert schema is not None
    for amount in ("1.10", "99.99", 1.1, 3, "1e1", 100):
        assert check({"amount": amount}, schema) == []
        assert pay.invoke({"amount": amount}) == f"{Decimal(str(amount))} None"
    for amount, sentence in (
        ("-5.00", "This must be more than 0"),
        ("100.00000000000000000001", "at most 100"),
        ("1.105", "a multiple of 0.01"),
        ("ten", "a number, such as 1.50"),
        ("1,50", "a number, such as 1.50"),
        ("NaN", "a number, such as 1.50"),
    ):
        assert sentence in " ".join(each.sentence for each in check({"amount": amount}, schema))
    assert check({"amount": 1, "fee": None}, schema) == []
    assert check({"amount": 1, "fee": "x"}, schema)


def test_a_step_is_met_exactly() -> None:
    assert not check(1.1, {"multipleOf": 0.01})
    assert not check(1e300, {"multipleOf": 1e-5})
    assert not check("x", {"multipleOf": 2})
    assert check(1.1, {"multipleOf": 0.2})


def test_a_schema_of_an_old_draft_is_read() -> None:
    old = {"$schema": "http://json-schema.org/draft-03/schema#", "type": "integer"}
    assert check("x", old)
    assert not check(1, old)
