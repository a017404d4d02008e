"""A branch that takes a person's values for those that were shown is an edit, where it differs in nothing else."""

from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, interrupt
from support.graph_talk import APPROVE, edit, talking

from engine.asks.ask import Choice, Decision

A, E, R = Choice.APPROVE, Choice.EDIT, Choice.REJECT


class State(MessagesState, total=False):
    name: str
    born: str
    status: str


@tool
def verify(name: str, born: str, tool_call_id: Annotated[str, InjectedToolCallId]) -> Any:
    """Have it verified."""
    reply = interrupt({"question": "Is this correct?", "name": name, "born": born})
    if reply.get("correct", "").lower().startswith("y"):
        known, day, told = name, born, "Correct"
    else:
        known, day, told = reply.get("name", name), reply.get("born", born), f"Corrected: {reply}"
    return Command(update={"name": known, "born": day, "messages": [ToolMessage(told, tool_call_id=tool_call_id)]})


def check(_: State) -> Any:
    name = "LangGraph"
    reply = interrupt({"question": "Is this the name?", "name": name})
    if reply.get("ok") == "yes":
        return {"name": name, "messages": [AIMessage("As you say.")]}
    return {"name": reply.get("new_name", name), "messages": [AIMessage("I see.")]}


def sorted_out(_: State) -> Any:
    name = "LangGraph"
    reply = interrupt({"question": "Is this the name?", "name": name})
    if reply.get("ok") == "yes":
        return {"name": name, "status": "verified"}
    return {"name": reply.get("name", name), "status": "doubted"}


def model(state: State) -> Any:
    if isinstance(state["messages"][-1], ToolMessage):
        return {"messages": [AIMessage(f"{state['name']}, {state['born']}")]}
    args = {"name": "LangGraph", "born": "2024"}
    return {"messages": [AIMessage("", tool_calls=[{"name": "verify", "args": args, "id": "1"}])]}


def with_tool() -> Any:
    builder = StateGraph(State)
    builder.add_node(model)
    builder.add_node("tools", ToolNode([verify]))
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", lambda s: "tools" if s["messages"][-1].tool_calls else END, ["tools", END])
    builder.add_edge("tools", "model")
    return builder


def alone(node: Any) -> Any:
    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder


async def state_of(talk: Any) -> Any:
    graph = talk.graphs._agents[next(iter(talk.graphs._agents))].graph
    return (await graph.aget_state({"configurable": {"thread_id": talk.thread}})).values


@pytest.mark.promise("P4")
@pytest.mark.parametrize(
    ("decision", "name", "born"),
    [(APPROVE, "LangGraph", "2024"), (edit({"name": "LangChain", "born": "2024"}), "LangChain", "2024")],
)
async def test_what_a_tool_found_is_confirmed_or_corrected(decision: Decision, name: str, born: str) -> None:
    async with talking(with_tool()) as talk:
        (asked,) = (await talk.say()).asked
        (action,) = asked.ask.actions
        assert (asked.ask.is_question, action.choices, action.reject_stops) == (False, (A, E, R), True)
        assert (await talk.answer(asked, decision)).asked == ()
        values = await state_of(talk)
        assert (values["name"], values["born"], values["messages"][-1].content) == (name, born, f"{name}, {born}")


async def test_a_correction_under_another_name_is_found_by_what_it_replaces() -> None:
    async with talking(alone(check)) as talk:
        (asked,) = (await talk.say()).asked
        assert asked.ask.actions[0].choices == (A, E, R)
        await talk.answer(asked, edit({"name": "LangChain"}))
        assert (await state_of(talk))["name"] == "LangChain"


@pytest.mark.promise("P5")
async def test_a_branch_that_leaves_another_mark_in_the_state_is_no_correction() -> None:
    async with talking(alone(sorted_out)) as talk:
        (asked,) = (await talk.say()).asked
        (action,) = asked.ask.actions
        assert (action.choices, action.reject_stops) == ((A, R), True)
