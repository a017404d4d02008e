"""A conversation of many turns, whose state says which agent is active."""

from typing import Literal

from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt


class Talk(MessagesState, total=False):
    active_agent: Literal["sales", "support"]


def _heard(state: Talk) -> str:
    return next(each for each in reversed(state["messages"]) if each.type == "human").text


def sales(state: Talk) -> Command[Literal["support", "human"]]:
    if "broken" in _heard(state):
        return Command(goto="support")
    said = AIMessage(f"sales heard: {_heard(state)}", name="sales")
    return Command(goto="human", update={"messages": [said], "active_agent": "sales"})


def support(state: Talk) -> Command[Literal["sales", "human"]]:
    if "buy" in _heard(state):
        return Command(goto="sales")
    said = AIMessage(f"support heard: {_heard(state)}", name="support")
    return Command(goto="human", update={"messages": [said], "active_agent": "support"})


def human(state: Talk) -> Command[Literal["sales", "support"]]:
    answer = interrupt("Ready for user input.")
    return Command(update={"messages": [{"role": "human", "content": answer}]}, goto=state["active_agent"])


_talk = StateGraph(Talk)
_talk.add_node(sales)
_talk.add_node(support)
_talk.add_node(human)
_talk.add_edge(START, "sales")
talk = _talk.compile()
