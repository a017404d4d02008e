"""Many letters are reviewed side by side; each can be sent, passed to somebody, or dropped."""

from typing import Any

from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Send, interrupt
from stories.outside import outside


class State(MessagesState):
    letter: str


def hand_out(_: State) -> list[Send]:
    return [Send("decide", {"letter": f"Dear reader {number}"}) for number in range(8)]


def decide(state: State) -> None:
    said = interrupt({"letter": state["letter"]})
    if said == "approve":
        outside.do(f"sent: {state['letter']}")
    elif said == "escalate":
        outside.do("paged the lawyer")


def close(state: State) -> dict[str, Any]:  # noqa: ARG001 - LangGraph names it
    return {"messages": [AIMessage("All letters are dealt with.")]}


builder = StateGraph(State)
builder.add_node(decide)
builder.add_node(close)
builder.add_conditional_edges(START, hand_out, ["decide"])
builder.add_edge("decide", "close")
graph = builder.compile()
