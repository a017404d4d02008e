"""`answers:` that cannot fit a graph is said before anybody is asked, and nothing is said that is not known."""

from typing import Any

import pytest
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

from adapters.langgraph.dialects import AnswerRule
from adapters.langgraph.loading.answers_fit import unfit_entries
from adapters.langgraph.reading import read_graph
from engine.asks.ask import Choice

pytestmark = pytest.mark.promise("P10")


def review(state: MessagesState) -> None:
    interrupt(
        {"type": "refund_review", "order": state["messages"], "lines": ["a", "b"], "call": {"args": {"city": "x"}}}
    )


def ask(state: MessagesState) -> None:  # noqa: ARG001 - LangGraph names it
    interrupt("Which city?")


def made(state: MessagesState) -> None:
    interrupt(dict(state["messages"][0]))


def told(*rules: AnswerRule) -> list[str]:
    builder = StateGraph(MessagesState)
    for node in (review, ask, made):
        builder.add_node(node)
        builder.add_edge(START, node.__name__)
    return [*unfit_entries(rules, [node.__name__ for node in (review, ask, made)], read_graph(builder.compile()).all())]


def rule(node: str | None, value: Any, **payload: Any) -> AnswerRule:
    return AnswerRule(node, payload, {Choice.APPROVE: {"resume": value, "update": None}})


@pytest.mark.parametrize(
    "value",
    [
        "$value",
        "$value.order",
        "$value.order.total",
        "$value.lines[1]",
        "$value.city",
        "$value.args.city",
        "$$value.no",
    ],
)
def test_what_may_be_there_is_not_held_against_an_entry(value: str) -> None:
    assert told(rule("review", {"is": [value]})) == []


@pytest.mark.parametrize(
    "value", ["$value.total", "$value.lines[2]", "$value.type.x", "$value.lines.first", "$value[0].x"]
)
def test_a_pick_of_what_no_request_has_is_said(value: str) -> None:
    (sentence,) = told(rule("review", {"is": f"so: {value}"}))
    assert sentence.startswith(f"answers[0].approve: {value} picks a value that is not in the request (test_rule_fit")
    assert sentence.endswith("so this choice will not be offered. It has type, order, lines, call.")


def test_only_the_requests_that_an_entry_is_for_count() -> None:
    assert told(rule("made", "$value.total")) == []
    assert told(rule("review", "$value.total", type="other")) == []
    assert len(told(rule("review", "$value.total", type="refund_*"))) == 1
    assert len(told(rule("ask", "$value.city"))) == 1
    assert told(rule(None, "$value.city")) == []


def test_an_option_is_looked_at_as_well() -> None:
    option = AnswerRule("review", {}, {}, options={"escalate": {"resume": "$value.total"}})
    assert told(option)[0].startswith("answers[0].options.escalate: $value.total picks")


def test_a_node_that_is_not_there_is_said() -> None:
    assert told(rule("reviw", 1), rule("mad*", 1)) == [
        'answers[0].when.node: the graph has no node "reviw". Did you mean "review"?'
    ]
