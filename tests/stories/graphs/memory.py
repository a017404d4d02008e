"""An agent that remembers beyond its thread; it was compiled without a store."""

from typing import TypedDict

from langgraph.config import get_store
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt


class State(TypedDict, total=False):
    text: str
    reply: str


async def remember(state: State, runtime: Runtime[None]) -> State:
    if runtime.store is None:
        raise TypeError("the graph has no store")
    before = [item.value["text"] for item in await runtime.store.asearch(("notes",))]
    if interrupt({"question": f"Note {state['text']}?"}) is not True:
        return {"reply": "nothing noted"}
    await runtime.store.aput(("notes",), state["text"], {"text": state["text"]})
    return {"reply": f"noted beside {', '.join(before) or 'nothing'}"}


def inner(state: State) -> State:
    found = get_store().search(("notes",))
    return {"reply": f"{state['reply']}, {len(found)} in all"}


below = StateGraph(State).add_node(inner).add_edge(START, "inner").compile()
graph = (
    StateGraph(State)
    .add_node(remember)
    .add_node("below", below)
    .add_edge(START, "remember")
    .add_edge("remember", "below")
    .compile()
)
