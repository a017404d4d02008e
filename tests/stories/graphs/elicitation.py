"""A tool of an MCP server that needs input in mid-call, with the payload that `langchain.mcp` makes of it.

https://reference.langchain.com/python/langchain/mcp/elicitation
"""

import json
from typing import Any

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


def call_tool(state: MessagesState) -> MessagesState:  # noqa: ARG001 - LangGraph names it
    requests: list[dict[str, Any]] = outside.payload
    resume = interrupt({"type": "mcp_elicitation", "tool_name": "book_table", "requests": requests})
    answers = {each["key"]: resume["responses"][each["key"]] for each in requests}
    outside.do(json.dumps(answers, sort_keys=True))
    told = ", ".join(f"{key}: {answer['action']}" for key, answer in answers.items())
    return {"messages": [AIMessage(f"The server was told {told}.")]}


builder = StateGraph(MessagesState)
builder.add_node(call_tool)
builder.add_edge(START, "call_tool")
builder.add_edge("call_tool", END)
graph = builder.compile()
