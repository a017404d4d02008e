"""Six nodes of one step that ask for an approval, and one that asks a question."""

import operator
from collections.abc import Callable
from typing import Annotated, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


class State(TypedDict):
    task: str
    answers: Annotated[list[str], operator.add]
    told: str


def asking(step: int) -> Callable[..., dict[str, list[str]]]:
    def ask(state: State) -> dict[str, list[str]]:
        yes = interrupt({"question": f"May I do step {step} of {state['task']}?"})
        outside.do(f"step {step}: {yes}")
        return {"answers": [f"{step}: {yes}"]}

    return ask


def colour(state: State) -> dict[str, list[str]]:  # noqa: ARG001 - LangGraph names it
    answer = interrupt("Which colour do you like?")
    outside.do(f"colour: {answer}")
    return {"answers": [answer]}


def tell(state: State) -> dict[str, str]:
    return {"told": f"All {len(state['answers'])} are answered."}


builder = StateGraph(State)
steps = [f"step_{step}" for step in range(1, 7)]
for step, name in enumerate(steps, 1):
    builder.add_node(name, asking(step))
builder.add_node(colour)
builder.add_node(tell)
for name in (*steps, "colour"):
    builder.add_edge(START, name)
builder.add_edge([*steps, "colour"], "tell")
builder.add_edge("tell", END)
graph = builder.compile()
