"""The graphs which the savers are compared by: a state with one large text that stays and a small one that changes."""

import random
from functools import cache
from typing import Any, TypedDict

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import interrupt

STEPS = 20

_WORDS = (
    "agent",
    "approve",
    "budget",
    "customer",
    "delete",
    "invoice",
    "ledger",
    "order",
    "refund",
    "review",
    "ticket",
)

Graph = CompiledStateGraph[Any, None, Any, Any]


class State(TypedDict, total=False):
    """What an agent carries along (`document`), and what each step changes."""

    document: str
    notes: str
    step: int


@cache
def text(size: int) -> str:
    """Write so many bytes of words, always the same: databases that compress find about what real text offers."""
    chosen = random.Random(size)  # noqa: S311 - filler
    words: list[str] = []
    length = 0
    while length < size:
        words.append(f"{chosen.choice(_WORDS)}{chosen.randrange(10_000)}")
        length += len(words[-1]) + 1
    return " ".join(words)[:size]


def asking(saver: BaseCheckpointSaver[Any]) -> Graph:
    """Three nodes, of which the second asks: start -> interrupt -> resume -> end."""
    builder = StateGraph(State)
    builder.add_node("plan", _plan)
    builder.add_node("ask", _ask)
    builder.add_node("act", _act)
    builder.add_edge(START, "plan")
    builder.add_edge("plan", "ask")
    builder.add_edge("ask", "act")
    builder.add_edge("act", END)
    return builder.compile(checkpointer=saver)


def long(saver: BaseCheckpointSaver[Any]) -> Graph:
    """One node, run twenty times."""
    builder = StateGraph(State)
    builder.add_node("work", _work)
    builder.add_edge(START, "work")
    builder.add_conditional_edges("work", _goes_on, ["work", END])
    return builder.compile(checkpointer=saver)


def _plan(state: State) -> State:
    return {"notes": f"planned {len(state['document'])}"}


def _ask(state: State) -> State:
    return {"notes": str(interrupt({"question": f"Go on after {state['notes']}?"}))}


def _act(state: State) -> State:
    return {"notes": f"done: {state['notes']}"}


def _work(state: State) -> State:
    step = state.get("step", 0) + 1
    return {"step": step, "notes": f"did step {step}"}


def _goes_on(state: State) -> str:
    return "work" if state["step"] < STEPS else END
