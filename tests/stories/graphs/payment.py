"""Pays by a service that knows idempotency keys: the same key twice is one payment."""

from typing import TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


class State(TypedDict, total=False):
    order: str
    told: str


def pay(state: State, config: RunnableConfig) -> State:
    if not interrupt({"question": f"Pay for order {state['order']}?"}):
        return {"told": "not paid"}
    key = config["configurable"]["signoff_idempotency_key"]
    outside.do(f"order {state['order']} paid under {key}")
    outside.try_step("the service's answer")
    return {"told": "paid"}


graph = StateGraph(State).add_node(pay).add_edge(START, "pay").add_edge("pay", END).compile()
