"""Two agents of one file, whose state has classes of its own."""

from enum import Enum
from typing import Any

from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel
from stories.outside import outside


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


class Parcel(BaseModel):
    size: Size


class State(BaseModel):
    text: str
    parcel: Parcel | None = None
    status: str = ""


def small(state: State) -> dict[str, Any]:  # noqa: ARG001 - LangGraph names it
    return {"parcel": Parcel(size=Size.SMALL)}


def large(state: State) -> dict[str, Any]:  # noqa: ARG001 - LangGraph names it
    return {"parcel": Parcel(size=Size.LARGE)}


def review(state: State) -> dict[str, Any]:
    if state.parcel is None or not isinstance(state.parcel.size, Size):
        raise TypeError("the state came back with other classes than it was stored with")
    if interrupt({"question": f"Send the {state.parcel.size.value} parcel?"}) is True:
        outside.do(f"{state.parcel.size.value} {state.text}")
        return {"status": "sent"}
    return {"status": "kept"}


letters = StateGraph(State).add_sequence([small, review]).add_edge(START, "small").compile()
freight = StateGraph(State).add_sequence([large, review]).add_edge(START, "large").compile()
