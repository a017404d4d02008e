"""Nodes that take a word for a yes, each in its own spelling, and any other words for a wish."""

import re
from collections.abc import Callable
from typing import Any

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


def graph_of(node: Callable[..., dict[str, Any]]) -> Any:
    builder = StateGraph(MessagesState)
    builder.add_node("check", node)
    builder.add_edge(START, "check")
    builder.add_edge("check", END)
    return builder.compile()


def sent() -> dict[str, Any]:
    outside.do("sent to the board")
    return {"messages": [AIMessage("Sent.")]}


def wished(reply: str) -> dict[str, Any]:
    return {"messages": [AIMessage(f"To be revised: {reply}")]}


def lowered(_: MessagesState) -> dict[str, Any]:
    reply = interrupt({"summary": "Sales rose by 4 %.", "about": "the board's summary"})
    return sent() if reply.strip().lower() in ("yes", "ok") else wished(reply)


def stripped(_: MessagesState) -> dict[str, Any]:
    reply = interrupt({"summary": "Sales rose by 4 %.", "about": "the board's summary"})
    if reply.strip(" .!x").casefold() == "yes":
        return sent()
    return wished(reply)


def searched(_: MessagesState) -> dict[str, Any]:
    reply = interrupt({"summary": "Sales rose by 4 %.", "about": "the board's summary"})
    if re.search(r"\byes\b", reply, re.IGNORECASE):
        return sent()
    return wished(reply)


def told(_: MessagesState) -> dict[str, Any]:
    if interrupt({"summary": "Sales rose by 4 %.", "about": "the board's summary"}):
        return sent()
    return {"messages": [AIMessage("Kept.")]}


def unread(_: MessagesState) -> dict[str, Any]:
    reply = interrupt({"summary": "Sales rose by 4 %.", "about": "the board's summary"})
    if eval("bool(reply)", {"reply": reply}):  # noqa: S307 - stands for what cannot be read
        outside.do(f"sent, told {reply!r}")
    return {"messages": [AIMessage("Done with it.")]}


by_word = graph_of(lowered)
by_stripped_word = graph_of(stripped)
by_search = graph_of(searched)
by_truth = graph_of(told)
by_nobody_knows = graph_of(unread)
