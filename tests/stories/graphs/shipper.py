"""A ToolNode whose calls are told to it: `billing 1; payments true force` calls `deploy` twice at once."""

import json
from typing import Any

from langchain.tools import tool
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from stories.outside import outside


@tool
def deploy(service: str, replicas: Any, force: Any = None) -> str:
    """Deploy a service."""
    outside.do(f"deploy {service} x{json.dumps(replicas)}{' by force' if force else ''}")
    return f"{service} deployed"


def agent(state: MessagesState) -> MessagesState:
    last = state["messages"][-1]
    if last.type != "human":
        return {"messages": [AIMessage(str(last.content))]}
    calls = [_call(number, *each.split()) for number, each in enumerate(str(last.content).split(";"))]
    return {"messages": [AIMessage("", tool_calls=calls)]}


def _call(number: int, service: str, replicas: str, *force: str) -> dict[str, Any]:
    args = {"service": service, "replicas": json.loads(replicas)} | ({"force": True} if force else {})
    return {"name": "deploy", "args": args, "id": f"call-{number}"}


builder = StateGraph(MessagesState)
builder.add_node(agent)
builder.add_node("tools", ToolNode([deploy]))
builder.add_edge(START, "agent")
builder.add_conditional_edges("agent", tools_condition)
builder.add_edge("tools", "agent")
graph = builder.compile()
