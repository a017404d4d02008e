"""Settles small insurance claims."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt
from typing_extensions import TypedDict

from claims.models import Claim, Decision, WriterModel


class Settings(TypedDict):
    tone: str


class ClaimState(TypedDict, total=False):
    message: str
    claim: Claim
    decision: Decision
    approval_status: str
    final_reply: str


def understand(state: ClaimState) -> dict[str, Any]:
    return {"claim": Claim(number="C-7", damage=state["message"].strip())}


def decide(state: ClaimState) -> dict[str, Any]:
    return {"decision": Decision(amount=900, reply="900 EUR are on their way.")}


def approve(state: ClaimState) -> dict[str, Any]:
    answer = interrupt(
        {
            "type": "payout_approval",
            "claim": state["claim"].model_dump(),
            "decision": state["decision"].model_dump(),
            "message": "Payouts above 500 EUR need an approval",
        }
    )
    approved = isinstance(answer, dict) and bool(answer.get("approved"))
    return {"approval_status": "approved" if approved else "rejected"}


def pay(state: ClaimState) -> dict[str, Any]:
    with open("payouts.txt", "a") as payouts:
        payouts.write(f"{state['claim'].number} {state['decision'].amount:.0f}\n")
    return {}


def respond(state: ClaimState, runtime: Runtime[Settings]) -> dict[str, Any]:
    writer = WriterModel(tone=(runtime.context or {}).get("tone", "plain"))
    if state.get("approval_status") == "rejected":
        return {"final_reply": writer.invoke("we cannot pay this claim.").content}
    return {"final_reply": writer.invoke(state["decision"].reply).content}


builder = StateGraph(ClaimState, context_schema=Settings)
for node in (understand, decide, approve, pay, respond):
    builder.add_node(node)
builder.add_edge(START, "understand")
builder.add_edge("understand", "decide")
builder.add_edge("decide", "approve")
builder.add_conditional_edges(
    "approve",
    lambda state: "respond" if state.get("approval_status") == "rejected" else "pay",
    {"respond": "respond", "pay": "pay"},
)
builder.add_edge("pay", "respond")
builder.add_edge("respond", END)
desk = builder.compile()
