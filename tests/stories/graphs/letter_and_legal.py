"""Two nodes of one step: one has a letter reviewed, which cannot be told no, and one asks for an approval."""

from typing import TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


class State(TypedDict):
    letter: str
    told: str


def review(state: State) -> dict[str, str]:
    text = interrupt({"text_to_revise": state["letter"]})
    outside.do(f"letter: {text}")
    return {"letter": text}


def legal(state: State) -> dict[str, str]:  # noqa: ARG001 - LangGraph names it
    agreed = interrupt({"question": "Does legal agree?"})
    outside.do(f"legal: {agreed}")
    return {}


def send(state: State) -> dict[str, str]:
    outside.do(f"sent {state['letter']}")
    return {"told": f"Sent: {state['letter']}"}


builder = StateGraph(State)
builder.add_node(review)
builder.add_node(legal)
builder.add_node(send)
builder.add_edge(START, "review")
builder.add_edge(START, "legal")
builder.add_edge(["review", "legal"], "send")
builder.add_edge("send", END)
graph = builder.compile()
