"""To prune, copy, delete and list: what is needed stays, what is not goes, and nothing is read whole."""

import asyncio
import operator
import os
from collections.abc import AsyncGenerator, AsyncIterator
from functools import reduce
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import Checkpoint, CheckpointTuple, empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import Messages, add_messages
from langgraph.types import Command, interrupt

from adapters.redis.checkpointer.saver import AsyncRedisSaver, RedisSaver
from adapters.redis.keys import Keys
from adapters.redis.transport import scripts
from adapters.redis.transport.connection import Database

KEYS = Keys()


def joined(left: list[str], right: list[list[str]]) -> list[str]:
    return left + [item for items in right for item in items]


class Deltas(TypedDict, total=False):
    log: Annotated[list[str], DeltaChannel(joined, snapshot_frequency=5)]
    plain: str


def say(state: Deltas) -> Deltas:
    return {"log": [f"step {len(state.get('log', []))}"], "plain": str(len(state.get("log", [])))}


def talk(saver: Any) -> Any:
    return StateGraph(Deltas).add_node(say).add_edge(START, "say").compile(checkpointer=saver)


def of(thread: str, **more: object) -> RunnableConfig:
    return {"configurable": {"thread_id": thread, **more}}


@pytest.fixture
async def saver(redis_url: str) -> AsyncIterator[AsyncRedisSaver]:
    async with AsyncRedisSaver.from_conn_string(redis_url) as saver:
        yield saver


async def listed(saver: AsyncRedisSaver, config: RunnableConfig | None, **more: Any) -> list[CheckpointTuple]:
    return [one async for one in saver.alist(config, **more)]


async def put(saver: AsyncRedisSaver, config: RunnableConfig, step: int, **values: object) -> RunnableConfig:
    checkpoint = empty_checkpoint()
    checkpoint["id"] = f"{step:06}"
    checkpoint["channel_values"] = dict(values)
    checkpoint["channel_versions"] = {name: saver.get_next_version(None, None) for name in values}
    at: RunnableConfig = {"configurable": {"checkpoint_ns": "", **config["configurable"]}}
    return await saver.aput(at, checkpoint, {"source": "loop", "step": step}, checkpoint["channel_versions"])


async def fields(database: Database, thread: str, sort: str) -> int:
    names = await database.run(scripts.Command("HKEYS", KEYS.state(thread)))
    return sum(1 for name in names if name.startswith(f"{sort}\0".encode()))


# Pruning --------------------------------------------------------------------------------------------------------------


async def test_a_pruned_thread_goes_on_where_it_was(saver: AsyncRedisSaver, database: Database) -> None:
    """An interrupt that waits is answered after its past is gone, and values that nobody needs go too."""

    class State(TypedDict, total=False):
        log: Annotated[list[str], operator.add]

    def ask(state: State) -> State:  # noqa: ARG001 - LangGraph names it
        return {"log": [interrupt("Go on?")]}

    builder = StateGraph(State).add_sequence([("one", lambda _: {"log": ["one"]}), ("ask", ask)]).add_edge(START, "one")
    graph = builder.compile(checkpointer=saver)
    await graph.ainvoke({"log": ["first"]}, of("t"))
    before = await graph.aget_state(of("t"))
    await saver.aprune(["t"])
    assert len(await listed(saver, of("t"))) == 1
    assert await fields(database, "t", "c") == 1
    newest = (await listed(saver, of("t")))[0]
    assert await fields(database, "t", "v") == len(newest.checkpoint["channel_values"])
    after = await graph.aget_state(of("t"))
    assert (after.values, after.next, after.interrupts) == (before.values, before.next, before.interrupts)
    assert (await graph.ainvoke(Command(resume="yes"), of("t")))["log"] == ["first", "one", "yes"]


