"""Finished threads go after `retention`; what somebody waits for never does."""

import operator
from datetime import timedelta
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.func import entrypoint
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt

from adapters.redis import scripts
from adapters.redis.connection import Database
from adapters.redis.keys import Keys
from adapters.redis.saver import AsyncRedisSaver

KEYS = Keys()
HOUR = 3_600
NEVER = [-1, -1]


class State(TypedDict, total=False):
    text: str
    log: Annotated[list[str], operator.add]


def nod(_: State) -> State:
    return {"log": ["seen"]}


def ask(_: State) -> State:
    return {"log": [str(interrupt("Go on?"))]}


def fail(_: State) -> State:
    raise RuntimeError("it does not work")


def of(thread: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread}}


@pytest.fixture
async def saver(database: Database) -> AsyncRedisSaver:
    return AsyncRedisSaver(database, retention=timedelta(hours=1))


async def ttls(database: Database, thread: str = "t") -> list[int]:
    return [await database.run(scripts.Command("TTL", key)) for key in (KEYS.checkpoints(thread), KEYS.state(thread))]


async def about_an_hour(database: Database, thread: str = "t") -> bool:
    return all(HOUR - 60 < ttl <= HOUR for ttl in await ttls(database, thread))


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
async def test_a_thread_that_came_to_its_end_expires(
    saver: AsyncRedisSaver, database: Database, durability: Any
) -> None:
    graph = StateGraph(State).add_node(nod).add_edge(START, "nod").add_edge("nod", END).compile(checkpointer=saver)
    await graph.ainvoke({"text": "x"}, of("t"), durability=durability)
    assert await about_an_hour(database)


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
async def test_a_thread_that_waits_for_an_answer_does_not(
    saver: AsyncRedisSaver, database: Database, durability: Any
) -> None:
    graph = StateGraph(State).add_node(ask).add_edge(START, "ask").add_edge("ask", END).compile(checkpointer=saver)
    await graph.ainvoke({"text": "x"}, of("t"), durability=durability)
    assert await ttls(database) == NEVER
    await graph.ainvoke(Command(resume="yes"), of("t"), durability=durability)
    assert await about_an_hour(database)
    await graph.ainvoke({"text": "and again"}, of("t"), durability=durability)
    assert await ttls(database) == NEVER


async def test_nor_one_that_waits_in_a_subgraph(saver: AsyncRedisSaver, database: Database) -> None:
    inner = StateGraph(State).add_node(ask).add_edge(START, "ask").compile()
    outer = StateGraph(State).add_node("inner", inner).add_edge(START, "inner").compile(checkpointer=saver)
    await outer.ainvoke({"text": "x"}, of("t"))
    assert await ttls(database) == NEVER
    await outer.ainvoke(Command(resume="yes"), of("t"))
    assert await about_an_hour(database)


async def test_nor_one_that_waits_at_a_breakpoint(saver: AsyncRedisSaver, database: Database) -> None:
    builder = StateGraph(State).add_sequence([("first", nod), ("second", nod)]).add_edge(START, "first")
    graph = builder.compile(checkpointer=saver, interrupt_before=["second"])
    await graph.ainvoke({"text": "x"}, of("t"))
    assert await ttls(database) == NEVER
    await graph.ainvoke(None, of("t"))
    assert await about_an_hour(database)


async def test_nor_one_that_waits_where_branches_join(saver: AsyncRedisSaver, database: Database) -> None:
    builder = StateGraph(State).add_node("left", nod).add_node("right", nod).add_node("both", nod)
    builder.add_edge(START, "left").add_edge(START, "right").add_edge(["left", "right"], "both")
    graph = builder.compile(checkpointer=saver, interrupt_before=["both"])
    await graph.ainvoke({"text": "x"}, of("t"))
    assert await ttls(database) == NEVER
    await graph.ainvoke(None, of("t"))
    assert await about_an_hour(database)


async def test_nor_one_that_waits_with_tasks_that_were_sent(saver: AsyncRedisSaver, database: Database) -> None:
    builder = StateGraph(State).add_node(nod).add_node("each", nod)
    builder.add_edge(START, "nod").add_conditional_edges(
        "nod", lambda _: [Send("each", {}), Send("each", {})], ["each"]
    )
    graph = builder.compile(checkpointer=saver, interrupt_before=["each"])
    await graph.ainvoke({"text": "x"}, of("t"))
    assert await ttls(database) == NEVER
    await graph.ainvoke(None, of("t"))
    assert await about_an_hour(database)


async def test_nor_a_function_that_waits(saver: AsyncRedisSaver, database: Database) -> None:
    @entrypoint(checkpointer=saver)
    async def review(text: str) -> str:
        return f"{text}: {interrupt('Go on?')}"

    await review.ainvoke("x", of("t"))
    assert await ttls(database) == NEVER
    assert await review.ainvoke(Command(resume="yes"), of("t")) == "x: yes"
    assert await about_an_hour(database)


async def test_nor_one_that_failed_and_may_be_tried_again(saver: AsyncRedisSaver, database: Database) -> None:
    graph = StateGraph(State).add_node(fail).add_edge(START, "fail").compile(checkpointer=saver)
    with pytest.raises(RuntimeError):
        await graph.ainvoke({"text": "x"}, of("t"))
    assert await ttls(database) == NEVER


async def test_a_thread_that_is_forked_at_an_open_node_waits_again(saver: AsyncRedisSaver, database: Database) -> None:
    builder = StateGraph(State).add_sequence([("first", nod), ("second", nod)]).add_edge(START, "first")
    graph = builder.compile(checkpointer=saver)
    await graph.ainvoke({"text": "x"}, of("t"))
    await graph.aupdate_state(of("t"), {"text": "y"}, as_node="first")
    assert await ttls(database) == NEVER


async def test_a_copy_is_kept_as_long_as_its_original(saver: AsyncRedisSaver, database: Database) -> None:
    ended = StateGraph(State).add_node(nod).add_edge(START, "nod").compile(checkpointer=saver)
    waiting = StateGraph(State).add_node(ask).add_edge(START, "ask").compile(checkpointer=saver)
    await ended.ainvoke({"text": "x"}, of("ended"))
    await waiting.ainvoke({"text": "x"}, of("waiting"))
    for name in ("ended", "waiting"):
        await saver.acopy_thread(name, f"{name} copy")
    assert await about_an_hour(database, "ended copy")
    assert await ttls(database, "waiting copy") == NEVER


@pytest.mark.parametrize("length", [timedelta(0), timedelta(milliseconds=500), timedelta(days=-1)])
def test_a_retention_of_nothing_is_refused(database: Database, length: timedelta) -> None:
    with pytest.raises(ValueError, match="shorter than a second"):
        AsyncRedisSaver(database, retention=length)
