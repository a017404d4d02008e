"""A node that takes a new text under a name of its own, and no other field of what it shows."""

from typing import Any

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


def approve_mail(state: MessagesState) -> dict[str, Any]:  # noqa: ARG001 - LangGraph names it
    draft, to = "Dear Ada, it is on its way.", "ada@example.com"
    decision = interrupt({"type": "email_approval", "draft": draft, "to": to, "prompt": "Review this email"})
    action = decision["action"]
    if action == "edit":
        draft = decision["edited_draft"]
    if action in ("approve", "edit"):
        outside.do(f"{action}: {draft} to {to}")
        return {"messages": [AIMessage(f"Sent: {draft}")]}
    return {"messages": [AIMessage(f"Thrown away: {decision.get('reason', '')}")]}


builder = StateGraph(MessagesState)
builder.add_node("approve_mail", approve_mail)
builder.add_edge(START, "approve_mail")
builder.add_edge("approve_mail", END)
graph = builder.compile()
