"""Several questions at once: of two nodes (one waits while a file `hold legal NAME` lies beside it), and of `Send`."""

import asyncio
import operator
from pathlib import Path
from typing import Annotated, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send, interrupt

HERE = Path(__file__).parent


def does(what: str) -> None:
    with (HERE / "effects.txt").open("a", encoding="utf-8") as log:
        log.write(f"{what}\n")


async def held(name: str) -> None:
    while (HERE / f"hold {name}").exists():  # noqa: ASYNC110 - another process takes the file away
        await asyncio.sleep(0.02)


class Contract(TypedDict, total=False):
    what: str
    agreed: Annotated[list[str], operator.add]
    said: str


async def legal(state: Contract) -> Contract:
    agreed = interrupt({"question": "Does legal agree?", "contract": state["what"]})
    await held(f"legal {state['what']}")
    does(f"legal on {state['what']}: {agreed}")
    return {"agreed": ["legal"] if agreed else []}


async def finance(state: Contract) -> Contract:
    agreed = interrupt({"question": "Does finance agree?", "contract": state["what"]})
    does(f"finance on {state['what']}: {agreed}")
    return {"agreed": ["finance"] if agreed else []}


def sign(state: Contract) -> Contract:
    if len(state["agreed"]) < 2:
        return {"said": f"{state['what']} is not signed."}
    does(f"signed {state['what']}")
    return {"said": f"{state['what']} is signed."}


_pair = StateGraph(Contract)
_pair.add_node(legal)
_pair.add_node(finance)
_pair.add_node(sign)
_pair.add_edge(START, "legal")
_pair.add_edge(START, "finance")
_pair.add_edge(["legal", "finance"], "sign")
_pair.add_edge("sign", END)
pair = _pair.compile()


class Orders(TypedDict, total=False):
    count: str
    refunds: Annotated[list[str], operator.add]
    said: str


class Order(TypedDict):
    number: int


def each_order(state: Orders) -> list[Send]:
    return [Send("pay_back", {"number": number}) for number in range(1, int(state["count"]) + 1)]


def pay_back(state: Order) -> Orders:
    if interrupt({"question": "Refund this order?", "order": state["number"]}):
        does(f"paid order {state['number']} back")
        return {"refunds": [str(state["number"])]}
    return {"refunds": []}


def report(state: Orders) -> Orders:
    return {"said": f"Paid back: {', '.join(sorted(state['refunds']))}."}


_fan = StateGraph(Orders)
_fan.add_node(pay_back)
_fan.add_node(report)
_fan.add_conditional_edges(START, each_order, ["pay_back"])
_fan.add_edge("pay_back", "report")
_fan.add_edge("report", END)
fan = _fan.compile()
