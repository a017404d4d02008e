"""The measured graph: three nodes, one interrupt as LangChain's human-in-the-loop middleware asks it."""

from typing import Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

from bench import outside


class State(TypedDict, total=False):
    """What the agent knows."""

    request: str
    status: str


def plan(state: State) -> State:
    """Think."""
    return {"status": f"planned {state['request']}"}


def ask(state: State) -> State:
    """Wait for somebody's decision."""
    decided: dict[str, Any] = interrupt(outside.payload(state["request"]))
    return {"status": str(decided["decisions"][0]["type"])}


def act(state: State, config: RunnableConfig) -> State:
    """Do it: here, note when."""
    outside.act(config["configurable"]["thread_id"], state["request"])
    return {"status": f"done: {state['status']}"}


builder = StateGraph(State)
builder.add_node("plan", plan)
builder.add_node("ask", ask)
builder.add_node("act", act)
builder.add_edge(START, "plan")
builder.add_edge("plan", "ask")
builder.add_edge("ask", "act")
builder.add_edge("act", END)
graph = builder.compile()
