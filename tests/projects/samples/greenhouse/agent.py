"""Looks after the greenhouse."""

from pathlib import Path

from langgraph.checkpoint.memory import MemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

from climate import degrees

VALVES = Path(__file__).parent / "valves.txt"


def water(state: MessagesState):
    if not interrupt({"question": f"It is {degrees()} degrees. Open the valves?"}):
        return {"messages": [("ai", "The valves stay shut.")]}
    VALVES.write_text("open\n")
    return {"messages": [("ai", "The valves are open for ten minutes.")]}


builder = StateGraph(MessagesState)
builder.add_node("water", water)
builder.add_edge(START, "water")
graph = builder.compile(checkpointer=MemorySaver())
