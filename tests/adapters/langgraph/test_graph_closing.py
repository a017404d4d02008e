"""Before a new turn, tool calls that have no result are closed: providers refuse a talk with open ones, for ever."""

import asyncio
import json
import operator
import threading
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Annotated, Any, TypedDict

import pytest
from fakes.strict_model import BadRequestError, StrictModel, refuse_what_providers_refuse
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
    convert_to_messages,
    convert_to_openai_messages,
)
from langchain_core.tools import BaseTool, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode
from langgraph.types import interrupt
from pydantic import BaseModel
from support.graph_talk import REJECT, Talk, error_of, halt_of, talking

from engine.ports import RunResult


@tool
def broken(what: str) -> str:
    """Fail."""
    raise RuntimeError(f"no {what} today")


@tool
def working(what: str) -> str:
    """Work."""
    return f"{what} done"


@tool
async def hanging(what: str) -> str:
    """Never end."""
    await asyncio.Event().wait()
    return what


@tool
def asking(what: str) -> str:
    """Ask first."""
    interrupt({"question": f"{what}?"})
    return what


TOOLS = [broken, working, hanging, asking]


def calls(*names: str) -> AIMessage:
    """Ids that a model counts from the start in each message, as some do."""
    return AIMessage(
        "", tool_calls=[{"name": each, "args": {"what": each}, "id": f"c{n}"} for n, each in enumerate(names)]
    )


def script(messages: Sequence[BaseMessage]) -> AIMessage:
    """Calls the tools that a person names, and otherwise says what the tools gave."""
    last = messages[-1]
    if isinstance(last, HumanMessage):
        names = [each for each in str(last.content).split() if each in {tool.name for tool in TOOLS}]
        if names:
            return calls(*names)
    return AIMessage("; ".join(str(each.content) for each in messages if isinstance(each, ToolMessage)) or "hello")


MODEL = StrictModel(script=script)


def broken_once(ready: Callable[[], Awaitable[object]]) -> BaseTool:
    """`broken`, which fails only once something has happened beside it."""

    @tool("broken")
    async def late(what: str) -> str:
        """Fail."""
        await ready()
        raise RuntimeError(f"no {what} today")

    return late


class TellingSaver(InMemorySaver):
    """Tells that what a tool gave or asked is stored."""

    def __init__(self) -> None:
        super().__init__()
        self.stored = asyncio.Event()

    async def aput_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
        await super().aput_writes(config, writes, task_id, task_path)
        if "pregel_push" in task_path:
            self.stored.set()


def by_create_agent() -> Any:
    return create_agent(MODEL, tools=TOOLS)


class Chat(TypedDict):
    chat: Annotated[list[AnyMessage], add_messages]


class Joined(TypedDict):
    """Its reducer leaves the person's message as `input:` has it."""

    messages: Annotated[list[Any], operator.add]


class Typed(BaseModel):
    messages: Annotated[list[AnyMessage], add_messages]


def by_hand(schema: Any = MessagesState, key: str = "messages", **compiled: Any) -> Any:
    def think(state: Any) -> Any:
        found = state[key] if isinstance(state, dict) else getattr(state, key)
        return {key: [MODEL.invoke(convert_to_messages(found))]}

    def route(state: Any) -> str:
        found = state[key] if isinstance(state, dict) else getattr(state, key)
        return "tools" if found[-1].tool_calls else "__end__"

    builder = StateGraph(schema, **compiled)
    builder.add_node("think", think)
    builder.add_node("tools", ToolNode(TOOLS, messages_key=key, handle_tool_errors=False))
    builder.add_edge(START, "think").add_edge("tools", "think")
    builder.add_conditional_edges("think", route, ["tools", "__end__"])
    return builder.compile()


class Task(TypedDict, total=False):
    task: str


class TaskAndTalk(MessagesState, total=False):
    task: str


def of_a_provider() -> Any:
    """A talk in the provider's own form, which the graph sends as it is."""

    def think(state: Joined) -> Any:
        said = MODEL.invoke(convert_to_messages(state["messages"]))
        return {"messages": [convert_to_openai_messages(said)]}

    def run_tools(state: Joined) -> Any:
        made = state["messages"][-1]["tool_calls"]
        results = [{each.name: each for each in TOOLS}[call["function"]["name"]] for call in made]
        return {
            "messages": [
                {
                    "role": "tool",
                    "tool_call_id": call["id"],
                    "content": each.invoke(json.loads(call["function"]["arguments"])),
                }
                for call, each in zip(made, results, strict=True)
            ]
        }

    builder = StateGraph(Joined)
    builder.add_node("think", think)
    builder.add_node("tools", run_tools)
    builder.add_edge(START, "think").add_edge("tools", "think")
    builder.add_conditional_edges(
        "think", lambda state: "tools" if state["messages"][-1].get("tool_calls") else "__end__", ["tools", "__end__"]
    )
    return builder.compile()


