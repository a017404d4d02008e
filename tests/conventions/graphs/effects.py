"""What the collections share: where effects are written, and small graphs to put a node in."""

import json
import os
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode


def effect(graph: str, what: str, value: Any = None, said: Any = None) -> None:
    if path := os.environ.get("CONV_FX"):
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"graph": graph, "what": what, "value": value, "said": said}, default=str) + "\n")


def say(text: str, **more: Any) -> dict[str, Any]:
    return {"messages": [AIMessage(text)], **more}


def chain(state: Any, *nodes: Any) -> StateGraph:
    """Nodes one after the other."""
    builder = StateGraph(state)
    names = [node.__name__ for node in nodes]
    for name, node in zip(names, nodes):
        builder.add_node(name, node)
    for one, two in zip([START, *names], [*names, END]):
        builder.add_edge(one, two)
    return builder


def one_call(name: str, args: dict[str, Any], tools: Any, graph: str) -> StateGraph:
    """A model that makes one tool call, what runs it, and the model's last words."""

    def model(state: MessagesState) -> dict[str, Any]:
        last = state["messages"][-1]
        if isinstance(last, ToolMessage):
            return say(f"{graph}: {last.content}")
        return {"messages": [AIMessage("", tool_calls=[{"name": name, "args": args, "id": "call-1"}])]}

    builder = StateGraph(MessagesState)
    builder.add_node("model", model)
    builder.add_node("tools", ToolNode(tools, handle_tool_errors=False) if isinstance(tools, list) else tools)
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", lambda s: "tools" if s["messages"][-1].tool_calls else END, ["tools", END])
    builder.add_edge("tools", "model")
    return builder


def meta(approve: str, reject: str, edit: Any = None, answer: str | None = None, **more: Any) -> dict[str, Any]:
    """An entry of `META`, as `sample.py` has it.

    `further`: the word of another choice of the node's own, what a person writes with it, and what the thread then says.
    """
    return {"approve": approve, "reject": reject, "edit": edit, "answer": answer, **more}
