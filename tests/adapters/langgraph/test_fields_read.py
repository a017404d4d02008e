"""Which fields of a state a `reply:` reads: the others are neither converted nor looked at."""

from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.langgraph.messages.fields_read import fields_read
from adapters.langgraph.messages.replies import Replies

EXPRESSIONS = {
    "a": {"a"},
    "a.b": {"a"},
    "a[-1].b": {"a"},
    "a[?b == 'x'] | [-1].b": {"a"},
    "a[?b == 'x'].b | [0]": {"a"},
    "a[].b": {"a"},
    "a.*.b": {"a"},
    "a[1:].b": {"a"},
    "a || b.c": {"a", "b"},
    "a && !c": {"a", "c"},
    "a == b": {"a", "b"},
    "join(', ', a[*].b)": {"a"},
    "sort_by(a, &b)[0].b": {"a"},
    "not_null(a, b, `null`)": {"a", "b"},
    "{x: a, y: b.c}": {"a", "b"},
    "[a, b]": {"a", "b"},
    "`1`": set(),
    '"a b"': {"a b"},
    "@": None,
    "@.a": None,
    "*": None,
    "[0]": None,
    "keys(@)": None,
    "a || keys(@)": None,
    "[a, @]": None,
    "map(&b, values(@))": None,
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["x", "y"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=12,
)
STATES = st.dictionaries(st.sampled_from(["a", "b", "c", "a b", "d"]), VALUES, max_size=5)


@pytest.mark.parametrize(("expression", "fields"), EXPRESSIONS.items())
def test_the_fields_are_those_that_the_expression_names_first(expression: str, fields: set[str] | None) -> None:
    assert fields_read(jmespath.compile(expression)) == fields


@given(st.sampled_from([*EXPRESSIONS]), STATES)
def test_an_expression_finds_the_same_without_the_other_fields(expression: str, state: dict[str, Any]) -> None:
    compiled = jmespath.compile(expression)
    fields = fields_read(compiled)
    kept = {name: each for name, each in state.items() if fields is None or name in fields}
    assert _found(compiled, kept) == _found(compiled, state)


def _found(compiled: Any, state: Any) -> Any:
    try:
        return compiled.search(state)
    except jmespath.exceptions.JMESPathError as error:
        return type(error)


class Shown:
    """A value that counts how often it is converted."""

    times = 0

    def __repr__(self) -> str:
        Shown.times += 1
        return "shown"


def test_a_reply_converts_only_what_it_reads() -> None:
    state = {"status": {"text": "done"}, "big": Shown(), "messages": [Shown()]}
    for reply in ("status.text", "status.content || status.text", "missing || status.text"):
        replies = Replies(reply)
        said, last = replies.utterance(state), replies.last_utterance(state)
        assert said is not None
        assert last is not None
        assert (said.text, last.text) == ("done", "done")
    assert Shown.times == 0
    Replies("*").utterance(state)
    assert Shown.times == 2
