"""A subgraph two levels below the root asks."""

from pathlib import Path

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt

HERE = Path(__file__).parent


def does(what: str) -> None:
    with (HERE / "effects.txt").open("a", encoding="utf-8") as log:
        log.write(f"{what}\n")


def pay(state: MessagesState) -> MessagesState:
    invoice = state["messages"][0].text
    if interrupt({"question": "Pay this invoice?", "invoice": invoice}):
        does(f"paid {invoice}")
        return {"messages": [AIMessage("It is paid.")]}
    return {"messages": [AIMessage("It is not paid.")]}


_payments = StateGraph(MessagesState).add_node(pay).add_edge(START, "pay").add_edge("pay", END).compile()
_finance = StateGraph(MessagesState).add_node("payments", _payments).add_edge(START, "payments").compile()
team = StateGraph(MessagesState).add_node("finance", _finance).add_edge(START, "finance").compile()
