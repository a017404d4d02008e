"""Asks the same question again and again, until it is told to stop."""

from operator import add
from typing import Annotated, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from stories.outside import outside


class State(TypedDict, total=False):
    task: str
    rounds: Annotated[list[int], add]


def again(state: State) -> Command[str]:
    more = interrupt({"question": "Once more?"})
    rounds = len(state.get("rounds", []))
    outside.do(f"round {rounds}: {more}")
    return Command(goto="again" if more else END, update={"rounds": [rounds]})


def for_ever(state: State) -> Command[str]:
    outside.do("step")
    return Command(goto="for_ever" if len(state.get("rounds", [])) < 200 else END, update={"rounds": [0]})


builder = StateGraph(State)
builder.add_node("again", again, destinations=("again", END))
builder.add_node("for_ever", for_ever, destinations=("for_ever", END))
builder.add_conditional_edges(START, lambda state: "for_ever" if state["task"] == "run" else "again")
graph = builder.compile()
