"""Approve or reject a model's output, as LangGraph's guide on human-in-the-loop has it: two ways to go on.

https://langchain-ai.github.io/langgraph/how-tos/human_in_the_loop/add-human-in-the-loop
"""

from typing import Literal, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt


class State(TypedDict):
    llm_output: str
    decision: str


def generate_llm_output(state: State) -> State:
    return {**state, "llm_output": f"This is the generated output: {state['llm_output']}"}


def human_approval(state: State) -> Command[Literal["approved_path", "rejected_path"]]:
    decision = interrupt({"question": "Do you approve the following output?", "llm_output": state["llm_output"]})
    if decision:
        return Command(goto="approved_path", update={"decision": "approved"})
    return Command(goto="rejected_path", update={"decision": "rejected"})


def approved_node(state: State) -> State:
    return {**state, "decision": f"Approved path taken: {state['decision']}"}


def rejected_node(state: State) -> State:
    return {**state, "decision": f"Rejected path taken: {state['decision']}"}


builder = StateGraph(State)
builder.add_node("generate_llm_output", generate_llm_output)
builder.add_node("human_approval", human_approval)
builder.add_node("approved_path", approved_node)
builder.add_node("rejected_path", rejected_node)
builder.add_edge(START, "generate_llm_output")
builder.add_edge("generate_llm_output", "human_approval")
builder.add_edge("approved_path", END)
builder.add_edge("rejected_path", END)
graph = builder.compile()
