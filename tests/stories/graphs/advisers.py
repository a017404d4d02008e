"""Two agents that hand over to one another and share one human node: a conversation of many turns.

https://langchain-ai.github.io/langgraph/how-tos/multi-agent-multi-turn-convo
"""

from typing import Literal

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

TRAVEL, HOTEL = "travel_adviser", "hotel_adviser"


def _says(name: str, text: str) -> AIMessage:
    return AIMessage(text, name=name)


def _heard(state: MessagesState) -> str:
    return str(next(each for each in reversed(state["messages"]) if each.type == "human").content)


def travel_adviser(state: MessagesState) -> Command[Literal["hotel_adviser", "human"]]:
    heard = _heard(state)
    if "hotel" in heard:
        return Command(goto=HOTEL, update={"messages": [_says(TRAVEL, "I hand you over.")]})
    return Command(goto="human", update={"messages": [_says(TRAVEL, f"travel heard: {heard}")]})


def hotel_adviser(state: MessagesState) -> Command[Literal["travel_adviser", "human"]]:
    heard = _heard(state)
    return Command(goto="human", update={"messages": [_says(HOTEL, f"hotel heard: {heard}")]})


def human(state: MessagesState, config: RunnableConfig) -> Command[Literal["travel_adviser", "hotel_adviser"]]:
    user_input = interrupt("Ready for user input.")
    active = next(
        each.name
        for each in reversed(state["messages"])
        if isinstance(each, AIMessage) and each.name in (TRAVEL, HOTEL)
    )
    return Command(update={"messages": [{"role": "human", "content": user_input}]}, goto=active)


builder = StateGraph(MessagesState)
builder.add_node(travel_adviser)
builder.add_node(hotel_adviser)
builder.add_node(human)
builder.add_edge(START, TRAVEL)
graph = builder.compile()
