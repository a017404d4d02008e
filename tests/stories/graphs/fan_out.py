"""A fan-out by `Send`: one node for each of many items, and each asks before it acts.

https://docs.langchain.com/oss/python/langgraph/graph-api#send
"""

import operator
from typing import Annotated, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send, interrupt
from stories.outside import outside


class State(TypedDict):
    orders: int
    refunds: Annotated[list[str], operator.add]
    told: str


class Order(TypedDict):
    order: int


def each_order(state: State) -> list[Send]:
    return [Send("refund", {"order": number}) for number in range(1, int(state["orders"]) + 1)]


def refund(state: Order) -> dict[str, list[str]]:
    outside.do(f"refund {state['order']} looked at")
    decision = interrupt(
        {
            "action_request": {"action": "refund", "args": {"order": state["order"], "amount": 10 * state["order"]}},
            "config": {"allow_accept": True, "allow_edit": True, "allow_ignore": True, "allow_respond": False},
            "description": f"Order {state['order']} arrived broken.",
        }
    )[0]
    match decision["type"]:
        case "accept":
            said = f"order {state['order']}: refunded {10 * state['order']}"
        case "edit":
            said = f"order {state['order']}: refunded {decision['args']['args']['amount']}"
        case _:
            said = f"order {state['order']}: nothing"
    outside.do(said)
    return {"refunds": [said]}


def report(state: State) -> dict[str, str]:
    paid = sum("refunded" in each for each in state["refunds"])
    return {"told": f"{paid} of {state['orders']} orders were refunded."}


builder = StateGraph(State)
builder.add_node("refund", refund)
builder.add_node("report", report)
builder.add_conditional_edges(START, each_order, ["refund"])
builder.add_edge("refund", "report")
builder.add_edge("report", END)
graph = builder.compile()
