"""LangGraph threads on Redis: what comes back is what was put, only its owner writes it, and it stays small."""

import asyncio
import operator
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple, empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, interrupt

from adapters.redis.checkpointer.saver import (
    FENCE_KEY,
    AsyncRedisSaver,
    DamagedCheckpointError,
    FencedError,
    RedisSaver,
)
from adapters.redis.keys import Keys
from adapters.redis.transport import scripts
from adapters.redis.transport.connection import Database, SyncDatabase
from adapters.redis.transport.multiplexed import Multiplexed

KEYS = Keys()
ODD_THREADS = [
    "{",
    "}",
    "{}",
    "a}b{c",
    "a:b",
    "a b",
    "\n\0",
    "ü€😀",
    "%7B",
    "slack:T1/C1/171.5",
    "*?[x]",
    "x" * 500,
    "",
    "%",
]


class State(TypedDict, total=False):
    text: str
    answer: bool
    log: Annotated[list[str], operator.add]


def ask(state: State) -> State:
    return {"answer": interrupt({"question": f"Ship {state['text']}?"}), "log": ["asked"]}


def small_graph(saver: Any) -> "CompiledStateGraph[Any, Any, Any, Any]":
    builder = StateGraph(State)
    builder.add_node("plan", lambda _: {"log": ["planned"]})
    builder.add_node("ask", ask)
    builder.add_node("ship", lambda _: {"log": ["shipped"]})
    builder.add_edge(START, "plan")
    builder.add_edge("plan", "ask")
    builder.add_edge("ask", "ship")
    builder.add_edge("ship", END)
    return builder.compile(checkpointer=saver)


def of(thread: object, **more: object) -> RunnableConfig:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": "", **more}}


@pytest.fixture
async def saver(redis_url: str) -> AsyncIterator[AsyncRedisSaver]:
    async with Multiplexed.from_url(redis_url) as transport:
        yield AsyncRedisSaver(transport)


async def put(saver: AsyncRedisSaver, config: RunnableConfig, **values: object) -> RunnableConfig:
    """Store a checkpoint with these channel values, each new."""
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = dict(values)
    checkpoint["channel_versions"] = {name: saver.get_next_version(None, None) for name in values}
    return await saver.aput(config, checkpoint, {"source": "loop", "step": 1}, checkpoint["channel_versions"])


async def got(saver: AsyncRedisSaver, config: RunnableConfig) -> CheckpointTuple:
    found = await saver.aget_tuple(config)
    assert found is not None
    return found


@pytest.mark.promise("P1")
async def test_an_interrupted_graph_goes_on_where_another_process_left_it(redis_url: str) -> None:
    async with AsyncRedisSaver.from_conn_string(redis_url) as saver:
        asked = await small_graph(saver).ainvoke({"text": "billing"}, of("t"))
    (question,) = asked["__interrupt__"]
    async with AsyncRedisSaver.from_conn_string(redis_url) as saver:
        done = await small_graph(saver).ainvoke(Command(resume={question.id: True}), of("t"))
        history = [state.values.get("log") async for state in small_graph(saver).aget_state_history(of("t"))]
    assert done == {"text": "billing", "answer": True, "log": ["planned", "asked", "shipped"]}
    assert history == [["planned", "asked", "shipped"], ["planned", "asked"], ["planned"], [], []]


def test_the_saver_that_blocks_does_the_same(redis_url: str) -> None:
    with RedisSaver.from_conn_string(redis_url) as saver:
        graph = small_graph(saver)
        (question,) = graph.invoke({"text": "billing"}, of("t"))["__interrupt__"]
        done = graph.invoke(Command(resume={question.id: True}), of("t"))
        assert done["log"] == ["planned", "asked", "shipped"]
        assert len(list(graph.get_state_history(of("t")))) == 5
        saver.delete_thread("t")
        assert graph.get_state(of("t")).values == {}


async def test_50_threads_at_once_do_not_mix(saver: AsyncRedisSaver) -> None:
    graph = small_graph(saver)

    async def whole(thread: int) -> Any:
        (question,) = (await graph.ainvoke({"text": f"text {thread}"}, of(thread)))["__interrupt__"]
        return await graph.ainvoke(Command(resume={question.id: thread}), of(thread))

    done = await asyncio.gather(*map(whole, range(50)))
    assert [(one["text"], one["answer"]) for one in done] == [(f"text {thread}", thread) for thread in range(50)]


