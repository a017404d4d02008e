"""A model that calls a tool which asks a person, as LangGraph's tutorial on human assistance has it.

https://langchain-ai.github.io/langgraph/tutorials/get-started/4-human-in-the-loop
"""

from langchain.tools import tool
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import interrupt


@tool
def human_assistance(query: str) -> str:
    """Request assistance from a human."""
    human_response = interrupt({"query": query})
    return str(human_response["data"])


def chatbot(state: MessagesState) -> MessagesState:
    """A model without a provider: it asks the expert what it was asked."""
    last = state["messages"][-1]
    if last.type == "tool":
        return {"messages": [AIMessage(f"The expert says: {last.content}")]}
    call = {"name": "human_assistance", "args": {"query": str(last.content)}, "id": f"call-{len(state['messages'])}"}
    return {"messages": [AIMessage("", tool_calls=[call])]}


builder = StateGraph(MessagesState)
builder.add_node("chatbot", chatbot)
builder.add_node("tools", ToolNode([human_assistance]))
builder.add_edge(START, "chatbot")
builder.add_conditional_edges("chatbot", tools_condition)
builder.add_edge("tools", "chatbot")
graph = builder.compile()
