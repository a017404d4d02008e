"""A state with a schema that can refuse it."""

from typing import Any, Literal

from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel, field_validator
from stories.outside import outside


class State(BaseModel):
    """What is ordered, where, and how much of it."""

    task: str = ""
    site: Literal["lisbon", "porto"] = "lisbon"
    number: int = 1
    status: str = ""

    @field_validator("number")
    @classmethod
    def _is_not_too_many(cls, value: int) -> int:
        if value > 100:
            raise ValueError("at most 100 can be ordered")
        return value


def count(state: State) -> dict[str, Any]:
    return {"site": "porto", "number": 500 if state.task == "too many" else 5}


def order(state: State) -> dict[str, Any]:
    if not interrupt({"question": f"Order {state.number} for {state.site}?"}):
        return {"status": "not ordered"}
    outside.do(f"order {state.number} for {state.site}")
    return {"status": f"ordered {state.number}"}


builder = StateGraph(State)
builder.add_node(count)
builder.add_node(order)
builder.add_edge(START, "count")
builder.add_edge("count", "order")
graph = builder.compile()
