"""Any Python value is shown, the same in every process, and edits are offered only where they mean what they show."""

import dataclasses
import enum
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import BaseModel

from adapters.langgraph.dialects.to_json import to_json
from engine.asks.ask import DEEPEST


@dataclasses.dataclass
class Point:
    x: int
    y: Any = None


class Model(BaseModel):
    name: str
    when: date


class Colour(enum.Enum):
    RED = "red"


class Pair(NamedTuple):
    left: int
    right: int


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError


class Thing:
    pass


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Point(1, Point(2)), {"x": 1, "y": {"x": 2, "y": None}}),
        (Model(name="a", when=date(2026, 1, 2)), {"name": "a", "when": "2026-01-02"}),
        (HumanMessage("hi"), {"content": "hi", "type": "human"}),
        (AIMessage("", tool_calls=[{"name": "t", "args": {}, "id": "1"}]).tool_calls[0]["name"], "t"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (timedelta(minutes=5), "0:05:00"),
        (b"\x00\xff", "AP8="),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"b", "a"}), ["a", "b"]),
        ((1, [2]), [1, [2]]),
        (Pair(1, 2), [1, 2]),
        (Colour.RED, "red"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (Decimal("1.50"), "Decimal('1.50')"),
        (UUID(int=1), "UUID('00000000-0000-0000-0000-000000000001')"),
        ({1: "a", None: "b"}, {"1": "a", "None": "b"}),
        ("a\ud800", "a\\ud800"),
        (Broken(), "(Broken)"),
        (Thing, "Thing"),
    ],
)
def test_what_is_not_json_is_shown_and_not_edited(value: Any, shown: Any) -> None:
    found = to_json(value)
    assert found.value == shown
    assert found.exact is (type(value) is str and value == shown)


def test_an_object_is_shown_without_its_address() -> None:
    assert to_json(Thing()) == to_json(Thing())
    assert "0x" not in str(to_json(Thing()).value)


def test_a_cycle_ends() -> None:
    value: dict[str, Any] = {"a": []}
    value["a"].append(value)
    assert to_json(value).value == {"a": ["(contains itself)"]}


def test_the_same_value_twice_is_no_cycle() -> None:
    shared = [1]
    assert to_json([shared, shared]).value == [[1], [1]]
    assert to_json([shared, shared]).exact


def test_fifty_levels_are_shown_and_a_thousand_are_cut_with_a_note() -> None:
    def nested(levels: int) -> Any:
        value: Any = "bottom"
        for _ in range(levels):
            value = [value]
        return value

    assert to_json(nested(50)).value == nested(50)
    assert to_json(nested(50)).exact
    deep = to_json(nested(1000))
    assert not deep.exact
    assert f"nested more than {DEEPEST} levels deep" in json.dumps(deep.value)


def test_two_hundred_kilobytes_are_kept_whole() -> None:
    value = {"log": "x" * 200_000, "lines": [f"line {n}" for n in range(5_000)]}
    assert to_json(value).value == value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_json_stays_as_it_is(value: Any) -> None:
    found = to_json(value)
    assert found.exact
    assert found.value == value
    assert json.loads(json.dumps(found.value)) == value
