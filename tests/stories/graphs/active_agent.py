"""A conversation of many turns with one human node for all agents: the state says which of them is active.

https://langchain-ai.github.io/langgraph/how-tos/multi-agent-multi-turn-convo
"""

from typing import Literal

from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt


class State(MessagesState, total=False):
    active_agent: Literal["sales", "support"]


def _heard(state: State) -> str:
    return str(next(each for each in reversed(state["messages"]) if each.type == "human").content)


def sales(state: State) -> Command[Literal["support", "human"]]:
    heard = _heard(state)
    if "broken" in heard:
        return Command(goto="support")
    said = AIMessage(f"sales heard: {heard}", name="sales")
    return Command(goto="human", update={"messages": [said], "active_agent": "sales"})


def support(state: State) -> Command[Literal["sales", "human"]]:
    heard = _heard(state)
    if "buy" in heard:
        return Command(goto="sales")
    said = AIMessage(f"support heard: {heard}", name="support")
    return Command(goto="human", update={"messages": [said], "active_agent": "support"})


def human(state: State) -> Command[Literal["sales", "support"]]:
    user_input = interrupt(value="Ready for user input.")
    return Command(update={"messages": [{"role": "human", "content": user_input}]}, goto=state["active_agent"])


builder = StateGraph(State)
builder.add_node(sales)
builder.add_node(support)
builder.add_node(human)
builder.add_edge(START, "sales")
graph = builder.compile()
