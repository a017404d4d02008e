"""Finished threads go after `retention`; what somebody waits for never does."""

import operator
from datetime import timedelta
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.func import entrypoint
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt

from adapters.redis.checkpointer.saver import AsyncRedisSaver, RedisSaver
from adapters.redis.keys import Keys
from adapters.redis.transport import scripts
from adapters.redis.transport.connection import Database

KEYS = Keys()
HOUR = 3_600
NEVER = [-1, -1]


class State(TypedDict, total=False):
    text: str
    log: Annotated[list[str], operator.add]


def nod(state: State) -> State:  # noqa: ARG001 - LangGraph names it
    return {"log": ["seen"]}


def ask(state: State) -> State:  # noqa: ARG001 - LangGraph names it
    return {"log": [str(interrupt("Go on?"))]}


def fail(state: State) -> State:  # noqa: ARG001 - LangGraph names it
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


@pytest.mark.parametrize("blocking", [False, True])
async def test_threads_that_expired_are_taken_off_the_list_and_no_others(redis_url: str, *, blocking: bool) -> None:
    """By the hundredth new thread, and what is there stays listed, however long ago it was begun."""
    hour = timedelta(hours=1)
    async with Database.from_url(redis_url) as database, AsyncRedisSaver.from_conn_string(redis_url) as reads:
        for thread in ("expired", "there", "anew"):
            await put(AsyncRedisSaver(database, retention=hour), thread)
            await database.run(scripts.Command("ZADD", KEYS.threads(), 5, thread))
        for thread in ("expired", "anew"):
            await database.run(scripts.Command("DEL", KEYS.checkpoints(thread), KEYS.state(thread)))
        await put(AsyncRedisSaver(database, retention=hour), "anew")
        if blocking:
            with RedisSaver.from_conn_string(redis_url, retention=hour) as saver:
                for number in range(100):
                    saver.put(at_root(f"new {number}"), empty_checkpoint(), {}, {})
        else:
            saves = AsyncRedisSaver(database, retention=hour)
            for number in range(100):
                await put(saves, f"new {number}")
        scores = await database.run(scripts.Command("ZRANGE", KEYS.threads(), 0, -1, "WITHSCORES"))
        assert b"expired" not in scores[0::2]
        assert len(scores[0::2]) == 102
        assert min(map(float, scores[1::2])) > 5, "what is there was looked at, and will be again later"
        assert {one.config["configurable"]["thread_id"] async for one in reads.alist(None)} >= {"there", "anew"}


def at_root(thread: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}


async def put(saver: AsyncRedisSaver, thread: str) -> None:
    await saver.aput(at_root(thread), empty_checkpoint(), {}, {})
