"""A tool that has what a model found out confirmed or corrected, as LangGraph's tutorial has it.

https://langchain-ai.github.io/langgraph/tutorials/get-started/5-customize-state/
"""

from typing import Annotated, Any

from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, interrupt
from stories.outside import outside


class State(MessagesState):
    name: str
    birthday: str


@tool
def human_assistance(name: str, birthday: str, tool_call_id: Annotated[str, InjectedToolCallId]) -> Any:
    """Request assistance from a human."""
    reply = interrupt({"question": "Is this correct?", "name": name, "birthday": birthday})
    if reply.get("correct", "").lower().startswith("y"):
        known_name, known_birthday, told = name, birthday, "Correct"
    else:
        known_name = reply.get("name", name)
        known_birthday = reply.get("birthday", birthday)
        told = f"Made a correction: {reply}"
    messages = [ToolMessage(told, tool_call_id=tool_call_id)]
    return Command(update={"name": known_name, "birthday": known_birthday, "messages": messages})


def look_up(state: State) -> dict[str, Any]:
    if isinstance(state["messages"][-1], ToolMessage):
        outside.do(f"{state['name']}, {state['birthday']}")
        return {"messages": [AIMessage(f"{state['name']} was released on {state['birthday']}.")]}
    args = {"name": "LangGraph", "birthday": "Jan 17, 2024"}
    return {"messages": [AIMessage("", tool_calls=[{"name": "human_assistance", "args": args, "id": "1"}])]}


builder = StateGraph(State)
builder.add_node(look_up)
builder.add_node("tools", ToolNode([human_assistance]))
builder.add_edge(START, "look_up")
builder.add_conditional_edges(
    "look_up", lambda state: "tools" if state["messages"][-1].tool_calls else END, ["tools", END]
)
builder.add_edge("tools", "look_up")
graph = builder.compile()
