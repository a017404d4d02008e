"""Asks for a yes or no in a sentence, as public graphs do."""

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


def confirm(state: MessagesState) -> MessagesState:
    name = str(state["messages"][-1].text)
    answer = interrupt(f"HIGH risk on {name}. Go on and delete it? (yes/no)")
    if answer.strip().lower() in ("yes", "y"):
        outside.do(f"deleted {name}")
        return {"messages": [AIMessage(f"{name} is deleted.")]}
    return {"messages": [AIMessage(f"{name} stays. You said: {answer}")]}


builder = StateGraph(MessagesState)
builder.add_node(confirm)
builder.add_edge(START, "confirm")
builder.add_edge("confirm", END)
graph = builder.compile()