def with_another_input() -> Any:
    """The talk is no part of the input: a node puts the task into it."""
    graph = by_hand(TaskAndTalk, input_schema=Task).builder
    graph.edges.discard((START, "think"))
    graph.add_node("begin", lambda state: {"messages": [HumanMessage(state["task"])]})
    graph.add_edge(START, "begin").add_edge("begin", "think")
    return graph.compile()


def below(**memory: Any) -> Any:
    """An agent as a node of another graph."""
    builder = StateGraph(MessagesState)
    builder.add_node("agent", create_agent(MODEL, tools=TOOLS, **memory))
    builder.add_edge(START, "agent")
    return builder.compile()


GRAPHS: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "create_agent": (by_create_agent, {}),
    "by hand": (by_hand, {}),
    "pydantic": (lambda: by_hand(Typed), {}),
    "another field": (
        lambda: by_hand(Chat, "chat"),
        {"input": {"chat": [{"role": "user", "content": "$text"}]}, "reply": "chat[-1].content"},
    ),
    "another reducer": (lambda: by_hand(Joined), {}),
    "another input": (with_another_input, {"input": {"task": "$text"}}),
    "a node": (below, {}),
    "a node with a memory": (lambda: below(checkpointer=True), {}),
}


async def talk_of(talk: Talk, key: str = "messages") -> list[str]:
    """The results that the thread has, and the messages it has in order for a provider."""
    graph = next(iter(talk.graphs._agents.values())).graph
    values = (await graph.aget_state({"configurable": {"thread_id": talk.thread}})).values
    messages = convert_to_messages(values[key])
    refuse_what_providers_refuse(messages)
    return [str(each.content) for each in messages if isinstance(each, ToolMessage)]


def reply_of(result: RunResult) -> str:
    assert not error_of(result), error_of(result)
    assert result.reply is not None
    return result.reply.text


@pytest.mark.parametrize("name", [*GRAPHS, "of a provider"])
async def test_after_a_failed_tool_the_next_message_is_answered(name: str) -> None:
    made, spec = GRAPHS.get(name, (of_a_provider, {}))
    async with talking(made(), **spec) as talk:
        assert "no broken today" in error_of(await talk.say("broken"))
        told = reply_of(await talk.say("what now?"))
        if not name.startswith("a node"):
            assert told == "Failed: RuntimeError: no broken today."
        assert "broken" in error_of(await talk.say("broken"))
        assert reply_of(await talk.say("and now?"))
        assert "working done" in reply_of(await talk.say("working"))


async def test_after_a_failure_that_was_left_the_next_message_is_answered() -> None:
    async with talking(by_create_agent()) as talk:
        failed = halt_of(await talk.say("broken"))
        await talk.answer(failed, REJECT)
        assert reply_of(await talk.say("what now?")) == "Failed: RuntimeError: no broken today."


async def test_what_became_of_each_call_of_create_agent_is_told_apart() -> None:
    saver = TellingSaver()
    graph = create_agent(MODEL, tools=[asking, broken_once(saver.stored.wait)])
    async with talking(graph, saver) as talk:
        stood = await talk.say("asking broken")
        voids = frozenset(each.interrupt for each in stood.asked)
        told = reply_of(await talk.say("what now?", voids=voids))
        assert told == "Not run: nobody approved it.; Failed: RuntimeError: no broken today."


async def test_what_a_tool_gave_beside_one_that_failed_is_kept() -> None:
    saver = TellingSaver()
    graph = create_agent(MODEL, tools=[working, broken_once(saver.stored.wait)])
    async with talking(graph, saver) as talk:
        assert "no broken today" in error_of(await talk.say("working broken"))
        assert reply_of(await talk.say("what now?")) == "working done; Failed: RuntimeError: no broken today."
        assert await talk_of(talk) == ["working done", "Failed: RuntimeError: no broken today."]


async def test_a_tool_that_ran_while_another_failed_is_not_called_not_run() -> None:
    began, may_end = threading.Event(), threading.Event()

    @tool("working")
    def slow(what: str) -> str:
        """Work on in a thread, whatever becomes of the run."""
        began.set()
        assert may_end.wait(30)
        return what

    graph = create_agent(MODEL, tools=[slow, broken_once(lambda: asyncio.to_thread(began.wait))])
    async with talking(graph) as talk:
        assert "no broken today" in error_of(await talk.say("working broken"))
        told = reply_of(await talk.say("what now?"))
        may_end.set()
        assert told == (
            "Not finished: another call failed while it ran. It may have had its effect.; "
            "Failed: RuntimeError: no broken today."
        )


