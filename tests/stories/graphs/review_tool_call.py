"""Review a tool call: continue, update its arguments, or give feedback.

https://langchain-ai.github.io/langgraph/how-tos/human_in_the_loop/review-tool-calls
"""

from typing import Literal

from langchain_core.messages import AIMessage, ToolMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, interrupt
from stories.outside import outside


def call_llm(state: MessagesState) -> MessagesState:
    """A model without a provider: it deploys what it is asked to, and tells what became of it."""
    last = state["messages"][-1]
    if isinstance(last, ToolMessage):
        return {"messages": [AIMessage(f"The tool says: {last.content}")]}
    call = {
        "name": "deploy",
        "args": {"service": str(last.content), "replicas": 2},
        "id": f"call-{len(state['messages'])}",
    }
    return {"messages": [AIMessage("", tool_calls=[call])]}


def human_review_node(state: MessagesState) -> Command[Literal["call_llm", "run_tool"]]:
    last_message = state["messages"][-1]
    assert isinstance(last_message, AIMessage)
    tool_call = last_message.tool_calls[-1]
    human_review = interrupt({"question": "Is this correct?", "tool_call": tool_call})
    review_action, review_data = human_review
    if review_action == "continue":
        return Command(goto="run_tool")
    if review_action == "update":
        updated_message = AIMessage(
            last_message.content, tool_calls=[{**tool_call, "args": review_data}], id=last_message.id
        )
        return Command(goto="run_tool", update={"messages": [updated_message]})
    tool_message = ToolMessage(review_data, name=tool_call["name"], tool_call_id=tool_call["id"])
    return Command(goto="call_llm", update={"messages": [tool_message]})


def run_tool(state: MessagesState) -> MessagesState:
    last = state["messages"][-1]
    assert isinstance(last, AIMessage)
    (call,) = last.tool_calls
    outside.do(f"deploy {call['args']['service']} x{call['args']['replicas']}")
    return {"messages": [ToolMessage(f"deployed x{call['args']['replicas']}", tool_call_id=call["id"])]}


def route_after_llm(state: MessagesState) -> str:
    last = state["messages"][-1]
    return "human_review_node" if isinstance(last, AIMessage) and last.tool_calls else END


builder = StateGraph(MessagesState)
builder.add_node(call_llm)
builder.add_node(human_review_node)
builder.add_node(run_tool)
builder.add_edge(START, "call_llm")
builder.add_conditional_edges("call_llm", route_after_llm, ["human_review_node", END])
builder.add_edge("run_tool", "call_llm")
graph = builder.compile()
