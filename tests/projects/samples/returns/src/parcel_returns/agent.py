"""Handles parcel returns for the web shop."""

import re

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt

from src.parcel_returns.warehouse import print_label


class ReturnState(MessagesState):
    order: str
    accepted: bool


def find_order(state: ReturnState):
    text = state["messages"][-1].content
    match = re.search(r"\d{3,}", text)
    return {"order": match.group() if match else "unknown"}


def ask_clerk(state: ReturnState):
    answer = interrupt({"question": f"Accept the return of order {state['order']}?", "order": state["order"]})
    return {"accepted": bool(answer)}


def send_label(state: ReturnState):
    label = print_label(state["order"])
    return {"messages": [AIMessage(f"Your return label is {label}.")]}


def decline(state: ReturnState):
    return {"messages": [AIMessage("Sorry, we cannot take this one back.")]}


builder = StateGraph(ReturnState)
builder.add_node(find_order)
builder.add_node(ask_clerk)
builder.add_node(send_label)
builder.add_node(decline)
builder.add_edge(START, "find_order")
builder.add_edge("find_order", "ask_clerk")
builder.add_conditional_edges("ask_clerk", lambda state: "send_label" if state["accepted"] else "decline")
builder.add_edge("send_label", END)
builder.add_edge("decline", END)

graph = builder.compile()
graph.name = "Parcel returns"
