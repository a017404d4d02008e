"""Asks for a decision by a form, with `response_schema`: nothing in it says which values mean no."""

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from stories.outside import outside

SCHEMA = {
    "type": "object",
    "properties": {"approved": {"type": "boolean"}, "budget": {"type": "integer"}},
    "required": ["approved", "budget"],
}


def ask(state: MessagesState) -> MessagesState:  # noqa: ARG001 - LangGraph names it
    verdict = interrupt({"question": "Ship it?"}, response_schema=SCHEMA)
    outside.do(f"shipped: {verdict['approved']}, for {verdict['budget']}")
    return {"messages": [AIMessage("Thank you.")]}


builder = StateGraph(MessagesState)
builder.add_node(ask)
builder.add_edge(START, "ask")
builder.add_edge("ask", END)
graph = builder.compile()
