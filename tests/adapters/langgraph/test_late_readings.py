"""A graph's code is read for the answers that it takes after it was loaded, and before anything runs."""

from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt
from support.graph_talk import AGENT, exported, talking

from adapters.langgraph.agents import AgentSpec
from adapters.langgraph.in_process.graphs import LocalGraphs
from engine.ids import AgentName, ChannelId, ThreadId, UserId
from engine.ports import Turn

OTHER = AgentName("other")
ASKS = """
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

def ask(state: MessagesState) -> MessagesState:
    if interrupt("Deploy?") == "yes":
        open("deployed", "w")
    return {"messages": []}

builder = StateGraph(MessagesState)
builder.add_node(ask)
builder.add_edge(START, "ask")
graph = builder.compile()
"""


def graph_of(node: Any) -> Any:
    builder = StateGraph(MessagesState)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile()


def ask(state: MessagesState) -> MessagesState:  # noqa: ARG001 - LangGraph calls it so
    interrupt("Deploy?")
    return {"messages": []}


async def test_nothing_runs_before_the_code_of_all_graphs_was_read() -> None:
    seen: list[bool] = []

    def act(state: MessagesState) -> MessagesState:  # noqa: ARG001 - LangGraph calls it so
        seen.append(graphs._agents[OTHER].late_readings.are_made)
        return {"messages": []}

    with exported(graph_of(act)) as first, exported(graph_of(ask)) as second:
        specs = {AGENT: AgentSpec(first, Path()), OTHER: AgentSpec(second, Path())}
        graphs = await LocalGraphs.open(specs, InMemorySaver())
    assert not graphs._agents[OTHER].late_readings.are_made
    await graphs.start(Turn(ThreadId("T:C:1"), AGENT, "turn", "go", UserId("U1"), ChannelId("C1")), fence=1)
    await graphs.aclose()
    assert seen == [True]


async def test_the_graph_of_a_run_is_read_before_its_factory_is_left() -> None:
    def make(config: Any) -> Any:  # noqa: ARG001 - for each run, by its parameter
        return graph_of(ask)

    async with talking(make) as talk:
        assert talk.graphs._agents[AGENT].late_readings.are_made


@pytest.mark.promise("P4")
async def test_code_that_is_edited_after_it_was_loaded_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "deploys.py"
    file.write_text(ASKS)
    async with talking(file) as talk:
        file.write_text(ASKS.replace('== "yes"', '!= "yes"'))
        await talk.say()
        assert talk.graphs._agents[AGENT].readings.all() == []
    file.write_text(ASKS)
    async with talking(file) as talk:
        assert len(talk.graphs._agents[AGENT].readings.all()) == 1
