"""Two nodes of one step that ask at the same time."""

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


def legal(state: MessagesState) -> MessagesState:  # noqa: ARG001 - LangGraph names it
    agreed = interrupt({"question": "Does legal agree?"})
    outside.do(f"legal: {agreed}")
    return {"messages": []}


def finance(state: MessagesState) -> MessagesState:  # noqa: ARG001 - LangGraph names it
    agreed = interrupt({"question": "Does finance agree?"})
    outside.do(f"finance: {agreed}")
    return {"messages": []}


def sign(state: MessagesState) -> MessagesState:  # noqa: ARG001 - LangGraph names it
    outside.do("signed")
    return {"messages": [AIMessage("The contract is signed.")]}


builder = StateGraph(MessagesState)
builder.add_node(legal)
builder.add_node(finance)
builder.add_node(sign)
builder.add_edge(START, "legal")
builder.add_edge(START, "finance")
builder.add_edge(["legal", "finance"], "sign")
builder.add_edge("sign", END)
graph = builder.compile()
