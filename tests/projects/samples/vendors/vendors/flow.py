"""Takes new vendors on."""

from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt


def check(state: MessagesState):
    name = state["messages"][-1].content.rsplit(" ", 1)[-1]
    return {"messages": [AIMessage(f"{name} is in the register of companies.", name="check")]}


def approve(state: MessagesState):
    from vendors import registry  # heavy in production, so late

    name = state["messages"][-1].content.split(" ", 1)[0]
    answer = interrupt({"question": f"Take {name} on?", "tool_call": {"name": "add_vendor", "args": {"limit": 1000}}})
    if isinstance(answer, str):
        return {"messages": [AIMessage(f"Not taken on: {answer}")]}
    action, data = answer
    if action == "feedback":
        return {"messages": [AIMessage(f"Not taken on: {data}")]}
    limit = data["limit"] if action == "update" else 1000
    registry.add(name, limit)
    return {"messages": [AIMessage(f"{name} may bill us up to {limit}.")]}


graph = StateGraph(MessagesState)
graph.add_node("check", check)
graph.add_node("approve", approve)
graph.add_edge(START, "check")
graph.add_edge("check", "approve")
app = graph.compile()
