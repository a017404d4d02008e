"""NodeInterrupt, as LangGraph's older page on dynamic breakpoints has it.

https://langchain-ai.github.io/langgraph/how-tos/human_in_the_loop/dynamic_breakpoints
"""

import warnings
from typing import TypedDict

from langgraph.errors import NodeInterrupt
from langgraph.graph import END, START, StateGraph
from stories.outside import outside


class State(TypedDict):
    input: str


def step_1(state: State) -> State:
    return state


def step_2(state: State) -> State:
    if len(state["input"]) > 5:
        with warnings.catch_warnings(action="ignore"):
            interrupt = NodeInterrupt(f"Received input that is longer than 5 characters: {state['input']}")
        raise interrupt
    outside.do(f"step 2 with {state['input']}")
    return state


def step_3(state: State) -> State:
    outside.do(f"step 3 with {state['input']}")
    return {"input": f"{state['input']} went through"}


builder = StateGraph(State)
builder.add_node(step_1)
builder.add_node(step_2)
builder.add_node(step_3)
builder.add_edge(START, "step_1")
builder.add_edge("step_1", "step_2")
builder.add_edge("step_2", "step_3")
builder.add_edge("step_3", END)
graph = builder.compile()
