"""A step whose code does not show what an answer does: it is judged by a rule that is text."""

from typing import Any

from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt
from stories.outside import outside

RULE = "said == 'wipe it'"


def wipe(state: MessagesState) -> dict[str, Any]:
    target = state["messages"][-1].text
    said = interrupt({"action": "wipe", "target": target})
    if eval(RULE, {"said": said}):  # noqa: S307 - stands for what cannot be read
        outside.do(f"wiped {target}")
        return {"messages": [AIMessage("Wiped.")]}
    return {"messages": [AIMessage("Left alone.")]}


builder = StateGraph(MessagesState)
builder.add_node(wipe)
builder.add_edge(START, "wipe")
graph = builder