@pytest.mark.parametrize("thread", ODD_THREADS)
async def test_odd_thread_ids_are_threads_like_any_other(saver: AsyncRedisSaver, thread: str) -> None:
    config = await put(saver, of(thread, checkpoint_ns="n|a:1%\0"), text=thread)
    await put(saver, of(thread + "x"), text="another")
    await saver.aput_writes(config, [("text", 1)], "task\0%", "path")
    found = await got(saver, of(thread, checkpoint_ns="n|a:1%\0"))
    assert found.config == config
    assert found.checkpoint["channel_values"] == {"text": thread}
    assert found.pending_writes == [("task\0%", "text", 1)]
    listed = [one.config["configurable"]["thread_id"] async for one in saver.alist(None)]
    assert sorted(listed) == sorted([thread, thread + "x"])
    await saver.adelete_thread(thread)
    assert [one.config["configurable"]["thread_id"] async for one in saver.alist(None)] == [thread + "x"]


async def test_a_channel_that_did_not_change_is_stored_once(saver: AsyncRedisSaver, database: Database) -> None:
    config, checkpoint = of("t"), empty_checkpoint()
    checkpoint["channel_values"] = {"big": "x" * 10_000}
    checkpoint["channel_versions"] = {"big": saver.get_next_version(None, None)}
    new = dict(checkpoint["channel_versions"])
    for step in range(10):
        checkpoint = {**checkpoint, "id": f"{step:03}"}
        config = await saver.aput(config, checkpoint, {"step": step}, new)
        new = {}
    assert (await got(saver, config)).checkpoint["channel_values"] == {"big": "x" * 10_000}
    assert await database.run(scripts.Command("MEMORY", "USAGE", KEYS.state("t"), "SAMPLES", 0)) < 20_000


async def test_a_value_that_nobody_stored_is_sent_along(saver: AsyncRedisSaver) -> None:
    """A checkpoint made elsewhere, put with no new versions: nothing of it may be lost."""
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = {"a": 1, "zero\0byte": 2}
    checkpoint["channel_versions"] = {"a": "1", "zero\0byte": "1"}
    config = await saver.aput(of("t"), checkpoint, {}, {})
    assert (await got(saver, config)).checkpoint["channel_values"] == {"a": 1, "zero\0byte": 2}


async def test_two_forks_of_a_checkpoint_keep_their_own_values(saver: AsyncRedisSaver) -> None:
    graph = small_graph(saver)
    await graph.ainvoke({"text": "first"}, of("t"))
    start = (await graph.aget_state(of("t"))).config
    one = await graph.aupdate_state(start, {"text": "one"})
    other = await graph.aupdate_state(start, {"text": "other"})
    assert (await graph.aget_state(one)).values["text"] == "one"
    assert (await graph.aget_state(other)).values["text"] == "other"


async def test_a_checkpoint_put_again_gets_the_new_metadata(saver: AsyncRedisSaver) -> None:
    # A run that finds a thread at rest leaves its mark there: `adapters.langgraph.in_process.runs.forking.stamp` leans
    # on it.
    checkpoint, config = empty_checkpoint(), of("t")
    for mark in ("first", "second"):
        await saver.aput(config, checkpoint, {"source": "loop", "step": 1, "mark": mark}, {})  # type: ignore[typeddict-unknown-key]
    found = [each async for each in saver.alist(config)]
    assert [each.metadata["mark"] for each in found] == ["second"]  # type: ignore[typeddict-item]


