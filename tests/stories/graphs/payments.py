"""Payments, which are decided before the tools run: each amount is a `Decimal`, each account a whole number."""

from decimal import Decimal

from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from stories.outside import outside


@tool
def pay(amount: Decimal, account: int, rate: float = 0.5) -> str:
    """Pay an amount to an account."""
    outside.do(f"paid {amount!r} to {account!r} at {rate!r}")
    return "paid"


def agent(state: MessagesState) -> MessagesState:
    """A model without a provider: it pays, and says so."""
    if state["messages"][-1].type == "tool":
        return {"messages": [AIMessage("Paid.")]}
    call = {"name": "pay", "args": {"amount": 1.5, "account": 7}, "id": f"call-{len(state['messages'])}"}
    return {"messages": [AIMessage("", tool_calls=[call])]}


builder = StateGraph(MessagesState)
builder.add_node(agent)
builder.add_node("tools", ToolNode([pay]))
builder.add_edge(START, "agent")
builder.add_conditional_edges("agent", tools_condition)
builder.add_edge("tools", "agent")
graph = builder.compile()
