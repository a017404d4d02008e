"""Graphs that go ahead whatever they hear, in each place that can ask: a rejection must never reach them."""

from collections.abc import Sequence
from typing import Any

from fakes.strict_model import StrictModel
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain.tools import tool
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import interrupt
from stories.outside import outside


def wipe(disk: str) -> str:
    interrupt({"wipe": disk})
    outside.do(f"wiped {disk}")
    return f"{disk} is wiped"


def node(state: MessagesState) -> dict[str, Any]:
    return {"messages": [AIMessage(wipe(str(state["messages"][-1].content)))]}


def legal(state: MessagesState) -> dict[str, Any]:  # noqa: ARG001 - LangGraph names it
    outside.do(f"legal {interrupt({'question': 'Does legal agree?'})}")
    return {}


def one(name: str, step: Any) -> StateGraph[MessagesState]:
    builder = StateGraph(MessagesState)
    builder.add_node(name, step)
    builder.add_edge(START, name)
    builder.add_edge(name, END)
    return builder


in_node = one("node", node).compile()
in_subgraph = one("outer", one("inner", one("node", node).compile()).compile()).compile()


def calls_a_graph(state: MessagesState) -> dict[str, Any]:
    return one("node", node).compile().invoke({"messages": state["messages"]})


in_called_graph = one("caller", calls_a_graph).compile()

_beside = one("node", node)
_beside.add_node(legal)
_beside.add_edge(START, "legal")
beside = _beside.compile()


@task
def step(disk: str) -> str:
    return wipe(disk)


@entrypoint()
def workflow(messages: list[dict[str, str]]) -> str:
    return step(messages[-1]["content"]).result()


# Tools ----------------------------------------------------------------------------------------------------------------


@tool("wipe")
def wiping(disk: str) -> str:
    """Wipe a disk."""
    return wipe(disk)


@tool
def delete(what: str) -> str:
    """Delete something."""
    outside.do(f"deleted {what}")
    return f"{what} is deleted"


def script(messages: Sequence[BaseMessage]) -> AIMessage:
    last = messages[-1]
    name, _, things = str(last.content).partition(" ")
    if last.type == "human" and name in ("wipe", "delete"):
        key = "disk" if name == "wipe" else "what"
        calls = [{"name": name, "args": {key: each}, "id": f"call-{each}"} for each in things.split()]
        return AIMessage("", tool_calls=calls)
    return AIMessage(f"I know: {[str(each.content) for each in messages if isinstance(each, ToolMessage)]}")


def model(state: MessagesState) -> dict[str, Any]:
    return {"messages": [StrictModel(script=script).invoke(state["messages"])]}


def goes(state: MessagesState) -> str:
    last = state["messages"][-1]
    return "tools" if isinstance(last, AIMessage) and last.tool_calls else END


_tool = StateGraph(MessagesState)
_tool.add_node(model)
_tool.add_node("tools", ToolNode([wiping]))
_tool.add_edge(START, "model")
_tool.add_conditional_edges("model", goes, ["tools", END])
_tool.add_edge("tools", "model")
in_tool = _tool.compile()

approve_only = create_agent(
    StrictModel(script=script),
    tools=[delete],
    middleware=[HumanInTheLoopMiddleware({"delete": {"allowed_decisions": ["approve"]}})],
)
