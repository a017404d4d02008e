"""Validate human input in a loop within one node, as LangGraph's page on interrupts has it.

https://docs.langchain.com/oss/python/langgraph/interrupts#validating-human-input
"""

from typing import TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt


class FormState(TypedDict):
    age: int | None


def get_age_node(state: FormState) -> FormState:  # noqa: ARG001 - LangGraph names it
    prompt = "What is your age?"
    while True:
        answer = interrupt(prompt)
        if isinstance(answer, int) and answer > 0:
            return {"age": answer}
        prompt = f"'{answer}' is not a valid age. Please enter a positive number."


builder = StateGraph(FormState)
builder.add_node("collect_age", get_age_node)
builder.add_edge(START, "collect_age")
builder.add_edge("collect_age", END)
graph = builder.compile()
