"""Two nodes of one step: one has a letter reviewed, which cannot be told no, and one asks two things in a row."""

from typing import TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


class State(TypedDict):
    letter: str


def review(state: State) -> dict[str, str]:
    return {"letter": interrupt({"text_to_revise": state["letter"]})}


async def board(state: State) -> dict[str, str]:  # noqa: ARG001 - LangGraph names it
    interrupt({"question": "Does legal agree?"})
    await outside.door("board").wait()
    interrupt({"question": "Does the board agree?"})
    return {}


builder = StateGraph(State)
builder.add_node(review)
builder.add_node(board)
builder.add_edge(START, "review")
builder.add_edge(START, "board")
builder.add_edge("review", END)
builder.add_edge("board", END)
graph = builder.compile()
