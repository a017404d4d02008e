"""Ends each turn as it is told to: with a tool's answer, with a result in the state, or without a word."""

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

CALL = {"name": "look", "args": {}, "id": "call-1"}


class State(MessagesState, total=False):
    """With the result of an agent that answers in fields."""

    structured_response: dict[str, object] | None


def work(state: State) -> State:
    told = str(state["messages"][-1].content)
    if "happened" in told:
        return {
            "messages": [AIMessage(str(each.content)) for each in state["messages"] if isinstance(each, ToolMessage)]
        }
    messages: list[AnyMessage] = []
    if "tool" in told:
        messages = [AIMessage("", tool_calls=[CALL]), ToolMessage("It rains.", tool_call_id="call-1")]
    elif "ask" in told:
        interrupt({"question": "Go on?"})
    elif "empty" in told:
        messages = [AIMessage("")]
    result = {"place": "Porto", "days": 3} if "fields" in told else None
    return {"messages": [*messages, *([AIMessage("")] if result else [])], "structured_response": result}


builder = StateGraph(State)


def call(state: State) -> dict[str, list[AIMessage]]:
    return {"messages": [AIMessage("", tool_calls=[CALL])]} if "fail" in str(state["messages"][-1].content) else {}


def run(state: State) -> None:
    if getattr(state["messages"][-1], "tool_calls", ()):
        raise RuntimeError("the call does not work today")


for node in (call, run, work):
    builder.add_node(node)
builder.add_edge(START, "call")
builder.add_edge("call", "run")
builder.add_edge("run", "work")
graph = builder.compile()
