"""Several calls of one tool node that ask: each answer reaches the call that people saw, whichever is faster."""

import time
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import interrupt
from support.graph_talk import AGENT, APPROVE, REJECT, payloads, talking

SECONDS = {"slow": 0.15, "middling": 0.07, "fast": 0.0}
ran: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    ran.clear()


@tool
def gated(name: str) -> str:
    """Ask, after a while, in a thread."""
    time.sleep(SECONDS[name])
    if not interrupt({"question": f"Run {name}?"}):
        return f"{name} refused"
    ran.append(name)
    return f"{name} ran"


@tool
async def free(name: str) -> str:
    """Do something without asking."""
    ran.append(f"free {name}")
    return f"{name} ran"


@tool
async def twice(name: str, config: RunnableConfig) -> str:
    """Use the node that runs it, from within."""
    call = {"name": "free", "args": {"name": name}, "id": "call-within", "type": "tool_call"}
    told = await NODE.ainvoke({"messages": [AIMessage("", tool_calls=[call])]}, config)
    return str(told["messages"][-1].content)


NODE = ToolNode([gated, free, twice])


def model(state: MessagesState) -> MessagesState:
    last = state["messages"][-1]
    if last.type != "human":
        told = [str(each.content) for each in state["messages"] if each.type == "tool"]
        return {"messages": [AIMessage("; ".join(told))]}
    words = [word.split(":") for word in str(last.content).split()]
    calls = [{"name": kind, "args": {"name": name}, "id": f"call-{name}"} for kind, name in words]
    return {"messages": [AIMessage("", tool_calls=calls)]}


def builder() -> Any:
    made = StateGraph(MessagesState).add_node(model).add_node("tools", NODE)
    return made.add_edge(START, "model").add_conditional_edges("model", tools_condition).add_edge("tools", "model")


@pytest.mark.promise("P3")
async def test_each_call_asks_in_its_turn_and_gets_its_own_answer() -> None:
    async with talking(builder()) as talk:
        result = await talk.say("gated:slow gated:middling gated:fast")
        for name, choice in (("slow", REJECT), ("middling", APPROVE), ("fast", REJECT)):
            (asked,) = result.asked
            assert payloads(result) == [{"question": f"Run {name}?"}]
            result = await talk.answer(asked, choice)
        assert result.reply is not None
        assert result.reply.text == "slow refused; middling ran; fast refused"
        assert set(ran) == {"middling"}, "LangGraph runs it again with its node, which is no approval of another"


async def test_a_call_behind_one_that_asks_waits_for_its_answer() -> None:
    """It would be done now, and once more when the node runs again."""
    async with talking(builder()) as talk:
        (asked,) = (await talk.say("gated:fast free:later")).asked
        assert ran == []
        await talk.answer(asked, APPROVE)
        assert ran == ["fast", "free later"]


async def test_conversations_do_not_wait_for_one_another() -> None:
    """A node that was interrupted leaves nothing behind."""
    async with talking(builder()) as talk:
        await talk.say("gated:fast gated:slow")
        part = next(node for name, node in talk.graphs._agents[AGENT].graph.nodes.items() if name == "tools").bound
        assert part._arun_one._batches == {}


async def test_a_tool_may_use_its_own_node() -> None:
    async with talking(builder()) as talk:
        result = await talk.say("twice:nested free:after")
        assert result.reply is not None
        assert result.reply.text == "nested ran; after ran"
