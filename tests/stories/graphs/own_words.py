"""A graph with a convention of its own, which no documentation page shows: it wants `{"verdict": ...}`."""

from operator import add
from typing import Annotated, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


class State(TypedDict, total=False):
    order: str
    notes: Annotated[list[str], add]
    told: str


def review(state: State) -> State:
    answer = interrupt({"type": "refund_review", "order": state["order"], "amount": 80})
    outside.try_step("review")
    return {"told": f"{answer['verdict']} {answer.get('amount', 0)} {answer.get('why', '')}".strip()}


def tell(state: State) -> State:
    outside.do(state["told"])
    return {"told": f"{state['told']}; notes: {', '.join(state.get('notes', []))}"}


builder = StateGraph(State)
builder.add_node("review", review)
builder.add_node("tell", tell)
builder.add_edge(START, "review")
builder.add_edge("review", "tell")
builder.add_edge("tell", END)
graph = builder.compile()
