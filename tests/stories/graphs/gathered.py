"""A node that asks two things side by side, and looks something up before the first, which may fail."""

import asyncio
from operator import add
from typing import Annotated, Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


class State(TypedDict, total=False):
    task: str
    log: Annotated[list[Any], add]


async def room(task: str) -> Any:
    outside.try_step("look the room up")
    return interrupt({"question": f"Which room for {task}?"})


async def food(task: str) -> Any:
    return interrupt({"question": f"Which food for {task}?"})


async def plan(state: State) -> State:
    found = await asyncio.gather(room(state["task"]), food(state["task"]))
    outside.do(f"book {' and '.join(map(str, found))}")
    return {"log": list(found)}


graph = StateGraph(State).add_node(plan).add_edge(START, "plan").compile()
