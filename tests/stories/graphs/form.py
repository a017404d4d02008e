"""Asks for values that fit a schema, with `response_schema`."""

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from stories.outside import outside

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "title": "City"},
        "guests": {"type": "integer", "title": "Guests", "minimum": 1, "maximum": 6},
        "breakfast": {"type": "boolean", "title": "Breakfast"},
    },
    "required": ["city", "guests"],
}


def ask(state: MessagesState) -> MessagesState:  # noqa: ARG001 - LangGraph names it
    booking = interrupt({"question": "Which hotel?"}, response_schema=SCHEMA)
    outside.do(f"booked {booking['city']} for {booking['guests']}")
    return {"messages": [AIMessage(f"Booked for {booking['guests']} guests.")]}


builder = StateGraph(MessagesState)
builder.add_node(ask)
builder.add_edge(START, "ask")
builder.add_edge("ask", END)
graph = builder.compile()
