"""A tool call to review, in a state of pydantic that holds what a checkpoint may be made of."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel

HERE = Path(__file__).parent


def does(what: str) -> None:
    with (HERE / "effects.txt").open("a", encoding="utf-8") as log:
        log.write(f"{what}\n")


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


@dataclass(frozen=True)
class Window:
    day: date
    hours: tuple[int, int]


class Cost(BaseModel):
    amount: Decimal
    currency: str = "EUR"


class Release(BaseModel):
    service: str
    size: Size = Size.SMALL
    window: Window | None = None
    cost: Cost | None = None
    tags: frozenset[str] = frozenset()
    raw: bytes = b""
    action: str = ""
    replicas: int = 0
    said: str = ""


def plan(state: Release) -> dict[str, Any]:
    del state
    window = Window(date(2030, 5, 17), (8, 10))
    return {
        "size": Size.LARGE,
        "window": window,
        "cost": Cost(amount=Decimal("12.50")),
        "tags": {"a"},
        "raw": b"\0\xff",
    }


def review(state: Release) -> dict[str, Any]:
    call = {"name": "deploy", "args": {"service": state.service, "replicas": 2}, "id": "call-1"}
    action, given = interrupt({"question": "Is this correct?", "tool_call": call})
    if action == "feedback":
        return {"action": action, "said": f"I was told: {given}"}
    return {"action": action, "replicas": given["replicas"] if action == "update" else 2}


def deploy(state: Release) -> dict[str, Any]:
    assert isinstance(state.window, Window)
    assert isinstance(state.cost, Cost)
    if state.action == "feedback":
        return {}
    bill = f"{state.size.value} for {state.cost.amount} {state.cost.currency} on {state.window.day}"
    does(f"deployed {state.service} x{state.replicas}")
    return {"said": f"{state.service} runs x{state.replicas}, {bill}."}


builder = StateGraph(Release)
builder.add_node(plan)
builder.add_node(review)
builder.add_node(deploy)
builder.add_edge(START, "plan")
builder.add_edge("plan", "review")
builder.add_edge("review", "deploy")
builder.add_edge("deploy", END)
graph = builder.compile()