def test_a_process_that_was_forked_gives_versions_of_its_own() -> None:
    """Else two values of one channel, by two workers of a server that forks, would have one name."""
    program = """
        import os, sys
        from adapters.redis import RedisSaver
        with RedisSaver.from_conn_string("redis://127.0.0.1:1/0") as saver:
            saver.get_next_version(None, None)
            child = os.fork()
            os.write(1, f"{saver.get_next_version(None, None)}\\n".encode())  # whole, though two write at once
            if child:
                os.waitpid(child, 0)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)  # noqa: S603 - our own
    assert len(set(done.stdout.split())) == 2


def test_versions_grow_also_after_those_of_another_saver() -> None:
    saver = RedisSaver(SyncDatabase.from_url("unix:///nowhere"))
    versions = [saver.get_next_version(None, None)]
    for _ in range(200):
        versions.append(saver.get_next_version(versions[-1], None))
    assert versions == sorted(versions)
    assert len(set(versions)) == 201
    other = InMemorySaver().get_next_version(None, None)
    assert saver.get_next_version(other, None).startswith("0000000002.")


async def test_a_thousand_writes_and_more_pass_the_limits_of_lua(saver: AsyncRedisSaver) -> None:
    config = await put(saver, of("t"), **{f"channel {number}": number for number in range(5_000)})
    await saver.aput_writes(config, [("text", number) for number in range(5_000)], "task")
    found = await got(saver, config)
    assert found.pending_writes == [("task", "text", number) for number in range(5_000)]
    assert len(found.checkpoint["channel_values"]) == 5_000


@pytest.mark.promise("P7")
async def test_a_run_that_lost_its_thread_can_neither_write_nor_read(
    saver: AsyncRedisSaver, database: Database
) -> None:
    config = await put(saver, of("t", **{FENCE_KEY: 1}), text="mine")
    mine = of("t", checkpoint_id=config["configurable"]["checkpoint_id"], **{FENCE_KEY: 1})
    await database.run(scripts.Command("SET", KEYS.fence("t"), 2, "EX", 60))
    before = await database.run(scripts.Command("HGETALL", KEYS.state("t")))
    with pytest.raises(FencedError, match=r"token 1 no longer owns"):
        await saver.aget_tuple(mine)
    with pytest.raises(FencedError, match=r"token 1 no longer owns thread 't' \(token 2 does\): nothing was stored"):
        await put(saver, mine, text="too late")
    with pytest.raises(FencedError):
        await saver.aput_writes(mine, [("text", "too late")], "task")
    assert await database.run(scripts.Command("HGETALL", KEYS.state("t"))) == before
    assert await database.run(scripts.Command("ZCARD", KEYS.checkpoints("t"))) == 1
    for token in (2, 3):
        await put(saver, of("t", **{FENCE_KEY: token}), text="the owner's")
    await put(saver, of("t"), text="of a run that is not fenced")


@pytest.mark.promise("P7")
async def test_a_graph_that_is_overtaken_ends_with_an_error_and_leaves_the_thread_alone(
    saver: AsyncRedisSaver, database: Database
) -> None:
    """LangGraph hands `configurable` down to the saver: a contract that fencing stands on."""

    async def overtaken(state: State) -> State:
        assert state["log"] == ["first"]
        await database.run(scripts.Command("INCR", KEYS.fence("t")))
        await database.run(scripts.Command("EXPIRE", KEYS.fence("t"), 60))
        return {"log": ["overtaken"]}

    builder = StateGraph(State)
    builder.add_node("first", lambda _: {"log": ["first"]})
    builder.add_node("overtaken", overtaken)
    builder.add_edge(START, "first")
    builder.add_edge("first", "overtaken")
    graph = builder.compile(checkpointer=saver)
    await database.run(scripts.Command("SET", KEYS.fence("t"), 7, "EX", 60))
    with pytest.raises(FencedError):
        await graph.ainvoke({"text": "x"}, of("t", **{FENCE_KEY: 7}), durability="sync")
    state = await graph.aget_state(of("t"))
    assert (state.values["log"], state.next) == (["first"], ("overtaken",))
    assert FENCE_KEY not in (state.metadata or {})


@pytest.mark.parametrize("token", ["7", 7.0, True])
async def test_a_token_that_is_no_count_is_refused(saver: AsyncRedisSaver, token: object) -> None:
    with pytest.raises(TypeError, match="a fencing token is an int"):
        await put(saver, of("t", **{FENCE_KEY: token}))


async def ttls(database: Database, thread: str) -> list[int]:
    return [await database.run(scripts.Command("TTL", key)) for key in (KEYS.checkpoints(thread), KEYS.state(thread))]


async def test_nothing_expires_unless_asked(saver: AsyncRedisSaver, database: Database) -> None:
    await small_graph(saver).ainvoke({"text": "x"}, of("t"))
    assert await ttls(database, "t") == [-1, -1]


@pytest.mark.parametrize(
    ("field", "part"),
    [
        (b"v\0", r"channel 'text'"),
        (b"c\0", r"the state|the record"),
        (b"w\0", r"a write of task task"),
    ],
)
@pytest.mark.parametrize("damage", [b"\x07msgpack\xc1\xff", b"", None])
async def test_what_cannot_be_read_is_named(
    saver: AsyncRedisSaver, database: Database, field: bytes, part: str, damage: bytes | None
) -> None:
    config = await put(saver, of("t"), text="hunter2")
    await saver.aput_writes(config, [("text", "hunter2")], "task")
    names = [name for name in await database.run(scripts.Command("HKEYS", KEYS.state("t"))) if name.startswith(field)]
    name = max(names, key=len)
    if damage is None:
        await database.run(scripts.Command("HDEL", KEYS.state("t"), name))
    else:
        await database.run(scripts.Command("HSET", KEYS.state("t"), name, damage))
    if field == b"c\0" and damage is None:
        assert await saver.aget_tuple(config) is None
        return
    checkpoint = config["configurable"]["checkpoint_id"]
    with pytest.raises(Exception, match=rf"({part}).* of checkpoint {checkpoint} \(thread 't'") as caught:
        await saver.aget_tuple(config)
    assert isinstance(caught.value, DamagedCheckpointError)
    assert "hunter2" not in str(caught.value)


async def test_lists_are_read_in_pages_newest_first(saver: AsyncRedisSaver) -> None:
    for number in range(45):
        checkpoint = {**empty_checkpoint(), "id": f"{number:03}"}
        await saver.aput(of("t", checkpoint_ns="" if number % 2 else "sub"), checkpoint, {"step": number}, {})  # type: ignore[arg-type]

    async def listed(config: RunnableConfig | None, **more: Any) -> list[int]:
        return [one.metadata["step"] async for one in saver.alist(config, **more)]

    every: RunnableConfig = {"configurable": {"thread_id": "t"}}
    assert await listed(every) == list(range(44, -1, -1))
    assert await listed(of("t")) == list(range(43, 0, -2))
    assert await listed(every, before=of("t", checkpoint_id="010"), limit=3) == [9, 8, 7]
    assert await listed(every, filter={"step": 5}, limit=1) == [5]
    assert await listed(every, limit=0) == []
    assert await listed(None, limit=2) == [44, 43]


async def test_a_deleted_thread_is_gone_but_its_fence_still_guards(saver: AsyncRedisSaver, database: Database) -> None:
    await database.run(scripts.Command("SET", KEYS.fence("t"), 5, "EX", 60))
    await put(saver, of("t", **{FENCE_KEY: 5}), text="x")
    await saver.adelete_thread("t")
    assert await database.run(scripts.Command("KEYS", "*")) == [KEYS.fence("t").encode()]
    with pytest.raises(FencedError):
        await put(saver, of("t", **{FENCE_KEY: 4}), text="back from the dead")


@pytest.mark.promise("P1")
async def test_kill_9_in_the_middle_leaves_only_whole_checkpoints(redis_url: str, saver: AsyncRedisSaver) -> None:
    program = f"""
        import asyncio, sys
        sys.path[:0] = {sys.path!r}
        from test_saver import AsyncRedisSaver, of, small_graph

        async def main():
            async with AsyncRedisSaver.from_conn_string({redis_url!r}) as saver:
                graph = small_graph(saver)
                for number in range(10_000):
                    await graph.ainvoke({{"text": "x" * 1000}}, of("t"))
                    print(number, flush=True)

        asyncio.run(main())
    """
    victim = subprocess.Popen(  # noqa: ASYNC220, S603 - a program of ours; nothing else runs on the loop
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, cwd=str(__file__).rpartition("/")[0]
    )
    assert victim.stdout is not None
    for _ in range(3):
        victim.stdout.readline()
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    found = [one async for one in saver.alist(of("t"))]
    assert len(found) >= 3
    assert all(one.checkpoint["channel_versions"].keys() >= one.checkpoint["channel_values"].keys() for one in found)
    assert (await small_graph(saver).ainvoke({"text": "after"}, of("t")))["text"] == "after"


async def test_a_small_thread_that_waits_for_an_answer_is_small(saver: AsyncRedisSaver, database: Database) -> None:
    await small_graph(saver).ainvoke({"text": "x" * 100}, of("t"))
    sizes = [
        await database.run(scripts.Command("MEMORY", "USAGE", key, "SAMPLES", 0))
        for key in (KEYS.checkpoints("t"), KEYS.state("t"))
    ]
    assert sum(sizes) < 3_200


async def test_blocking_methods_work_from_other_threads(saver: AsyncRedisSaver) -> None:
    graph = small_graph(saver)
    await graph.ainvoke({"text": "x"}, of("t"))
    state = await asyncio.to_thread(graph.get_state, of("t"))
    assert state.next == ("ask",)
    assert len(await asyncio.to_thread(lambda: list(graph.get_state_history(of("t"))))) == 3
    await asyncio.to_thread(saver.delete_thread, "t")
    assert await saver.aget_tuple(of("t")) is None


async def test_blocking_methods_on_the_loop_say_what_to_call_instead(saver: AsyncRedisSaver) -> None:
    with pytest.raises(asyncio.InvalidStateError, match="call the method's async twin"):
        saver.get_tuple(of("t"))


def test_a_blocking_call_after_the_end_of_the_event_loop_says_so(redis_url: str) -> None:
    async def make() -> AsyncRedisSaver:
        async with AsyncRedisSaver.from_conn_string(redis_url) as saver:
            return saver

    saver = asyncio.run(make())
    with pytest.raises(asyncio.InvalidStateError, match="the event loop of this AsyncRedisSaver has ended"):
        saver.get_tuple({"configurable": {"thread_id": "t", "checkpoint_ns": ""}})


async def test_a_copy_with_another_allowlist_shares_the_store(saver: AsyncRedisSaver) -> None:
    """As LangGraph makes one for each graph when msgpack is strict."""
    saver.serde = JsonPlusSerializer(allowed_msgpack_modules=None)
    copy = saver.with_allowlist([("tests", "Thing")])
    assert copy is not saver
    config = await put(saver, of("t"), text="x")
    assert (await copy.aget_tuple(config)).checkpoint["channel_values"] == {"text": "x"}  # type: ignore[union-attr]