@pytest.mark.parametrize("name", list(GRAPHS))
async def test_after_a_time_limit_the_next_message_is_answered(name: str) -> None:
    made, spec = GRAPHS[name]
    async with talking(made(), time_limit=timedelta(seconds=1), **spec) as talk:
        assert "longer than 1 second" in error_of(await talk.say("hanging"))
        told = reply_of(await talk.say("what now?"))
        if not name.startswith("a node"):
            assert told.startswith("Not finished: The agent was stopped: it took longer than 1 second")


@pytest.mark.parametrize("name", list(GRAPHS))
async def test_after_a_request_that_nobody_decided_the_next_message_is_answered(name: str) -> None:
    made, spec = GRAPHS[name]
    async with talking(made(), **spec) as talk:
        asked = (await talk.say("asking")).asked
        told = reply_of(await talk.say("what now?", voids=frozenset(each.interrupt for each in asked)))
        if not name.startswith("a node"):
            assert told == "Not run: nobody approved it."


async def test_after_a_breakpoint_that_nobody_decided_the_next_message_is_answered() -> None:
    async with talking(by_create_agent(), interrupt_after=("model",)) as talk:
        halt = halt_of(await talk.say("working"))
        told = reply_of(await talk.say("what now?", voids=frozenset({halt.interrupt})))
        assert told == "Not run: nobody approved it."
        assert await talk_of(talk) == ["Not run: nobody approved it."]


async def test_after_a_batch_that_nobody_decided_the_next_message_is_answered() -> None:
    middleware = HumanInTheLoopMiddleware({"working": True}, interrupt_mode="per_call")
    agent = create_agent(MODEL, tools=TOOLS, middleware=[middleware])
    async with talking(agent) as talk:
        asked = (await talk.say("working working")).asked
        assert asked
        told = reply_of(await talk.say("what now?", voids=frozenset(each.interrupt for each in asked)))
        assert told == "; ".join(["Not run: nobody approved it."] * 2)


async def test_a_message_that_is_delivered_again_closes_nothing_twice() -> None:
    async with talking(by_create_agent()) as talk:
        await talk.say("broken")
        first = await talk.say("what now?", key="m")
        assert (await talk.say("what now?", key="m")).reply == first.reply
        assert await talk_of(talk) == ["Failed: RuntimeError: no broken today."]


async def test_arguments_that_could_not_be_read_are_closed_too() -> None:
    spoilt = {"name": "working", "args": '{"what": ', "id": "c0", "error": "no JSON", "type": "invalid_tool_call"}
    says = iter([AIMessage("", invalid_tool_calls=[spoilt]), AIMessage("hello")])
    agent = create_agent(StrictModel(script=lambda _: next(says)), tools=TOOLS)
    async with talking(agent) as talk:
        await talk.say("go")
        assert reply_of(await talk.say("what now?")) == "hello"
        assert await talk_of(talk) == ["Not run: its arguments could not be read."]


async def test_a_thread_that_was_broken_before_is_put_in_order() -> None:
    saver, graph = InMemorySaver(), by_hand()
    async with talking(graph, saver) as talk:
        await talk.say("hello")
        compiled = next(iter(talk.graphs._agents.values())).graph
        spoilt = [calls("working"), HumanMessage("what now?")]
        config: Any = {"configurable": {"thread_id": talk.thread}}
        await compiled.aupdate_state(config, {"messages": spoilt}, "tools")
        with pytest.raises(BadRequestError):
            await talk_of(talk)
        assert reply_of(await talk.say("and now?")) == "Not run: the conversation went on without it."
        await talk_of(talk)


class Overwritten(TypedDict):
    messages: list[AnyMessage]


async def test_a_talk_that_the_input_replaces_gets_no_results() -> None:
    async with talking(by_hand(Overwritten)) as talk:
        graph = next(iter(talk.graphs._agents.values())).graph
        config: Any = {"configurable": {"thread_id": talk.thread}}
        await graph.aupdate_state(config, {"messages": [HumanMessage("x"), calls("working")]}, "think")
        assert reply_of(await talk.say("hello")) == "hello"


async def test_the_secrets_of_an_error_are_not_told_to_the_model() -> None:
    async with talking(by_create_agent()) as talk:
        talk.graphs._masked = lambda text: text.replace("broken", "***")
        await talk.say("broken")
        assert reply_of(await talk.say("what now?")) == "Failed: RuntimeError: no *** today."
