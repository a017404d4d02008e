"""A graph that knows nothing of approval: people decide before its node `deploy` all the same.

https://docs.langchain.com/oss/python/langgraph/interrupts#debugging-with-interrupts
"""

from typing import TypedDict

from langgraph.graph import END, START, StateGraph
from stories.outside import outside


class State(TypedDict, total=False):
    service: str
    replicas: int
    status: str


def plan(state: State) -> State:
    return {"replicas": 3, "status": f"{state['service']} is planned"}


def deploy(state: State) -> State:
    outside.try_step("deploy")
    outside.do(f"deploy {state['service']} x{state['replicas']}")
    return {"status": f"{state['service']} runs x{state['replicas']}"}


def announce(state: State) -> State:
    outside.do(f"announce {state['service']}")
    return {"status": f"{state['status']}, and everybody knows"}


builder = StateGraph(State)
builder.add_node(plan)
builder.add_node(deploy)
builder.add_node(announce)
builder.add_edge(START, "plan")
builder.add_edge("plan", "deploy")
builder.add_edge("deploy", "announce")
builder.add_edge("announce", END)
graph = builder.compile()
