"""Validate human input by a conditional edge: each round is a new run of the node, the question stands in the state.

https://docs.langchain.com/oss/python/langgraph/interrupts#validating-human-input
"""

from typing import TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt


class FormState(TypedDict, total=False):
    city: str
    pending_question: str | None


def get_city_node(state: FormState) -> FormState:
    answer = interrupt(state.get("pending_question") or "Which city?")
    if answer.istitle():
        return {"city": answer, "pending_question": None}
    return {"pending_question": f"'{answer}' is no city. Please begin it with a capital letter."}


def is_answered(state: FormState) -> str:
    return END if state.get("city") else "collect_city"


builder = StateGraph(FormState)
builder.add_node("collect_city", get_city_node)
builder.add_edge(START, "collect_city")
builder.add_conditional_edges("collect_city", is_answered)
graph = builder.compile()
