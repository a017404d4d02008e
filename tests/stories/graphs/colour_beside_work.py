"""Asks which colour, and at the same time for approval of work that lasts until the story opens the door."""

from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


async def work(state: MessagesState) -> None:  # noqa: ARG001 - LangGraph names it
    if interrupt({"question": "Go on?"}):
        outside.do("work")
        await outside.door("ready").wait()


def ask(state: MessagesState) -> None:  # noqa: ARG001 - LangGraph names it
    outside.do(f"heard: {interrupt('Which colour?')}")


def tell(state: MessagesState) -> MessagesState:  # noqa: ARG001 - LangGraph names it
    return {"messages": [AIMessage("painted")]}


builder = StateGraph(MessagesState)
for node in (work, ask, tell):
    builder.add_node(node)
builder.add_edge(START, "work")
builder.add_edge(START, "ask")
builder.add_edge(["work", "ask"], "tell")
graph = builder.compile()
