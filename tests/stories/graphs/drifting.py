"""Graphs whose requests are computed before they are asked, and come out otherwise when the node runs again.

`outside.payload` is what the next requests say, in order; the last one stays.
"""

from typing import Any, TypedDict

from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import Send, interrupt
from stories.outside import outside


class State(TypedDict, total=False):
    wish: str
    said: str
    items: list[str]


def price(of: str = "amount") -> Any:
    """What somebody charges right now."""
    prices = outside.payload[of]
    return prices.pop(0) if len(prices) > 1 else prices[0]


def pay(_: State) -> State:
    amount = price()
    answer = interrupt({"question": "Pay?", "amount": amount, "currency": "EUR"})
    if answer:
        outside.do(f"paid {amount}")
        return {"said": f"Paid {amount}."}
    return {"said": "Not paid."}


def pay_and_ship(_: State) -> State:
    amount, weight = price(), price("weight")
    pays = interrupt({"question": "Pay?", "amount": amount})
    ships = interrupt({"question": "Ship?", "weight": weight})
    if pays and ships:
        outside.do(f"paid {amount}, shipped {weight}")
    return {"said": f"Paid {amount}, shipped {weight}."}


def pay_three_times(_: State) -> State:
    """A loop: each round asks with a price of its own; what was agreed is paid in the end."""
    amounts = [price(each) for each in ("one", "two", "three")]
    agreed = [amount for amount in amounts if interrupt({"question": "Pay?", "amount": amount})]
    outside.do(f"paid {agreed}")
    return {"said": "Done with paying."}


def fan(_: State) -> list[Send]:
    return [Send("each", {"wish": each}) for each in ("left", "right")]


def each_pays(state: State) -> State:
    amount = price(state["wish"])
    if interrupt({"question": f"Pay {state['wish']}?", "amount": amount}):
        outside.do(f"paid {state['wish']} {amount}")
    return {}


def in_set_order(_: State) -> State:
    """The same request each time, in another order."""
    outside.payload["names"].reverse()
    answer = interrupt({"question": "Pay?", "to": dict.fromkeys(outside.payload["names"], 1), "and": {"a", "b", "c"}})
    outside.do(f"paid: {answer}")
    return {"said": "Paid."}


def graph_of(node: Any) -> Any:
    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder


graph = graph_of(pay).compile()
two = graph_of(pay_and_ship).compile()
loop = graph_of(pay_three_times).compile()
sets = graph_of(in_set_order).compile()

inner = graph_of(pay).compile()
outer_builder = StateGraph(State)
outer_builder.add_node("team", inner)
outer_builder.add_edge(START, "team")
outer = outer_builder.compile()

fan_builder = StateGraph(State)
fan_builder.add_node("start", lambda _: {})
fan_builder.add_node("each", each_pays)
fan_builder.add_edge(START, "start")
fan_builder.add_conditional_edges("start", fan, ["each"])
fanned = fan_builder.compile()


@task
def pay_task(amount: int) -> bool:
    agreed = interrupt({"question": "Pay?", "amount": amount + price()})
    if agreed:
        outside.do("paid in a task")
    return bool(agreed)


@entrypoint()
def functional(_: State) -> State:
    return {"said": f"Paid: {pay_task(1).result()}"}
