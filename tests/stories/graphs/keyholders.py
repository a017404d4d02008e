"""A fan-out whose every item asks with a key of the environment among its arguments."""

import os
from typing import TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import Send, interrupt
from stories.outside import outside


class State(TypedDict, total=False):
    calls: int
    said: str


class Call(TypedDict):
    number: int


def each_call(state: State) -> list[Send]:
    return [Send("call", {"number": number}) for number in range(1, int(state["calls"]) + 1)]


def call(state: Call) -> None:
    args = {"address": f"{state['number']} Main St", "key": os.environ["MAPS_API_KEY"]}
    decision = interrupt(
        {
            "action_request": {"action": "call_maps", "args": args},
            "config": {"allow_accept": True, "allow_edit": True, "allow_ignore": True, "allow_respond": False},
            "description": "",
        }
    )[0]
    final = decision["args"]["args"] if decision["type"] == "edit" else args
    outside.do(f"{final['address']} {final['key']}")


builder = StateGraph(State)
builder.add_node("call", call)
builder.add_conditional_edges(START, each_call, ["call"])
graph = builder.compile()
