"""What a person sends is kept by a checkpoint as it is, or refused at its field."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from adapters.langgraph.dialects import Question, problems, read
from engine.asks.ask import Choice, Decision, unstorable

SERIALIZER = JsonPlusSerializer()
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None), max_size=4),
    lambda each: (
        st.lists(each, max_size=3) | st.dictionaries(st.text(st.characters(codec=None), max_size=3), each, max_size=3)
    ),
    max_leaves=8,
)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.promise("P4")
@given(JSON)
@example(2**64 - 1)
@example(2**64)
@example(-(2**63))
@example(-(2**63) - 1)
@example(nested(100))
@example("half \ud83d")
@example({"\ud83d": 1})
def test_what_is_said_to_be_storable_is_kept_to_the_letter(value: Any) -> None:
    kept = None
    try:
        kept = SERIALIZER.loads_typed(SERIALIZER.dumps_typed({"value": value}))
    except TypeError:
        assert list(unstorable(value))
    else:
        assert bool(list(unstorable(value))) == (repr(kept) != repr({"value": value}))


def test_what_is_nested_too_deeply_is_refused() -> None:
    assert not list(unstorable(nested(100)))
    (problem,) = unstorable(nested(101))
    assert "100 levels" in problem.sentence


@pytest.mark.promise("P4")
def test_what_a_checkpoint_cannot_hold_is_refused_at_its_field() -> None:
    ask = read(Question({"action_request": {"action": "pay", "args": {"n": 1}}, "config": {"allow_edit": True}}))
    found = problems(ask, 0, Decision(Choice.EDIT, value={"n": 10**29}))
    assert [(each.path, "too large" in each.sentence) for each in found] == [(("n",), True)]
    assert not problems(ask, 0, Decision(Choice.EDIT, value={"n": 2**64 - 1}))
