"""Builds the dispatcher for the depot that the configuration names."""

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from . import vans


async def make_graph(config: RunnableConfig):
    depot = config.get("configurable", {}).get("depot", "Leeds")

    async def look_up(state: MessagesState):
        return {"messages": [AIMessage("Van 12 has a worn tyre.")]}

    async def recall(state: MessagesState) -> Command:
        decision = interrupt({"task": f"Recall van 12 to {depot}?", "van": "12", "depot": depot})
        if not decision:
            return Command(update={"messages": [AIMessage("The van stays out.")]})
        vans.recall("van 12", depot)
        return Command(update={"messages": [AIMessage(f"Van 12 is on its way to {depot}.")]})

    builder = StateGraph(MessagesState)
    builder.add_node("look_up", look_up)
    builder.add_node("recall", recall)
    builder.add_edge(START, "look_up")
    builder.add_edge("look_up", "recall")
    return builder.compile()
