"""Subgraphs as nodes: a team within a department, whose payments node asks two levels below the root.

https://docs.langchain.com/oss/python/langgraph/use-subgraphs
"""

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


def pay(state: MessagesState) -> MessagesState:
    invoice = str(state["messages"][0].content)
    if interrupt({"question": "Pay this invoice?", "invoice": invoice}):
        outside.do(f"paid {invoice}")
        return {"messages": [AIMessage("It is paid.")]}
    return {"messages": [AIMessage("It is not paid.")]}


def book(state: MessagesState) -> MessagesState:
    account = interrupt("Which account does it belong to?")
    outside.do(f"booked on {account}")
    return {"messages": [AIMessage(f"{state['messages'][-1].content} It is booked on {account}.")]}


payments = StateGraph(MessagesState).add_node(pay).add_edge(START, "pay").add_edge("pay", END).compile()
finance = (
    StateGraph(MessagesState)
    .add_node("payments", payments)
    .add_node(book)
    .add_edge(START, "payments")
    .add_edge("payments", "book")
    .add_edge("book", END)
    .compile()
)
graph = (
    StateGraph(MessagesState).add_node("finance", finance).add_edge(START, "finance").add_edge("finance", END).compile()
)
