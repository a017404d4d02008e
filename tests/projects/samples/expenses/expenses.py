from dataclasses import dataclass, field
from pathlib import Path

from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt


@dataclass
class Desk:
    """Who pays, and up to what amount nobody is asked."""

    name: str = "finance"
    free_up_to: int = 50


@dataclass
class Claim:
    description: str
    currency: str = "EUR"
    amount: int = 180
    receipts: list[str] = field(default_factory=list)


@dataclass
class Verdict:
    verdict: str = ""


@dataclass
class State(Claim, Verdict):
    description: str = ""


def decide(state: State, runtime: Runtime[Desk]):
    desk = runtime.context
    if state.amount > desk.free_up_to:
        asked = {
            "question": f"May {desk.name} pay {state.amount} {state.currency}?",
            "description": state.description,
        }
        if not interrupt(asked):
            return {"verdict": "The claim was turned down."}
    Path("paid.txt").write_text(f"{desk.name} {state.amount} {state.currency}\n")
    return {"verdict": f"You get {state.amount} {state.currency} from {desk.name}."}


graph = (
    StateGraph(State, context_schema=Desk, input_schema=Claim, output_schema=Verdict)
    .add_node("decide", decide)
    .add_edge(START, "decide")
    .compile()
)
