"""A graph that holds keys of its environment in what it asks, says and raises, as graphs do by mistake."""

import os
from typing import Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


class State(TypedDict, total=False):
    """What somebody wants, and what became of it."""

    wish: str
    said: str


def call(state: State) -> State:
    """Ask to call somebody with a key in the arguments; fail, with the key in the message, where that is wished for."""
    key = os.environ["MAPS_API_KEY"]
    if state["wish"] == "fail":
        raise RuntimeError(f"GET https://maps.example/route?key={key}&to=x answered 403, aws AKIAIOSFODNN7EXAMPLE")
    args: dict[str, Any] = {"address": "12 Main St", "headers": {"X-Key": key}, "note": f"with {key}"}
    answer = interrupt({"question": "Is this correct?", "tool_call": {"name": "call_maps", "args": args, "id": "1"}})
    action, changed = answer
    if action == "feedback":
        return {"said": f"Not called: {changed}"}
    final = changed if action == "update" else args
    outside.do(f"{final['address']} {final['headers']['X-Key']} {final['note']}")
    return {"said": f"Called with {key}."}


builder = StateGraph(State)
builder.add_node("call", call)
builder.add_edge(START, "call")
graph = builder.compile()
