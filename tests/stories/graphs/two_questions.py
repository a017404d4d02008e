"""One node that asks twice: the answer to the first must never reach the second."""

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


def clean_up(state: MessagesState) -> MessagesState:  # noqa: ARG001 - LangGraph names it
    logs = interrupt({"question": "Delete the logs?"})
    outside.try_step("after the first answer")
    database = interrupt({"question": "Delete the production database?"})
    outside.do(f"logs: {logs}, database: {database}")
    return {"messages": [AIMessage(f"Done: logs {logs}, database {database}")]}


builder = StateGraph(MessagesState)
builder.add_node(clean_up)
builder.add_edge(START, "clean_up")
builder.add_edge("clean_up", END)
graph = builder.compile()