@pytest.mark.parametrize("turns", [1, 3, 5, 8, 23])
async def test_what_a_delta_channel_is_made_of_stays(saver: AsyncRedisSaver, database: Database, turns: int) -> None:
    """The newest checkpoint holds only a difference; all back to the last snapshot is kept, and no more."""
    graph = talk(saver)
    for _ in range(turns):
        await graph.ainvoke({"log": []}, of("t"))
    before = (await graph.aget_state(of("t"))).values
    assert len(before["log"]) == turns
    await saver.aprune(["t"])
    assert (await graph.aget_state(of("t"))).values == before
    kept = await fields(database, "t", "c")
    assert kept <= 3 * 5 + 1, "no more than the steps of one snapshot's distance"
    await graph.ainvoke({"log": []}, of("t"))
    assert len((await graph.aget_state(of("t"))).values["log"]) == turns + 1


async def test_messages_in_a_delta_channel_survive_pruning(saver: AsyncRedisSaver) -> None:
    def added(left: Messages, right: list[Messages]) -> Messages:
        return reduce(add_messages, right, left)

    class Talk(TypedDict, total=False):
        messages: Annotated[list[AnyMessage], DeltaChannel(added)]

    graph = StateGraph(Talk).add_node("nod", lambda _: {"messages": [HumanMessage("and so?")]})
    talk = graph.add_edge(START, "nod").compile(checkpointer=saver)
    for turn in range(4):
        await talk.ainvoke({"messages": [HumanMessage(f"turn {turn}")]}, of("t"))
    before = [message.content for message in (await talk.aget_state(of("t"))).values["messages"]]
    await saver.aprune(["t"])
    assert [message.content for message in (await talk.aget_state(of("t"))).values["messages"]] == before
    assert len(before) == 8


async def test_the_history_of_delta_channels_is_that_of_the_saver_in_memory(saver: AsyncRedisSaver) -> None:
    memory = InMemorySaver()
    for each in (saver, memory):
        for _ in range(17):
            await talk(each).ainvoke({"log": []}, of("t"))
    histories = []
    for each in (saver, memory):
        made = [one.config async for one in each.alist(of("t"))]
        histories.append(
            [
                plain(await each.aget_delta_channel_history(config=config, channels=["log", "plain", "never"]))
                for config in made
            ]
        )
    assert histories[0] == histories[1]
    assert any("seed" in history["log"] for history in histories[0])
    assert await saver.aget_delta_channel_history(config=of("t"), channels=[]) == {}
    assert await saver.aget_delta_channel_history(config=of("nobody"), channels=["log"]) == {"log": {"writes": []}}


def plain(history: Any) -> Any:
    """Without the tasks' ids, which differ from run to run."""
    return {
        channel: {**entry, "writes": [write[1:] for write in entry["writes"]], "seed": repr(entry.get("seed"))}
        if "seed" in entry
        else {"writes": [write[1:] for write in entry["writes"]]}
        for channel, entry in history.items()
    }


async def test_a_strategy_that_is_none_is_refused(saver: AsyncRedisSaver) -> None:
    await put(saver, of("t"), 1, text="x")
    with pytest.raises(ValueError, match='it is "keep_latest" or "delete"'):
        await saver.aprune(["t"], strategy="keep_last")
    assert len(await listed(saver, of("t"))) == 1


async def test_a_thread_that_is_written_meanwhile_is_pruned_anew(saver: AsyncRedisSaver, database: Database) -> None:
    """A sweep that was planned before a checkpoint came does nothing: a fork may need what it would take away."""
    for step in range(3):
        await put(saver, of("t"), step, text=step)
    plan = saver._upkeep.prune(["t"], "keep_latest")
    results: Any = None
    sweeps = 0
    while True:
        try:
            calls = plan.send(results)
        except StopIteration:
            break
        if type(calls[0]).__name__ == "DeleteCheckpoints":
            sweeps += 1
            if sweeps == 1:
                await put(saver, of("t"), 3, text="late")
        results = await database.run_all(*calls)
    assert sweeps == 2
    assert [one.checkpoint["channel_values"] for one in await listed(saver, of("t"))] == [{"text": "late"}]


