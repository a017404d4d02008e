"""Approve or reject, as LangGraph's page on interrupts has it.

https://docs.langchain.com/oss/python/langgraph/interrupts#approve-or-reject
"""

from typing import Literal, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from stories.outside import outside


class ApprovalState(TypedDict):
    action_details: str
    status: Literal["approved", "rejected"]


def approval_node(state: ApprovalState) -> Command[Literal["proceed", "cancel"]]:
    decision = interrupt({"question": "Approve this action?", "details": state["action_details"]})
    return Command(goto="proceed" if decision else "cancel")


def proceed_node(state: ApprovalState) -> ApprovalState:
    outside.do(state["action_details"])
    return {**state, "status": "approved"}


def cancel_node(state: ApprovalState) -> ApprovalState:
    return {**state, "status": "rejected"}


builder = StateGraph(ApprovalState)
builder.add_node("approval", approval_node)
builder.add_node("proceed", proceed_node)
builder.add_node("cancel", cancel_node)
builder.add_edge(START, "approval")
builder.add_edge("proceed", END)
builder.add_edge("cancel", END)
graph = builder.compile()
