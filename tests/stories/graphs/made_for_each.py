"""A graph that is made for each run, by a factory that the story can break and hold up."""

from typing import TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


class State(TypedDict, total=False):
    task: str
    told: str


async def graph(config: RunnableConfig) -> "StateGraph[State]":
    user = config["configurable"]["user_id"]
    outside.try_step("factory")
    if "held" in outside.broken:
        await outside.door("factory").wait()

    def ask(state: State) -> State:
        if not interrupt({"question": f"Do {state['task']}?"}):
            return {"told": "left"}
        outside.do(f"{state['task']} for {user}")
        return {"told": f"{state['task']} is done"}

    return StateGraph(State).add_node("ask", ask).add_edge(START, "ask")
