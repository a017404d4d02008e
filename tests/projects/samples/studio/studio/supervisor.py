from typing import Literal

from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command

from studio.team import researcher, writer


def supervisor(state: MessagesState) -> Command[Literal["researcher", "writer", "__end__"]]:
    """Hands over to the one whose turn it is."""
    done = {message.name for message in state["messages"]}
    if "researcher" not in done:
        return Command(goto="researcher")
    return Command(goto=END if "writer" in done else "writer")


workflow = StateGraph(MessagesState)
workflow.add_node("supervisor", supervisor)
workflow.add_node("researcher", researcher)
workflow.add_node("writer", writer)
workflow.add_edge(START, "supervisor")
workflow.add_edge("researcher", "supervisor")
workflow.add_edge("writer", "supervisor")

graph = workflow.compile()
