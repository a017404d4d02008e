"""An assistant for mail that asks as Agent Inbox does: a notice, a question, or several requests in one list.

https://github.com/langchain-ai/agent-inbox
"""

from typing import Any

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


def request(action: str, args: dict[str, Any], *allowed: str, description: str = "") -> dict[str, Any]:
    config = {f"allow_{each}": each in allowed for each in ("accept", "edit", "respond", "ignore")}
    return {"action_request": {"action": action, "args": args}, "config": config, "description": description}


REQUESTS = {
    "notify": [request("Mail from Ada", {}, "ignore", description="Lunch is at *one*.")],
    "ask": [request("Question", {}, "respond", "ignore", description="Which day suits Ada?")],
    "several": [
        request("send_mail", {"to": "ada@example.com"}, "accept", "ignore", description="An invitation."),
        request("book_table", {"seats": 4}, "accept", "edit", "ignore", description="At the Astoria."),
        request("Question", {}, "respond", "ignore", description="Which day suits Ada?"),
    ],
    "questions": [
        request("Question", {"question": "Which day?"}, "respond", "ignore"),
        request("Question", {"question": "Which place?"}, "respond", "ignore"),
    ],
}


def assist(state: MessagesState) -> MessagesState:
    responses = interrupt(REQUESTS[str(state["messages"][-1].text).split()[0]])
    for each in responses:
        outside.do(f"{each['type']}: {each['args']}")
    return {"messages": [AIMessage(f"I had {len(responses)} of my requests back.")]}


builder = StateGraph(MessagesState)
builder.add_node(assist)
builder.add_edge(START, "assist")
builder.add_edge("assist", END)
graph = builder.compile()