async def test_writes_of_a_checkpoint_that_is_still_to_come_survive_pruning(saver: AsyncRedisSaver) -> None:
    """With `durability="async"` a task's writes may be there before its checkpoint is."""
    for step in (1, 2):
        await put(saver, of("t"), step, text=step)
    for checkpoint in ("000001.5", "000003"):
        coming = of("t", checkpoint_ns="", checkpoint_id=checkpoint)
        await saver.aput_writes(coming, [("text", checkpoint)], "task")
    await saver.aprune(["t"])
    for checkpoint, writes in (("000003", [("task", "text", "000003")]), ("000001.5", [])):
        await saver.aput(of("t", checkpoint_ns=""), {**empty_checkpoint(), "id": checkpoint}, {"source": "loop"}, {})
        found = await saver.aget_tuple(of("t", checkpoint_ns="", checkpoint_id=checkpoint))
        assert found is not None
        assert found.pending_writes == writes


@pytest.mark.parametrize("how", ["delete_thread", "prune", "delete_for_runs"])
async def test_no_key_is_left_over(saver: AsyncRedisSaver, database: Database, how: str) -> None:
    graph = talk(saver)
    config: RunnableConfig = {**of("t"), "metadata": {"run_id": "run"}}
    for _ in range(7):
        await graph.ainvoke({"log": []}, config)
    await saver.aput_writes(of("t", checkpoint_ns="a", checkpoint_id="never"), [("text", 1)], "task")
    assert await database.run(scripts.Command("DBSIZE")) == 3
    match how:
        case "delete_thread":
            await saver.adelete_thread("t")
        case "prune":
            await saver.aprune(["t"], strategy="delete")
        case _:
            await saver.adelete_for_runs(["run"])
    assert await database.run(scripts.Command("KEYS", "*")) == []


# Copies ---------------------------------------------------------------------------------------------------------------


async def test_a_copy_of_deltas_reads_as_its_original_and_goes_its_own_way(saver: AsyncRedisSaver) -> None:
    graph = talk(saver)
    for _ in range(7):
        await graph.ainvoke({"log": []}, of("{source}"))
    await saver.acopy_thread("{source}", "a copy")
    await graph.ainvoke({"log": []}, of("a copy"))
    assert len((await graph.aget_state(of("a copy"))).values["log"]) == 8
    assert len((await graph.aget_state(of("{source}"))).values["log"]) == 7


async def test_a_copy_sends_each_value_once(saver: AsyncRedisSaver, database: Database) -> None:
    version = saver.get_next_version(None, None)
    config = of("source", checkpoint_ns="")
    for step in range(60):
        checkpoint: Checkpoint = {**empty_checkpoint(), "id": f"{step:06}"}
        checkpoint["channel_values"] = {"text": "x" * 10_000}
        checkpoint["channel_versions"] = {"text": version}
        config = await saver.aput(config, checkpoint, {"source": "loop"}, {"text": version})
    before = await received(database)
    await saver.acopy_thread("source", "target")
    assert await received(database) - before < 60_000
    assert len(await listed(saver, of("target"))) == 60


async def received(database: Database) -> int:
    """Bytes that the server was sent since its start."""
    info = (await database.run(scripts.Command("INFO", "stats"))).decode()
    return int(info.partition("total_net_input_bytes:")[2].split()[0])


async def test_a_copy_is_there_for_the_saver_that_blocks_too(redis_url: str, saver: AsyncRedisSaver) -> None:
    await put(saver, of("source"), 1, text="x")
    with RedisSaver.from_conn_string(redis_url) as blocking:
        blocking.copy_thread("source", "target")
        found = blocking.get_tuple(of("target"))
    assert found is not None
    assert found.checkpoint["channel_values"] == {"text": "x"}


# Lists ----------------------------------------------------------------------------------------------------------------


