"""Three nodes of one step that each ask for an approval, and one that comes when all are there.

https://docs.langchain.com/oss/python/langgraph/interrupts#handling-multiple-interrupts
"""

import operator
from collections.abc import Callable
from typing import Annotated, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from stories.outside import outside


class State(TypedDict):
    contract: str
    agreed: Annotated[list[str], operator.add]
    told: str


def reviewer(team: str) -> Callable[..., dict[str, list[str]]]:
    def review(state: State) -> dict[str, list[str]]:
        outside.do(f"{team} ran")
        yes = interrupt({"question": f"Does {team} agree?", "contract": state["contract"]})
        outside.do(f"{team}: {yes}")
        return {"agreed": [team] if yes else []}

    return review


def sign(state: State) -> dict[str, str]:
    return {"told": f"Agreed: {', '.join(sorted(state['agreed'])) or 'nobody'}."}


builder = StateGraph(State)
for team in ("legal", "finance", "security"):
    builder.add_node(team, reviewer(team))
    builder.add_edge(START, team)
builder.add_node("sign", sign)
builder.add_edge(["legal", "finance", "security"], "sign")
builder.add_edge("sign", END)
graph = builder.compile()
