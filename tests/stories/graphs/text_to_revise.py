"""Review and edit state, as LangGraph's page on interrupts has it."""

from typing import TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt


class State(TypedDict):
    some_text: str
    published: str


def human_node(state: State) -> State:
    value = interrupt({"text_to_revise": state["some_text"]})
    return {**state, "some_text": value}


def publish(state: State) -> State:
    return {**state, "published": f"published: {state['some_text']}"}


builder = StateGraph(State)
builder.add_node(human_node)
builder.add_node(publish)
builder.add_edge(START, "human_node")
builder.add_edge("human_node", "publish")
builder.add_edge("publish", END)
graph = builder.compile()
