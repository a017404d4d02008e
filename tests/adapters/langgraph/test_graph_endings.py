"""What a turn ends with: words, a tool's answer, a structured response, a picked value, or nothing to say."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.language_models import BaseChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.func import entrypoint
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import interrupt
from pydantic import BaseModel
from support.graph_talk import APPROVE, talking, words


class Scripted(GenericFakeChatModel):
    """Says what it is given, in order."""

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Any:
        del tools
        return self


def model(*says: AIMessage) -> BaseChatModel:
    return Scripted(messages=iter(says))


def call(name: str, number: int = 1, **args: Any) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": f"c{number}"}])


@tool(return_direct=True)
def weather(place: str) -> str:
    """Look out of the window."""
    return f"Rain in {place}."


class Trip(BaseModel):
    """Where somebody goes."""

    place: str
    days: int = 2
    stops: list[str] = []


@dataclass
class TripOfDataclass:
    """Where somebody goes."""

    place: str
    days: int = 2


TRIP_SCHEMA = {
    "title": "Trip",
    "description": "A trip",
    "type": "object",
    "properties": {"place": {"type": "string"}},
    "required": ["place"],
}


def writes(*messages: Any) -> Any:
    """A graph whose one node adds these."""
    builder = StateGraph(MessagesState)
    builder.add_node("node", lambda _: {"messages": list(messages)})
    builder.add_edge(START, "node").add_edge("node", END)
    return builder


async def said(graph: Any, **spec: Any) -> str | None:
    async with talking(graph, **spec) as talk:
        end = await talk.say("go")
        assert end.ended
        assert end.reply is None or end.reply == (await talk.settle()).reply
        assert (await talk.settle()).ended == end.ended
        return end.reply.text if end.reply else None


async def test_the_answer_of_a_tool_that_returns_directly_is_said() -> None:
    agent = create_agent(model(call("weather", place="Porto")), tools=[weather])
    assert await said(agent) == "Rain in Porto."


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (Trip, "- **place:** Porto\n- **days:** 3\n- **stops:** Braga, Faro"),
        (TRIP_SCHEMA, "- **place:** Porto\n- **days:** 3\n- **stops:** Braga, Faro"),
        (TripOfDataclass, "- **place:** Porto\n- **days:** 3"),
    ],
)
async def test_a_structured_response_of_a_tool_is_said_field_by_field(schema: Any, text: str) -> None:
    args: dict[str, Any] = {"place": "Porto", "days": 3}
    args |= {} if schema is TripOfDataclass else {"stops": ["Braga", "Faro"]}
    name = "Trip" if schema is not TripOfDataclass else "TripOfDataclass"
    agent = create_agent(model(call(name, **args)), tools=[], response_format=ToolStrategy(schema))
    assert await said(agent) == text


async def test_a_structured_response_of_the_provider_is_said_field_by_field() -> None:
    agent = create_agent(
        model(AIMessage('{"place": "Porto", "days": 3}')), tools=[], response_format=ProviderStrategy(Trip)
    )
    assert await said(agent) == "- **place:** Porto\n- **days:** 3\n- **stops:** "


async def test_a_structured_response_of_an_earlier_turn_is_not_said_again() -> None:
    says = model(call("Trip", place="Porto"), call("weather", 2, place="Faro"))
    agent = create_agent(says, tools=[weather], response_format=ToolStrategy(Trip))
    async with talking(agent) as talk:
        first = await talk.say("go")
        assert first.reply is not None
        assert first.reply.text.startswith("- **place:** Porto")
        second = await talk.say("and the weather?")
        assert second.reply is not None
        assert second.reply.text == "Rain in Faro."


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ([AIMessage("")], None),
        ([AIMessage([])], None),
        ([AIMessage([{"type": "reasoning", "reasoning": "hm"}])], None),
        ([], None),
        ([SystemMessage("be brief")], None),
        ([AIMessage("Looked."), HumanMessage("and then?")], None),
        ([AIMessage("I looked.", id="a"), AIMessage("")], "I looked."),
        ([HumanMessage("It is 42.", name="researcher")], "It is 42."),
        ([HumanMessage("It is 42.", name="user")], None),
        ([AIMessage("Go on."), HumanMessage("It is 42.", name="researcher"), AIMessage("")], "It is 42."),
        ([call("look"), ToolMessage("42", tool_call_id="c1")], "42"),
        ([call("look"), ToolMessage("42", tool_call_id="c1"), AIMessage("")], "42"),
        ([call("look"), ToolMessage("", tool_call_id="c1")], None),
        (
            [call("look"), ToolMessage('{"closed": true, "by": "T1"}', tool_call_id="c1")],
            "- **closed:** Yes\n- **by:** T1",
        ),
        ([call("look"), ToolMessage("{not JSON}", tool_call_id="c1")], "{not JSON}"),
        ([call("look"), ToolMessage([{"type": "text", "text": "42"}], tool_call_id="c1")], "42"),
        (
            [
                AIMessage("", tool_calls=[*call("a").tool_calls, *call("b", 2).tool_calls]),
                ToolMessage("one", tool_call_id="c1"),
                ToolMessage("two", tool_call_id="c2"),
            ],
            "one\n\ntwo",
        ),
    ],
)
async def test_a_turn_ends_with_the_last_that_was_said_in_it(messages: list[Any], text: str | None) -> None:
    assert await said(writes(*messages)) == text


class Value(TypedDict, total=False):
    text: str
    result: Any


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("", None),
        ([], None),
        ({}, None),
        (0, "0"),
        (2.5, "2.5"),
        (False, "No"),
        (True, "Yes"),
        (["a", 2, False], "- a\n- 2\n- No"),
        ([{"a": 1}], '- `{"a":1}`'),
        ({"a": "b", "c": [1, 2], "d": {"e": None}}, '- **a:** b\n- **c:** 1, 2\n- **d:** `{"e":null}`'),
        (Trip(place="Porto"), "- **place:** Porto\n- **days:** 2\n- **stops:** "),
        ([{"type": "text", "text": "Hello"}], "Hello"),
    ],
)
async def test_a_value_that_reply_picks_is_said_readably(value: Any, text: str | None) -> None:
    builder = StateGraph(Value)
    builder.add_node("node", lambda _: {"result": value})
    builder.add_edge(START, "node").add_edge("node", END)
    assert await said(builder, input={"text": "$text"}, reply="result") == text


class Counted(TypedDict, total=False):
    text: str
    done: bool
    messages: Annotated[list[Any], add_messages]


async def test_a_flag_is_no_remark_while_the_graph_waits() -> None:
    def ask(state: Counted) -> Counted:  # noqa: ARG001 - LangGraph names it
        interrupt("which one?")
        return {"done": True}

    builder = StateGraph(Counted)
    builder.add_node("begin", lambda _: {"done": False})
    builder.add_node(ask)
    builder.add_edge(START, "begin").add_edge("begin", "ask")
    async with talking(builder, input={"text": "$text"}, reply="done") as talk:
        paused = await talk.say("go")
        assert paused.reply is None
        assert not paused.ended
        end = await talk.answer(paused.asked[0], words("yes"))
        assert end.reply is not None
        assert end.reply.text == "Yes"


@pytest.mark.parametrize(("answer", "reply"), [("all", "Sent."), ("nobody", None)])
async def test_the_persons_own_words_are_not_said_back(answer: str, reply: str | None) -> None:
    def send(state: Counted) -> Counted:  # noqa: ARG001 - LangGraph names it
        return {"text": "Sent."} if interrupt("To whom?") == "all" else {}

    builder = StateGraph(Counted)
    builder.add_node(send)
    builder.add_edge(START, "send")
    async with talking(builder, input={"text": "$text"}, reply="text") as talk:
        for _ in range(2):  # the second time, another reply is in the state
            paused = await talk.say("the offer to Meyer")
            assert paused.reply is None
            end = await talk.answer(paused.asked[0], words(answer))
            assert (end.reply.text if end.reply else None) == reply


async def test_a_message_of_an_earlier_turn_is_not_said_again() -> None:
    says = iter([[AIMessage("Hello.")], []])
    builder = StateGraph(Counted)
    builder.add_node("node", lambda _: {"messages": next(says)})
    builder.add_edge(START, "node")
    async with talking(builder, input={"text": "$text"}) as talk:
        first, second = await talk.say("one"), await talk.say("two")
        assert first.reply is not None
        assert first.reply.text == "Hello."
        assert second.reply is None
        assert second.ended not in ("", first.ended)


async def test_what_was_said_while_the_graph_waited_is_the_same_reply_at_the_end() -> None:
    def publish(state: MessagesState) -> MessagesState:  # noqa: ARG001 - LangGraph names it
        interrupt({"question": "Publish?"})
        return {"messages": []}

    builder = StateGraph(MessagesState)
    builder.add_node("draft", lambda _: {"messages": [AIMessage("A draft.")]})
    builder.add_node(publish)
    builder.add_edge(START, "draft").add_edge("draft", "publish")
    async with talking(builder) as talk:
        paused = await talk.say("go")
        assert paused.reply is not None
        end = await talk.answer(paused.asked[0], APPROVE)
        assert end.reply == paused.reply, "which is said once, so the outbox says that it is done"
        assert end.ended


async def test_a_person_whom_input_gives_a_name_is_not_repeated() -> None:
    given = {"messages": [{"role": "user", "content": "$text", "name": "$user"}]}
    assert await said(writes(), input=given) is None
    assert await said(writes(AIMessage("Hello.")), input=given) == "Hello."


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        ("It is 42.", "It is 42."),
        (AIMessage("It is 42."), "It is 42."),
        ([AIMessage("Hm."), AIMessage("It is 42.")], "It is 42."),
        ({"role": "assistant", "content": "It is 42."}, "It is 42."),
        ({"messages": [HumanMessage("go"), AIMessage("It is 42.")]}, "It is 42."),
        ({"essay": "Cats.", "score": 1}, "- **essay:** Cats.\n- **score:** 1"),
        (Trip(place="Porto"), "- **place:** Porto\n- **days:** 2\n- **stops:** "),
        ([HumanMessage("go")], None),
        ({"messages": []}, None),
        (None, None),
    ],
)
async def test_a_workflow_says_what_it_returned(returned: Any, text: str | None) -> None:
    @entrypoint()
    def workflow(_: Any) -> Any:
        return returned

    assert await said(workflow) == text
