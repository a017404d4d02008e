"""How often a turn and an answer reach the saver: each call is a round trip, and people wait for most of them."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from support.graph_talk import APPROVE, talking

from adapters.langgraph.in_process.threads.read_once import ReadOnce


class CountingSaver(InMemorySaver):
    """Counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = Counter[str]()

    def taken(self) -> Mapping[str, int]:
        """The calls since the last time."""
        calls, self.calls = self.calls, Counter[str]()
        return calls

    async def aget_tuple(self, config: Any) -> Any:
        self.calls["read"] += 1
        return await super().aget_tuple(config)

    async def aput(self, *given: Any) -> Any:
        self.calls["checkpoint"] += 1
        return await super().aput(*given)

    async def aput_writes(self, *given: Any) -> None:
        self.calls["writes"] += 1
        await super().aput_writes(*given)

    async def alist(self, *given: Any, **named: Any) -> Any:
        self.calls["list"] += 1
        async for each in super().alist(*given, **named):
            yield each


QUESTION = {
    "action_requests": [{"name": "deploy", "args": {"service": "billing"}}],
    "review_configs": [{"action_name": "deploy", "allowed_decisions": ["approve", "reject"]}],
}


class State(TypedDict, total=False):
    log: str


def plan(_: State) -> State:
    return {"log": "planned"}


def ask(_: State) -> State:
    return {"log": interrupt(QUESTION)["decisions"][0]["type"]}


def act(_: State) -> State:
    return {"log": "done"}


def builder_of(**nodes: Any) -> Any:
    builder, before = StateGraph(State), START
    for name, node in nodes.items():
        builder.add_node(name, node)
        builder.add_edge(before, name)
        before = name
    return builder


async def test_a_turn_and_an_answer_read_the_thread_before_and_after_their_run_and_the_run_reads_it_once() -> None:
    saver = CountingSaver()
    async with talking(builder_of(plan=plan, ask=ask, act=act), saver) as talk:
        (asked,) = (await talk.say()).asked
        assert saver.taken() == {"read": 3, "checkpoint": 3, "writes": 3}

        await talk.answer(asked, APPROVE)
        assert saver.taken() == {"read": 3, "checkpoint": 2, "writes": 3}, "one of the writes keeps the decision"

        await talk.settle()
        assert saver.taken() == {"read": 1}


async def test_a_subgraph_is_read_as_often_as_the_graph_around_it() -> None:
    saver = CountingSaver()
    inner = builder_of(plan=plan, ask=ask, act=act).compile()
    async with talking(builder_of(before=plan, inner=inner), saver) as talk:
        (asked,) = (await talk.say()).asked
        saver.taken()
        await talk.settle()
        assert saver.taken() == {"read": 2}
        await talk.answer(asked, APPROVE)
        assert saver.taken()["read"] == 2 + 2 + 1, "before, by the run, and after it, when no subgraph is left"


async def test_a_long_thread_is_read_no_more_than_a_short_one() -> None:
    saver = CountingSaver()
    async with talking(builder_of(plan=plan, ask=ask, act=act), saver) as talk:
        for _ in range(40):
            (asked,) = (await talk.say()).asked
            await talk.answer(asked, APPROVE)
        saver.taken()
        (asked,) = (await talk.say()).asked
        assert saver.taken() == {"read": 3, "checkpoint": 3, "writes": 3}
        await talk.answer(asked, APPROVE)
        assert saver.taken() == {"read": 3, "checkpoint": 2, "writes": 3}


@pytest.mark.promise("P4")
async def test_what_a_read_remembers_belongs_to_one_checkpoint_and_the_rest_is_fetched() -> None:
    saver = CountingSaver()
    graph = builder_of(plan=plan, ask=ask, act=act).compile(checkpointer=saver)
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    await graph.ainvoke({}, config)
    once = ReadOnce(saver)
    snapshot = await graph.aget_state(once.lent_to(config))
    earlier = snapshot.parent_config
    saver.taken()

    assert [channel for _, channel, _ in await once.writes_of(snapshot.config)] == ["__interrupt__"]
    assert saver.taken() == {}
    assert "log" in [channel for _, channel, _ in await once.writes_of(earlier)]
    assert saver.taken() == {"read": 1}
    assert await once.writes_of({"configurable": {"thread_id": "t", "checkpoint_ns": "inner"}}) == ()
    assert "__pregel_checkpointer" not in snapshot.config["configurable"], "it is for one read alone"
