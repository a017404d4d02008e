"""Asks whatever the story wants it to, and tells what it was answered."""

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


def ask(state: MessagesState) -> MessagesState:  # noqa: ARG001 - LangGraph names it
    answer = interrupt(outside.payload)
    outside.do(f"answered {answer!r}")
    return {"messages": [AIMessage(f"I was told {type(answer).__name__}")]}


builder = StateGraph(MessagesState)
builder.add_node(ask)
builder.add_edge(START, "ask")
builder.add_edge("ask", END)
graph = builder.compile()
