"""How often a turn and an answer reach the saver: each call is a round trip, and people wait for most of them."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from support.graph_talk import AGENT, APPROVE, THREAD, talking

from adapters.langgraph.config_keys import DECIDED, RESUME
from adapters.langgraph.in_process.threads.read_once import ReadOnce
from engine.ports import Answer, Resumed


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


class DecidingSaver(CountingSaver):
    """Lists what is stored, in that order. A decision is stored late, or not at all while it `fails`."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: list[str] = []
        self.taken_by_node = asyncio.Event()
        self.fails = False

    async def aput(self, *given: Any) -> Any:
        self.stored.append("checkpoint")
        return await super().aput(*given)

    async def aput_writes(self, config: Any, writes: Any, *given: Any) -> None:
        if writes[0][0] == DECIDED:
            await self.taken_by_node.wait()
            for _ in range(100):
                await asyncio.sleep(0)  # whatever else is on its way may come first
            if self.fails:
                raise ConnectionError("the decision was not stored")
        self.stored.append(writes[0][0])
        await super().aput_writes(config, writes, *given)


@pytest.mark.promise("P4")
async def test_a_node_runs_while_its_decision_is_kept_and_nothing_of_the_run_is_stored_before() -> None:
    saver = DecidingSaver()

    async def take(_: State) -> State:
        answer = interrupt(QUESTION)
        saver.taken_by_node.set()
        return {"log": answer["decisions"][0]["type"]}

    async with talking(builder_of(plan=plan, ask=take, act=act), saver) as talk:
        (asked,) = (await talk.say()).asked
        saver.stored.clear()
        await talk.answer(asked, APPROVE)
        assert saver.stored == [DECIDED, RESUME, "checkpoint", "log", "checkpoint"]


@pytest.mark.promise("P4")
async def test_a_run_whose_decision_cannot_be_kept_stores_nothing_and_the_answer_can_be_delivered_again() -> None:
    saver = DecidingSaver()

    async def take(_: State) -> State:
        answer = interrupt(QUESTION)
        saver.taken_by_node.set()
        return {"log": answer["decisions"][0]["type"]}

    async with talking(builder_of(ask=take, act=act), saver, infrastructure=(ConnectionError,)) as talk:
        (asked,) = (await talk.say()).asked
        saver.stored.clear()
        saver.fails = True
        with pytest.raises(ConnectionError, match="the decision was not stored"):
            await talk.deliver(asked, APPROVE)
        assert saver.stored == []

        saver.fails = False
        assert isinstance(await talk.deliver(asked, APPROVE), Resumed)


@pytest.mark.promise("P3")
async def test_what_was_read_ahead_of_an_answer_is_used_once() -> None:
    saver = CountingSaver()
    async with talking(builder_of(plan=plan, ask=ask, act=act), saver) as talk:
        (asked,) = (await talk.say()).asked
        saver.taken()
        ahead = await talk.graphs.read_ahead(THREAD, 1)
        answer = Answer(THREAD, AGENT, asked.interrupt, asked.digest, asked.ask, (APPROVE,), "key", ahead=ahead)
        assert isinstance(await talk.graphs.resume_if_pending(answer, 1), Resumed)
        assert saver.taken() == {"read": 3, "checkpoint": 2, "writes": 3}, "ahead, by the run, and after it"

        delivered_again = await talk.graphs.resume_if_pending(answer, 1)
        assert isinstance(delivered_again, Resumed)
        assert delivered_again.result.ended, "it was read anew: the answer is not sent a second time"
        assert saver.taken() == {"read": 2}
