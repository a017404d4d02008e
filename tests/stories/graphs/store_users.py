"""Each way in which LangGraph hands a graph its store; all graphs here were compiled without one."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypedDict

from fakes.strict_model import StrictModel
from langchain.agents import AgentState, create_agent
from langchain.agents.middleware import before_model
from langchain.tools import ToolRuntime
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.tools import tool
from langgraph.config import get_store
from langgraph.func import entrypoint, task
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedStore, ToolNode
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore
from langgraph.types import interrupt

WAYS = ("ways",)


@tool
def blocking(note: str, store: Annotated[BaseStore, InjectedStore()]) -> str:
    """Note something in the injected store, from the thread in which LangGraph runs a blocking tool."""
    store.put(WAYS, f"blocking tool {note}", {"note": note})
    return "noted"


@tool
async def waiting(note: str, runtime: ToolRuntime) -> str:
    """Note something in the store of the runtime."""
    assert runtime.store is not None
    await runtime.store.aput(WAYS, f"async tool {note}", {"note": note})
    return "noted"


@tool
def looping(note: str) -> str:
    """Note something from an event loop of its own, as blocking code often calls async code."""
    store = get_store()
    asyncio.run(store.aput(WAYS, f"loop of its own {note}", {"note": note}))
    return "noted"


@before_model
async def count(state: AgentState[Any], runtime: Runtime[None]) -> None:
    """Note how many messages there are."""
    assert runtime.store is not None
    await runtime.store.aput(WAYS, "middleware", {"messages": len(state["messages"])})


def calls(note: str) -> list[Any]:
    return [{"name": each.name, "args": {"note": note}, "id": each.name} for each in (blocking, waiting, looping)]


def script(messages: Sequence[BaseMessage]) -> AIMessage:
    last = messages[-1]
    return AIMessage("all noted") if last.type == "tool" else AIMessage("", tool_calls=calls(str(last.content)))


agent = create_agent(StrictModel(script=script), tools=[blocking, waiting, looping], middleware=[count])


def decide(state: MessagesState) -> Mapping[str, Any]:
    note = str(state["messages"][-1].content)
    if interrupt({"question": f"Note {note}?"}) is not True:
        return {"messages": [AIMessage("not noted")]}
    return {"messages": [AIMessage("", tool_calls=calls(note))]}


def below(state: MessagesState, *, store: BaseStore) -> Mapping[str, Any]:  # noqa: ARG001 - LangGraph calls it so
    store.put(WAYS, "blocking node of a subgraph", {})
    return {}


async def last(state: MessagesState, runtime: Runtime[None]) -> Mapping[str, Any]:  # noqa: ARG001 - likewise
    assert runtime.store is not None
    found = await runtime.store.asearch(WAYS, limit=100)
    return {"messages": [AIMessage(", ".join(item.key for item in found))]}


nodes = (
    StateGraph(MessagesState)
    .add_node(decide)
    .add_node("tools", ToolNode([blocking, waiting, looping]))
    .add_node("below", StateGraph(MessagesState).add_node(below).add_edge(START, "below").compile())
    .add_node(last)
    .add_edge(START, "decide")
    .add_edge("decide", "tools")
    .add_edge("tools", "below")
    .add_edge("below", "last")
)


class Asked(TypedDict):
    text: str


@task
def step(text: str) -> None:
    """Note something in a thread."""
    get_store().put(WAYS, f"blocking task {text}", {})


@task
async def async_step(text: str) -> None:
    """Note something on the event loop."""
    await get_store().aput(WAYS, f"async task {text}", {})


@entrypoint()
async def steps(asked: Asked, *, store: BaseStore) -> str:
    """Ask, and note what was asked."""
    if interrupt({"question": f"Note {asked['text']}?"}) is not True:
        return "not noted"
    await asyncio.gather(step(asked["text"]), async_step(asked["text"]))
    return ", ".join(item.key for item in await store.asearch(WAYS, limit=100))
