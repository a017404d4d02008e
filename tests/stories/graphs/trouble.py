"""Fails where the story wants it to: before it asks, after it was answered, in the node behind."""

import asyncio
import time
from operator import add
from typing import Annotated, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


class State(TypedDict, total=False):
    task: str
    log: Annotated[list[str], add]
    big: str
    number: int


def prepare(state: State) -> State:
    outside.try_step("prepare")
    outside.do(f"prepare {state['task']}")
    return {"log": ["prepared"], "big": "x" * 5_000_000 if state["task"] == "big" else ""}


def ask(state: State) -> State:
    outside.try_step("before asking")
    agreed = interrupt({"question": f"Do {state['task']}?"})
    outside.try_step("after the answer")
    return {"log": [f"agreed: {agreed}"]}


async def act(state: State, config: RunnableConfig) -> State:
    outside.try_step("act")
    if state["task"] == "hang":
        await outside.door("hang").wait()
    if state["task"] == "block":
        await asyncio.to_thread(_block)
    outside.do(f"act on {state['task']} with {config['configurable']['signoff_idempotency_key'][-16:]}")
    return {"log": ["done"]}


def _block() -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end and not outside.door("block").is_set():
        time.sleep(0.02)
    outside.do("the blocked thread ended")


builder = StateGraph(State)
builder.add_node(prepare)
builder.add_node(ask)
builder.add_node(act)
builder.add_edge(START, "prepare")
builder.add_edge("prepare", "ask")
builder.add_edge("ask", "act")
builder.add_edge("act", END)
graph = builder.compile()
