"""docs/patterns.md says how the answers of each pattern are known; it is compared with what is read of its graphs."""

import re
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from adapters.langgraph.agents import AgentSpec
from adapters.langgraph.dialects import AnswerRule
from adapters.langgraph.in_process.graphs import LocalGraphs
from engine.asks.ask import Choice, KnownBy
from engine.ids import AgentName

GRAPHS = Path(__file__).parent / "graphs"
PAGE = Path(__file__).parents[2] / "docs" / "patterns.md"
WORDS = {
    "code": KnownBy.CODE,
    "library": KnownBy.LIBRARY,
    "schema": KnownBy.SCHEMA,
    "payload": KnownBy.HINT,
    "`answers:`": KnownBy.RULE,
}
OF = {
    2: ("yes_or_no", "plain_approval"),
    3: ("text_to_revise", "review_content", "summary_to_edit"),
    4: ("review_tool_call", "assistant", "per_tool", "inbox", "gated_tools", "query", "human_assistance"),
    5: ("typed_booking", "form", "verdict_form"),
    6: ("collect_age", "number_please"),
    7: ("travel_advisors", "human_per_agent", "active_agent", "advisers"),
    8: ("three_reviews", "fan_out"),
    9: ("team",),
    10: ("functional_review", "essay"),
    11: ("compiled_rollout",),
    13: ("human_feedback",),
    14: ("own_words",),
    18: ("payment",),
    20: ("letter_review",),
}
MADE_LATER = {5: {KnownBy.LIBRARY}}
"""What only a payload tells that is made while the graph runs: an MCP server's request."""
ANSWERS = {
    "human_feedback": AnswerRule("human_feedback", {}, {Choice.ANSWER: {"update": {"user_feedback": "$text"}}}),
    "own_words": AnswerRule("review", {}, {Choice.APPROVE: {"resume": {"verdict": "yes"}}}),
}


def told() -> dict[int, set[KnownBy]]:
    """What the page says, by the number of the pattern."""
    rows = re.findall(r"^\| (\d+)\. [^|]+\| ([^|]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        int(number): {WORDS[re.split(r"[,:;](?!`)", part.strip())[0]] for part in how.split("; ")}
        for number, how in rows
    }


async def known(graph: str) -> set[KnownBy]:
    rules = (ANSWERS[graph],) if graph in ANSWERS else ()
    spec = AgentSpec(f"{graph}.py:graph", GRAPHS, answers=rules)
    graphs = await LocalGraphs.open({AgentName("a"): spec}, InMemorySaver())
    try:
        return {card.known_by for each in graphs.foreseen(AgentName("a")) for card in each.cards}
    finally:
        await graphs.aclose()


@pytest.mark.parametrize("number", OF)
async def test_the_page_says_how_the_answers_of_a_pattern_are_known(number: int) -> None:
    found = {graph: await known(graph) for graph in OF[number]}
    assert all(found.values()), found
    assert set().union(*found.values()) == told()[number] - MADE_LATER.get(number, set()), found


def test_every_pattern_with_answers_is_listed() -> None:
    patterns = re.findall(r"^## (\d+)\. ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    without = {15, 16, 17}  # they ask as the other patterns do
    assert set(map(int, patterns)) - without == told().keys()
