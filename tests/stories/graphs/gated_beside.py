"""A node that asks, and beside it a subgraph with a breakpoint whose first step may fail."""

import operator
from typing import Annotated, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


class State(TypedDict, total=False):
    table: str
    informed: Annotated[list[str], operator.add]
    told: str


def ask(state: State) -> State:
    answer = interrupt({"question": "Tell the customers?", "about": state["table"]})
    outside.do(f"customers are told: {answer}")
    return {"informed": ["customers"] if answer else []}


def fetch(state: State) -> State:
    outside.try_step("fetch")
    outside.do(f"fetch {state['table']}")
    return {}


def wipe(state: State) -> State:
    outside.do(f"wipe {state['table']}")
    return {"informed": ["auditors"]}


def report(state: State) -> State:
    return {"told": f"Informed: {', '.join(sorted(state['informed']))}."}


inner = StateGraph(State)
inner.add_node(fetch)
inner.add_node(wipe)
inner.add_edge(START, "fetch")
inner.add_edge("fetch", "wipe")
inner.add_edge("wipe", END)

builder = StateGraph(State)
builder.add_node(ask)
builder.add_node("clean", inner.compile(interrupt_before=["wipe"]))
builder.add_node(report)
builder.add_edge(START, "ask")
builder.add_edge(START, "clean")
builder.add_edge(["ask", "clean"], "report")
builder.add_edge("report", END)
graph = builder.compile()
