"""Two agents that hand over to one another and share one human node: a conversation of many turns.

https://langchain-ai.github.io/langgraph/how-tos/multi-agent-multi-turn-convo
"""

from typing import Literal

from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

Adviser = Literal["travel_adviser", "hotel_adviser"]


def _says(name: Adviser, text: str) -> AIMessage:
    return AIMessage(text, name=name)


def _heard(state: MessagesState) -> str:
    return str(next(each for each in reversed(state["messages"]) if each.type == "human").content)


def travel_adviser(state: MessagesState) -> Command[Literal["hotel_adviser", "human"]]:
    heard = _heard(state)
    if "hotel" in heard:
        return Command(goto="hotel_adviser", update={"messages": [_says("travel_adviser", "I hand you over.")]})
    return Command(goto="human", update={"messages": [_says("travel_adviser", f"travel heard: {heard}")]})


def hotel_adviser(state: MessagesState) -> Command[Literal["travel_adviser", "human"]]:
    heard = _heard(state)
    return Command(goto="human", update={"messages": [_says("hotel_adviser", f"hotel heard: {heard}")]})


def human(state: MessagesState) -> Command[Adviser]:
    user_input = interrupt("Ready for user input.")
    last = next(each for each in reversed(state["messages"]) if isinstance(each, AIMessage))
    active: Adviser = "hotel_adviser" if last.name == "hotel_adviser" else "travel_adviser"
    return Command(update={"messages": [{"role": "human", "content": user_input}]}, goto=active)


builder = StateGraph(MessagesState)
builder.add_node(travel_adviser)
builder.add_node(hotel_adviser)
builder.add_node(human)
builder.add_edge(START, "travel_adviser")
graph = builder.compile()
