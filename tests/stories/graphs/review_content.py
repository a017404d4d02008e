"""Review and edit state, as LangGraph's page on interrupts has it.

https://docs.langchain.com/oss/python/langgraph/interrupts#review-and-edit-state
"""

from typing import TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt


class ReviewState(TypedDict):
    generated_text: str


def review_node(state: ReviewState) -> ReviewState:
    updated = interrupt({"instruction": "Review and edit this content", "content": state["generated_text"]})
    return {"generated_text": updated}


builder = StateGraph(ReviewState)
builder.add_node("review", review_node)
builder.add_edge(START, "review")
builder.add_edge("review", END)
graph = builder.compile()
