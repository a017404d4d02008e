"""Input as a node: an empty node, a breakpoint before it, and people's words written as though it had run.

https://langchain-ai.github.io/langgraph/how-tos/human_in_the_loop/wait-user-input
"""

from typing import TypedDict

from langgraph.graph import END, START, StateGraph
from stories.outside import outside


class State(TypedDict, total=False):
    input: str
    user_feedback: str
    answer: str


def step_1(state: State) -> None:
    pass


def human_feedback(state: State) -> None:  # noqa: ARG001 - LangGraph names it
    outside.do("the empty node ran")


def step_3(state: State) -> State:
    return {"answer": f"{state['input']}, in {state['user_feedback']}"}


builder = StateGraph(State)
builder.add_node("step_1", step_1)
builder.add_node("human_feedback", human_feedback)
builder.add_node("step_3", step_3)
builder.add_edge(START, "step_1")
builder.add_edge("step_1", "human_feedback")
builder.add_edge("human_feedback", "step_3")
builder.add_edge("step_3", END)
graph = builder.compile(interrupt_before=["human_feedback"])
