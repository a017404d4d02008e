"""A conversation of many turns in which each agent has a human node of its own.

https://langchain-ai.github.io/langgraph/concepts/multi_agent
"""

from typing import Literal

from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt


def _heard(state: MessagesState) -> str:
    return str(next(each for each in reversed(state["messages"]) if each.type == "human").content)


def sommelier(state: MessagesState) -> Command[Literal["cook", "human_of_sommelier"]]:
    heard = _heard(state)
    if "dish" in heard:
        return Command(goto="cook")
    said = AIMessage(f"To drink, for '{heard}': a Douro red.", name="sommelier")
    return Command(goto="human_of_sommelier", update={"messages": [said]})


def human_of_sommelier(state: MessagesState) -> Command[Literal["sommelier"]]:  # noqa: ARG001 - LangGraph names it
    user_input = interrupt("Another wine?")
    return Command(goto="sommelier", update={"messages": [{"role": "human", "content": user_input}]})


def cook(state: MessagesState) -> Command[Literal["sommelier", "human_of_cook"]]:
    heard = _heard(state)
    if "wine" in heard:
        return Command(goto="sommelier")
    said = AIMessage(f"To eat, for '{heard}': grilled sardines.", name="cook")
    return Command(goto="human_of_cook", update={"messages": [said]})


def human_of_cook(state: MessagesState) -> Command[Literal["cook"]]:  # noqa: ARG001 - LangGraph names it
    user_input = interrupt("Another dish?")
    return Command(goto="cook", update={"messages": [{"role": "human", "content": user_input}]})


builder = StateGraph(MessagesState)
builder.add_node(sommelier)
builder.add_node(human_of_sommelier)
builder.add_node(cook)
builder.add_node(human_of_cook)
builder.add_edge(START, "sommelier")
graph = builder.compile()
