"""`reply:` as it is inferred from graphs of many shapes, each run with it as a turn is: what the person then reads."""

import dataclasses
import operator
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypedDict

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.func import entrypoint
from langgraph.graph import END, START, MessagesState, StateGraph, add_messages
from langgraph.types import Command
from pydantic import BaseModel
from support.graph_talk import talking

from adapters.langgraph.projects.inputs import input_guess
from adapters.langgraph.projects.replies import reply_guess

ASKED = "ship billing 2.4"
REPORT = "- **title:** SHIP BILLING 2.4\n- **pages:** 2\n- **urgent:** No"


def steps(state: Any, *nodes: Callable[[Any], Any], **more: Any) -> Any:
    named: Any = [(f"step{number}", each) for number, each in enumerate(nodes)]
    return StateGraph(state, **more).add_sequence(named).add_edge(START, "step0").compile()


class Several(TypedDict):
    question: str
    sources: list[str]
    confidence: float
    answer: str
    log: Annotated[list[str], operator.add]


class Verdict(TypedDict):
    summary: str
    score: int


class Judged(TypedDict):
    request: str
    verdict: Verdict


class Report(BaseModel):
    title: str
    pages: int
    urgent: bool = False


class Reported(TypedDict):
    topic: str
    report: Report


class Same(TypedDict):
    text: str


class Cleaned(TypedDict):
    question: str
    language: str


class Planned(TypedDict):
    goal: str
    steps: list[str]


class Flagged(TypedDict):
    request: str
    accepted: bool


class Talked(TypedDict):
    conversation: Annotated[list[AnyMessage], add_messages]


class Plain(TypedDict):
    messages: list[Any]


class Both(MessagesState):
    answer: str


class Foreign(TypedDict):
    query: str
    foo: str
    bar: str


class Late(TypedDict):
    topic: str
    final_report: str
    status: str


@dataclasses.dataclass
class Data:
    question: str
    answer: str = ""


class Loose(TypedDict):
    question: str
    output: dict[str, Any]


class Routed(TypedDict):
    ticket: str
    team: Literal["billing", "support"]


@entrypoint()
def returns_text(topic: str) -> str:
    return f"about {topic}"


@entrypoint()
def returns_a_dict(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"request": inputs["request"], "plan": f"first {inputs['request'][:4]}", "cost": 3}


@entrypoint()
def returns_a_model(request: str) -> Report:
    return Report(title=request.upper(), pages=2)


@entrypoint()
def returns_and_saves(request: str) -> entrypoint.final[str, int]:
    return entrypoint.final(value=f"did {request[:4]}", save=1)


def inner(_state: Several) -> Any:
    return {"answer": "within"}


SUBGRAPH = steps(Several, inner)

SHAPES: Mapping[str, tuple[Any, str]] = {
    "messages as dicts": (
        steps(MessagesState, lambda _: {"messages": [{"role": "assistant", "content": "shipped"}]}),
        "shipped",
    ),
    "a list of messages without a reducer": (
        steps(Plain, lambda state: {"messages": [*state["messages"], {"role": "assistant", "content": "shipped"}]}),
        "shipped",
    ),
    "messages by another name": (steps(Talked, lambda _: {"conversation": [AIMessage("shipped")]}), "shipped"),
    "content in blocks": (
        steps(MessagesState, lambda _: {"messages": [AIMessage([{"type": "text", "text": "shipped"}])]}),
        "shipped",
    ),
    "a tool's message at the end": (
        steps(MessagesState, lambda _: {"messages": [ToolMessage("shipped", tool_call_id="1")]}),
        "shipped",
    ),
    "an agent that speaks as a person": (
        steps(MessagesState, lambda _: {"messages": [HumanMessage("shipped", name="shipper")]}),
        "shipped",
    ),
    "messages that are only read": (
        steps(Both, lambda state: {"answer": f"re: {len(state['messages'])}"}),
        "re: 1",
    ),
    "several fields": (
        steps(
            Several,
            lambda state: {"sources": ["a"], "log": [state["question"]]},
            lambda _: {"answer": "shipped", "confidence": 0.9, "log": ["done"]},
        ),
        "shipped",
    ),
    "a command": (
        steps(Several, lambda _: Command(update={"answer": "shipped", "confidence": 1.0}, goto=END)),
        "shipped",
    ),
    "a subgraph": (
        StateGraph(Several).add_node("sub", SUBGRAPH).add_edge(START, "sub").compile(),
        "within",
    ),
    "an answer before the last step": (
        steps(Late, lambda state: {"final_report": f"all of {state['topic'][:4]}"}, lambda _: {"status": "done"}),
        "all of ship",
    ),
    "names that say nothing": (
        steps(Foreign, lambda state: {"foo": state["query"]}, lambda _: {"bar": "shipped"}),
        "shipped",
    ),
    "an object with a text": (
        steps(Judged, lambda state: {"verdict": {"summary": f"fine: {state['request'][:4]}", "score": 3}}),
        "fine: ship",
    ),
    "an object, field by field": (
        steps(Reported, lambda state: {"report": Report(title=state["topic"].upper(), pages=2)}),
        REPORT,
    ),
    "any object": (
        steps(Loose, lambda state: {"output": {"done": True, "of": state["question"][:4]}}),
        "- **done:** Yes\n- **of:** ship",
    ),
    "a list": (steps(Planned, lambda _: {"steps": ["build", "ship"]}), "- build\n- ship"),
    "a flag": (steps(Flagged, lambda state: {"accepted": bool(state["request"])}), "Yes"),
    "one of two words": (
        steps(Routed, lambda state: {"team": "billing" if state["ticket"] else "support"}),
        "billing",
    ),
    "a dataclass": (steps(Data, lambda state: {"answer": f"re: {state.question[:4]}"}), "re: ship"),
    "a text that the graph writes anew": (steps(Same, lambda state: {"text": f"<{state['text']}>"}), f"<{ASKED}>"),
    "a workflow that returns a text": (returns_text, f"about {ASKED}"),
    "a workflow that returns the words too": (returns_a_dict, "first ship"),
    "a workflow that returns a model": (
        returns_a_model,
        REPORT,
    ),
    "a workflow that saves something else": (returns_and_saves, "did ship"),
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_the_person_reads_the_answer(shape: str) -> None:
    graph, answer = SHAPES[shape]
    given = input_guess(graph)
    assert given.missing == ()
    reply = reply_guess(graph, given.value)
    async with talking(graph, input=given.value, reply=reply.value) as talk:
        result = await talk.say(ASKED)
    assert (result.reply.text if result.reply else "") == answer, reply


SILENT: Mapping[str, Any] = {
    "the words, cleaned": steps(Cleaned, lambda state: {"question": state["question"].strip(), "language": "en"}),
    "the words alone": steps(Same, lambda state: {"text": state["text"]}),
    "messages that end with the person's": steps(MessagesState, lambda _: {}),
    "the words in a list of messages": steps(Plain, lambda state: {"messages": [*state["messages"]]}),
}


@pytest.mark.parametrize("shape", SILENT)
async def test_the_persons_own_words_are_not_said_back(shape: str) -> None:
    graph = SILENT[shape]
    given = input_guess(graph)
    assert given.missing == ()
    reply = reply_guess(graph, given.value)
    async with talking(graph, input=given.value, reply=reply.value) as talk:
        result = await talk.say(ASKED)
    assert result.error == ""
    assert ASKED not in (result.reply.text if result.reply else ""), reply
