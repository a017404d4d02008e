"""A graph that asks nothing: people decide before its node `ship`."""

from pathlib import Path
from typing import TypedDict

from langgraph.graph import END, START, StateGraph

HERE = Path(__file__).parent


def does(what: str) -> None:
    with (HERE / "effects.txt").open("a", encoding="utf-8") as log:
        log.write(f"{what}\n")


class Rollout(TypedDict, total=False):
    service: str
    replicas: int
    said: str


def prepare(state: Rollout) -> Rollout:
    return {"replicas": 3, "said": f"{state['service']} is planned"}


def ship(state: Rollout) -> Rollout:
    does(f"shipped {state['service']} x{state['replicas']}")
    return {"said": f"{state['service']} runs x{state['replicas']}"}


_rollout = StateGraph(Rollout)
_rollout.add_node(prepare)
_rollout.add_node(ship)
_rollout.add_edge(START, "prepare")
_rollout.add_edge("prepare", "ship")
_rollout.add_edge("ship", END)
rollout = _rollout.compile()
