"""Two nodes of one step that each ask the person a question."""

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


def name(state: MessagesState) -> MessagesState:  # noqa: ARG001 - LangGraph names it
    outside.do(f"name {interrupt('What is your name?')}")
    return {"messages": []}


def age(state: MessagesState) -> MessagesState:  # noqa: ARG001 - LangGraph names it
    outside.do(f"age {interrupt('How old are you?')}")
    return {"messages": []}


def greet(state: MessagesState) -> MessagesState:  # noqa: ARG001 - LangGraph names it
    return {"messages": [AIMessage("Nice to meet you.")]}


builder = StateGraph(MessagesState)
builder.add_node(name)
builder.add_node(age)
builder.add_node(greet)
builder.add_edge(START, "name")
builder.add_edge(START, "age")
builder.add_edge(["name", "age"], "greet")
builder.add_edge("greet", END)
graph = builder.compile()
