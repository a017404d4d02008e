"""Subgraphs that nodes call as functions, one within another: the innermost asks.

https://docs.langchain.com/oss/python/langgraph/use-subgraphs
"""

from typing import TypedDict

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


class Invoice(TypedDict, total=False):
    invoice: str
    paid: bool
    account: str


def pay(state: Invoice) -> Invoice:
    return {"paid": interrupt({"question": "Pay this invoice?", "invoice": state["invoice"]})}


def choose_account(state: Invoice) -> Invoice:  # noqa: ARG001 - LangGraph names it
    return {"account": interrupt("Which account does it belong to?")}


payments = (
    StateGraph(Invoice)
    .add_node(pay)
    .add_node(choose_account)
    .add_edge(START, "pay")
    .add_edge("pay", "choose_account")
    .add_edge("choose_account", END)
    .compile()
)


def call_payments(state: Invoice) -> Invoice:
    done = payments.invoke({"invoice": state["invoice"]})
    return {"paid": done["paid"], "account": done["account"]}


finance = StateGraph(Invoice).add_node(call_payments).add_edge(START, "call_payments").compile()


def call_finance(state: MessagesState) -> MessagesState:
    done = finance.invoke({"invoice": str(state["messages"][-1].content)})
    outside.do(f"paid: {done['paid']}, account: {done['account']}")
    return {"messages": [AIMessage(f"Paid: {done['paid']}, on {done['account']}.")]}


graph = StateGraph(MessagesState).add_node(call_finance).add_edge(START, "call_finance").compile()
