"""Payloads as graphs really send them: long, deep, empty, not JSON; each is asked, and asked the same by every read."""

import dataclasses
import enum
from datetime import UTC, datetime
from typing import Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel
from support.graph_talk import APPROVE, REJECT, edit, error_of, talking, words

from engine.asks.ask import Choice


class State(TypedDict, total=False):
    text: str
    answer: Any


@dataclasses.dataclass
class Order:
    number: int
    placed: datetime


class Refund(BaseModel):
    amount: int


class Size(enum.Enum):
    SMALL = "small"


def nested(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = {"in": value}
    return value


def asking(payload: Any) -> StateGraph[Any, Any, Any, Any]:
    def ask(state: State) -> State:  # noqa: ARG001 - LangGraph names it
        return {"answer": interrupt(payload)}

    return StateGraph(State).add_node("ask", ask).add_edge(START, "ask")


ODD = {
    "dataclass": Order(1, datetime(2026, 1, 2, tzinfo=UTC)),
    "model": {"refund": Refund(amount=3)},
    "message": AIMessage("hi", tool_calls=[{"name": "t", "args": {"a": 1}, "id": "1"}]),
    "messages": [HumanMessage("a"), AIMessage("b")],
    "bytes": {"raw": b"\x00\xff"},
    "set": {"names": {"a", "b", "c"}},
    "not a number": {"n": float("nan")},
    "enum": {"size": Size.SMALL},
    "keys": {1: "one"},
}
JSON = {
    "long": {"log": "x" * 200_000},
    "deep": nested(50),
    "nothing": None,
    "empty": {},
    "no text": "",
    "markup": {"text": "<!channel> *_~ \u202e\u200b <http://a|b>"},
    "number": 0,
}


@pytest.mark.promise("P4")
@pytest.mark.parametrize("name", [*ODD, *JSON])
async def test_every_payload_is_asked_the_same_by_every_read_and_answered(name: str) -> None:
    payload = {**ODD, **JSON}[name]
    async with talking(asking(payload), input={"text": "$text"}) as talk:
        (asked,) = (await talk.say()).asked
        assert (await talk.settle()).asked == (asked,)
        choices = asked.ask.actions[0].choices
        if name in ODD:
            assert Choice.EDIT not in choices
        decision = APPROVE if Choice.APPROVE in choices else words("an answer")
        assert error_of(await talk.answer(asked, decision)) == ""


@pytest.mark.parametrize("name", ["long", "deep", "markup"])
async def test_what_is_json_is_shown_whole_and_can_be_edited(name: str) -> None:
    async with talking(asking(JSON[name]), input={"text": "$text"}, reply="answer.changed") as talk:
        (asked,) = (await talk.say()).asked
        assert asked.ask.actions[0].value == JSON[name]
        end = await talk.answer(asked, edit({"changed": "yes"}))
        assert end.reply is not None
        assert end.reply.text == "yes"


async def test_a_rejection_is_false() -> None:
    async with talking(asking({"size": 1}), input={"text": "$text"}, reply="answer == `false` && 'refused'") as talk:
        (asked,) = (await talk.say()).asked
        end = await talk.answer(asked, REJECT)
        assert end.reply is not None
        assert end.reply.text == "refused"
