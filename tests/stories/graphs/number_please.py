"""Takes only a number, and raises for anything else: an answer that LangGraph stored would fail for ever."""

from typing import TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


class State(TypedDict, total=False):
    task: str
    result: str


def ask(state: State) -> State:  # noqa: ARG001 - LangGraph names it
    number = int(interrupt("How many?"))
    outside.do(f"take {number}")
    return {"result": f"took {number}"}


builder = StateGraph(State)
builder.add_node(ask)
builder.add_edge(START, "ask")
builder.add_edge("ask", END)
graph = builder.compile()