async def test_a_thousand_threads_are_listed_by_their_index(saver: AsyncRedisSaver, database: Database) -> None:
    """And the keyspace is never walked."""
    await asyncio.gather(*(put(saver, of(f"thread {number}"), 1, text=number) for number in range(1_200)))
    await database.run(scripts.Command("CONFIG", "RESETSTAT"))
    found = {one.config["configurable"]["thread_id"] for one in await listed(saver, None)}
    assert len(found) == 1_200
    assert not await called(database) & {"scan", "keys", "randomkey", "dbsize"}


async def test_a_list_is_read_no_further_than_it_is_used(saver: AsyncRedisSaver, database: Database) -> None:
    """Its memory is that of a page: what is not taken is not read."""
    for step in range(100):
        await put(saver, of("t"), step, text="x" * 50_000)
    before = await sent(database)
    taken = [one async for one in saver.alist(of("t"), limit=2)]
    assert [one.config["configurable"]["checkpoint_id"] for one in taken] == ["000099", "000098"]
    assert await sent(database) - before < 200_000
    stream = saver.alist(of("t"))
    await anext(stream)
    assert isinstance(stream, AsyncGenerator)
    await stream.aclose()
    assert await sent(database) - before < 1_500_000


async def test_what_a_filter_leaves_out_is_not_read_with_its_values(saver: AsyncRedisSaver, database: Database) -> None:
    for step in range(100):
        await put(saver, of("t"), step, text="x" * 50_000)
    before = await sent(database)
    found = await listed(saver, of("t"), filter={"step": 3})
    assert [one.metadata["step"] for one in found] == [3]
    assert await sent(database) - before < 200_000


async def test_namespaces_are_merged_newest_first(saver: AsyncRedisSaver) -> None:
    for step in range(90):
        await put(saver, of("t", checkpoint_ns=("", "a:1", "b|c", "\0%")[step % 4]), step, text=step)
    assert [one.metadata["step"] for one in await listed(saver, of("t"))] == list(range(89, -1, -1))
    until = of("t", checkpoint_id="000050")
    assert [one.metadata["step"] for one in await listed(saver, of("t"), before=until, limit=3)] == [49, 48, 47]
    assert [one.metadata["step"] for one in await listed(saver, of("t", checkpoint_id="000007"))] == [7]


async def test_before_needs_no_thread_and_a_filter_none_either(saver: AsyncRedisSaver) -> None:
    for thread in ("a", "b"):
        for step in range(3):
            await put(saver, of(thread), step, text=step)
    until: RunnableConfig = {"configurable": {"checkpoint_id": "000001"}}
    assert [one.metadata["step"] for one in await listed(saver, of("a"), before=until)] == [0]
    found = await listed(saver, {"configurable": {}}, filter={"step": 2})
    assert {one.config["configurable"]["thread_id"] for one in found} == {"a", "b"}


async def test_a_thread_that_expired_is_left_out(saver: AsyncRedisSaver, database: Database) -> None:
    await put(saver, of("gone"), 1, text="x")
    await put(saver, of("there"), 1, text="x")
    await database.run(scripts.Command("DEL", KEYS.checkpoints("gone"), KEYS.state("gone")))
    assert [one.config["configurable"]["thread_id"] for one in await listed(saver, None)] == ["there"]


async def test_a_thread_that_another_process_deleted_is_listed_again(redis_url: str, saver: AsyncRedisSaver) -> None:
    await put(saver, of("t"), 1, text="x")
    async with AsyncRedisSaver.from_conn_string(redis_url) as another:
        await another.adelete_thread("t")
    await put(saver, of("t"), 2, text="x")
    assert [one.metadata["step"] for one in await listed(saver, None)] == [2]


# What it costs --------------------------------------------------------------------------------------------------------


async def calls(database: Database) -> dict[str, int]:
    """How often each command was called, by the server's own count."""
    info = (await database.run(scripts.Command("INFO", "commandstats"))).decode()
    stats = (line.removeprefix("cmdstat_").partition(":calls=") for line in info.splitlines() if "calls=" in line)
    return {name: int(rest.partition(",")[0]) for name, _, rest in stats}


