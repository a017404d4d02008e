"""Says which context and configuration its runs had: before it asks, and after the answer."""

from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt


@dataclass
class Settings:
    asked: str
    where: dict[str, str]
    tries: int = 3
    user_id: str = ""


def told(config: RunnableConfig, runtime: Runtime[Settings]) -> str:
    """One line."""
    configurable = config["configurable"]
    return f"{runtime.context} {configurable['tenant']} {configurable['user_id']}"


def ask(state: MessagesState, config: RunnableConfig, runtime: Runtime[Settings]) -> MessagesState:  # noqa: ARG001
    """The first run, and the one after the answer."""
    return {"messages": [AIMessage(f"{told(config, runtime)} | {interrupt({'question': told(config, runtime)})}")]}


builder: Any = StateGraph(MessagesState, context_schema=Settings)
builder.add_node(ask)
builder.add_edge(START, "ask")
graph = builder.compile()
