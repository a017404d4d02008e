"""Review and edit state, as LangGraph's guide on human-in-the-loop has it: a task and the text that it is about.

https://langchain-ai.github.io/langgraph/how-tos/human_in_the_loop/add-human-in-the-loop
"""

from typing import TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt


class State(TypedDict):
    summary: str


def generate_summary(state: State) -> State:
    return {"summary": f"The cat sat on the {state['summary']}."}


def human_review_edit(state: State) -> State:
    result = interrupt(
        {"task": "Please review and edit the generated summary if necessary.", "summary": state["summary"]}
    )
    return {"summary": result["edited_text"]}


def downstream_use(state: State) -> State:
    return {"summary": f"Using edited summary: {state['summary']}"}


builder = StateGraph(State)
builder.add_node("generate_summary", generate_summary)
builder.add_node("human_review_edit", human_review_edit)
builder.add_node("downstream_use", downstream_use)
builder.add_edge(START, "generate_summary")
builder.add_edge("generate_summary", "human_review_edit")
builder.add_edge("human_review_edit", "downstream_use")
builder.add_edge("downstream_use", END)
graph = builder.compile()
