"""Takes its time: two steps, each of which waits until the story opens a door."""

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from stories.outside import outside


async def first(state: MessagesState) -> MessagesState:
    text = state["messages"][-1].content
    outside.do(f"began {text}")
    await outside.door("first").wait()
    outside.do(f"first {text}")
    return {"messages": []}


async def second(state: MessagesState) -> MessagesState:
    text = state["messages"][-1].content
    await outside.door("second").wait()
    outside.do(f"second {text}")
    return {"messages": [AIMessage(f"{text} is done")]}


builder = StateGraph(MessagesState)
builder.add_node(first)
builder.add_node(second)
builder.add_edge(START, "first")
builder.add_edge("first", "second")
builder.add_edge("second", END)
graph = builder.compile()
