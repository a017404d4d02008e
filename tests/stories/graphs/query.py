"""A tool that asks a person, as in LangGraph's tutorial on human assistance."""

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt


def human_assistance(state: MessagesState) -> MessagesState:  # noqa: ARG001 - LangGraph names it
    human_response = interrupt({"query": "Which framework should I use?"})
    return {"messages": [AIMessage(f"The expert says: {human_response['data']}")]}


builder = StateGraph(MessagesState)
builder.add_node(human_assistance)
builder.add_edge(START, "human_assistance")
builder.add_edge("human_assistance", END)
graph = builder.compile()