async def called(database: Database) -> set[str]:
    return set(await calls(database))


async def sent(database: Database) -> int:
    """Bytes that the server sent since its start."""
    info = (await database.run(scripts.Command("INFO", "stats"))).decode()
    return int(info.partition("total_net_output_bytes:")[2].split()[0])


async def test_each_of_put_put_writes_and_get_is_one_round_trip(saver: AsyncRedisSaver, database: Database) -> None:
    config = await put(saver, of("t"), 0, text="x")
    await saver.aput_writes(config, [("text", 1)], "warm")
    await saver.aget_tuple(config)
    await database.run(scripts.Command("CONFIG", "RESETSTAT"))
    for step in range(1, 11):
        config = await put(saver, config, step, text=step)
        await saver.aput_writes(config, [("text", 1), ("__interrupt__", 2)], f"task {step}")
        await saver.aget_tuple(config)
    counted = await calls(database)
    assert counted["evalsha"] == 30
    assert not set(counted) & {"eval", "script|load", "multi", "exec"}


async def test_the_first_put_of_a_thread_takes_no_more(saver: AsyncRedisSaver, database: Database) -> None:
    """It lists the thread in the same packet."""
    await put(saver, of("warm"), 0, text="x")
    await database.run(scripts.Command("CONFIG", "RESETSTAT"))
    await put(saver, of("t"), 0, text="x")
    counted = await calls(database)
    assert (counted["evalsha"], counted["zadd"]) == (1, 2)  # one `zadd` is the script's own


# Large and odd --------------------------------------------------------------------------------------------------------


async def test_ten_megabytes_of_any_bytes(saver: AsyncRedisSaver) -> None:
    blob = os.urandom(10_000_000)
    config = await put(saver, of("t"), 1, text=blob)
    await saver.aput_writes(config, [("text", blob)], "task")
    found = await saver.aget_tuple(config)
    assert found is not None
    assert found.checkpoint["channel_values"]["text"] == blob
    assert found.pending_writes == [("task", "text", blob)]


@pytest.mark.parametrize("tasks", [1, 5_000])
async def test_five_thousand_writes_in_a_step(saver: AsyncRedisSaver, tasks: int) -> None:
    """All of one task, which passes the limits of Lua's stack, or one of each task."""
    config = await put(saver, of("t"), 1, text="x")
    writes = [("text", number) for number in range(5_000 // tasks)]
    await asyncio.gather(*(saver.aput_writes(config, writes, f"{task:04}") for task in range(tasks)))
    found = await saver.aget_tuple(config)
    assert found is not None
    assert found.pending_writes is not None
    assert [write[2] for write in found.pending_writes] == (list(range(5_000)) if tasks == 1 else [0] * 5_000)


async def test_a_thread_of_ten_thousand_checkpoints_is_read_as_one_of_ten(
    saver: AsyncRedisSaver, database: Database
) -> None:
    """By what the server does for a read, not by a clock; and it can be listed from its end, and pruned."""
    for step in range(10):
        await put(saver, of("short"), step, text=step)
    for first in range(0, 10_000, 100):
        await asyncio.gather(*(put(saver, of("long"), step, text=step) for step in range(first, first + 100)))
    counted = []
    for thread in ("short", "long"):
        await database.run(scripts.Command("CONFIG", "RESETSTAT"))
        await saver.aget_tuple(of(thread))
        counted.append(
            {name: count for name, count in (await calls(database)).items() if not name.startswith("config")}
        )
    assert counted[0] == counted[1]
    assert [one.metadata["step"] for one in await listed(saver, of("long"), limit=3)] == [9_999, 9_998, 9_997]
    await saver.aprune(["long"])
    assert await fields(database, "long", "c") == await fields(database, "long", "v") == 1
