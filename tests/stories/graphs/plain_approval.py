"""The first graph on LangGraph's page on interrupts: a bare sentence that wants True or False.

https://docs.langchain.com/oss/python/langgraph/interrupts#pause-using-interrupt
"""

from typing import TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


class State(TypedDict, total=False):
    action: str
    approved: bool
    told: str


def approval_node(state: State) -> State:  # noqa: ARG001 - LangGraph names it
    approved = interrupt("Do you approve this action?")
    return {"approved": approved}


def act(state: State) -> State:
    if state["approved"]:
        outside.do(state["action"])
    return {"told": f"approved is {state['approved']!r}"}


builder = StateGraph(State)
builder.add_node("approval_node", approval_node)
builder.add_node("act", act)
builder.add_edge(START, "approval_node")
builder.add_edge("approval_node", "act")
builder.add_edge("act", END)
graph = builder.compile()
