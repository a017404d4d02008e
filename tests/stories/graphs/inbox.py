"""Asks as Agent Inbox and the prebuilt HumanInterrupt do, and acts on each of the four responses.

https://github.com/langchain-ai/agent-inbox
"""

from typing import Any

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


def book(state: MessagesState) -> MessagesState:
    request: Any = {
        "action_request": {
            "action": "book_hotel",
            "args": {"hotel": str(state["messages"][-1].content), "nights": 2, "late_arrival": False},
        },
        "config": {"allow_ignore": True, "allow_respond": True, "allow_edit": True, "allow_accept": True},
        "description": "Please review this booking.",
    }
    response = interrupt([request])[0]
    match response["type"]:
        case "accept":
            booking = request["action_request"]["args"]
        case "edit":
            booking = response["args"]["args"]
        case "response":
            return {"messages": [AIMessage(f"I was told: {response['args']}")]}
        case _:
            return {"messages": [AIMessage("Then not.")]}
    outside.do(f"booked {booking['hotel']} for {booking['nights']}, late: {booking['late_arrival']}")
    return {"messages": [AIMessage(f"Booked {booking['hotel']}.")]}


builder = StateGraph(MessagesState)
builder.add_node(book)
builder.add_edge(START, "book")
builder.add_edge("book", END)
graph = builder.compile()
