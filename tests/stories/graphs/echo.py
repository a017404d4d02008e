"""Says what it heard, and how many messages of this conversation it remembers."""

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from stories.outside import outside


def echo(state: MessagesState) -> MessagesState:
    outside.try_step("the echo")
    heard = [each for each in state["messages"] if each.type == "human"]
    return {"messages": [AIMessage(f"{len(heard)}: {heard[-1].content}")]}


builder = StateGraph(MessagesState)
builder.add_node(echo)
builder.add_edge(START, "echo")
builder.add_edge("echo", END)
graph = builder.compile()
