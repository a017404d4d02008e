"""Works until the story opens the door, asks for approval if told to, then asks questions until it hears "end"."""

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


async def work(state: MessagesState) -> None:
    outside.do(f"work on {state['messages'][-1].content}")
    await outside.door("ready").wait()


def gate(state: MessagesState) -> None:
    if "gate" in str(state["messages"][-1].content):
        interrupt({"question": "Go on?"})


def ask(state: MessagesState) -> MessagesState:  # noqa: ARG001 - LangGraph names it
    answer = interrupt("Which colour?")
    return {"messages": [AIMessage(f"heard: {answer}")]}


def until_end(state: MessagesState) -> str:
    return END if "end" in str(state["messages"][-1].content) else "ask"


builder = StateGraph(MessagesState)
for node in (work, gate, ask):
    builder.add_node(node)
builder.add_edge(START, "work")
builder.add_edge("work", "gate")
builder.add_edge("gate", "ask")
builder.add_conditional_edges("ask", until_end, ["ask", END])
graph = builder.compile()
