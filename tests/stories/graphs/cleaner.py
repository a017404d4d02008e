"""An agent with tools that asks nobody: `model -> tools -> model`, as LangGraph's page on tool calling has it.

https://docs.langchain.com/oss/python/langgraph/quickstart
"""

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from stories.outside import outside


@tool
def read_file(path: str) -> str:
    """Read a file."""
    outside.do(f"read {path}")
    return f"{path} has 3 lines"


@tool
def delete_file(path: str, recursive: bool = False) -> str:  # noqa: FBT001, FBT002 - a tool's argument
    """Delete a file."""
    outside.do(f"delete {path}{' and all below' if recursive else ''}")
    return f"{path} is deleted"


def model(state: MessagesState) -> MessagesState:
    """A model without a provider: it reads and deletes what it is asked to, and tells what became of it."""
    last = state["messages"][-1]
    if isinstance(last, HumanMessage):
        paths = str(last.content).split()
        calls = [
            {"id": f"{name}-{path}", "name": name, "args": {"path": path}}
            for path in paths
            for name in ("read_file", "delete_file")
        ]
        return {"messages": [AIMessage("", tool_calls=calls)]}
    results = [str(each.content) for each in state["messages"] if isinstance(each, ToolMessage)]
    return {"messages": [AIMessage("; ".join(results))]}


builder = StateGraph(MessagesState)
builder.add_node("model", model)
builder.add_node("tools", ToolNode([read_file, delete_file]))
builder.add_edge(START, "model")
builder.add_conditional_edges("model", tools_condition, ["tools", END])
builder.add_edge("tools", "model")
graph = builder.compile()
