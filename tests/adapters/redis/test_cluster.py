"""A real cluster of three nodes: every call finds its node, also while slots move and nodes die."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import redis
from fakes import servers
from fakes.servers import Move
from fakes.valkey import wait_until
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint, empty_checkpoint
from langgraph.store.base import PutOp
from typing_extensions import override

from adapters.redis.checkpointer.saver import AsyncRedisSaver, RedisSaver
from adapters.redis.graph_store.format import write_namespace
from adapters.redis.graph_store.store import AsyncRedisStore
from adapters.redis.keys import Keys, tag
from adapters.redis.transport import deployments
from adapters.redis.transport.cluster import Cluster, SyncCluster
from adapters.redis.transport.errors import UnusableRedisError
from adapters.redis.transport.scripts import Command, Key, Script
from adapters.redis.transport.slots import NoKeyError, slot_of

NO_REPLICAS = (
    "Redis Cluster: no replica of 127.0.0.1:{0.port}, 127.0.0.1:{1.port}; if it fails, the bot waits until it is back. "
    "Add a replica of each primary"
)


@dataclass(frozen=True, slots=True)
class Count(Script[int]):
    """Count up."""

    LUA = "return redis.call('INCRBY', counter, step)"
    counter: Key
    step: int

    @override
    def read(self, reply: Any) -> int:
        return int(reply)


@pytest.fixture
async def cluster(ring: servers.Cluster) -> AsyncIterator[Cluster]:
    async with Cluster.from_url(ring.url) as cluster:
        yield cluster


@pytest.fixture
def sync_cluster(ring: servers.Cluster) -> Iterator[SyncCluster]:
    with SyncCluster.from_url(ring.url) as cluster:
        yield cluster


def errors(node: servers.Server, kind: str) -> int:
    """How often a node refused so, since it was asked to count anew."""
    found = node.client.info("errorstats").get(f"errorstat_{kind}", {"count": 0})
    return int(found["count"])


def of(thread: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}


# What it is for.


async def test_calls_of_many_tasks_go_to_all_nodes_over_one_connection_each(
    cluster: Cluster, ring: servers.Cluster
) -> None:
    assert await cluster.check() == [NO_REPLICAS.format(*ring.primaries[1:])]
    assert cluster.described == "a cluster of 3 primaries and 1 replica"
    counted = await asyncio.gather(*(cluster.run(Count(Key(f"k{number % 100}"), 1)) for number in range(1_000)))
    assert sorted(counted) == sorted(list(range(1, 11)) * 100)
    sizes = [node.client.dbsize() for node in ring.primaries]
    assert sum(sizes) == 100
    assert all(sizes)
    for node in ring.primaries:
        assert str(node.client.client_list()).count("'name': 'signoff'") == 1


async def test_calls_together_are_answered_in_order(cluster: Cluster, sync_cluster: SyncCluster) -> None:
    calls = [Command("SET", f"k{number}", number) for number in range(1_000)]
    assert await cluster.run_all(*calls) == [b"OK"] * 1_000
    reads = [Command("GET", f"k{number}") for number in range(1_000)]
    wanted = [str(number).encode() for number in range(1_000)]
    assert await cluster.run_all(*reads) == wanted
    assert await asyncio.to_thread(sync_cluster.run_all, *reads) == wanted
    assert await cluster.run_all() == []


async def test_the_error_of_one_call_is_its_own(cluster: Cluster) -> None:
    await cluster.run(Command("SET", "text", "no list"))
    calls: list[Awaitable[Any]] = [cluster.run(Command("GET", "text")), cluster.run(Command("LPUSH", "text", 1))]
    got, error = await asyncio.gather(*calls, return_exceptions=True)
    assert got == b"no list"
    assert isinstance(error, redis.ResponseError)
    assert "WRONGTYPE" in str(error)


async def test_a_node_that_lost_its_scripts_gets_them_again(
    cluster: Cluster, sync_cluster: SyncCluster, ring: servers.Cluster
) -> None:
    for expected in (1, 2):
        ring.owner("counter").client.script_flush()
        assert await cluster.run(Count(Key("counter"), 1)) == expected * 2 - 1
        ring.owner("counter").client.script_flush()
        assert await asyncio.to_thread(sync_cluster.run, Count(Key("counter"), 1)) == expected * 2


async def test_what_would_be_one_nodes_answer_for_all_is_refused(cluster: Cluster) -> None:
    assert await cluster.run(Command("PING")) == b"PONG"
    with pytest.raises(NoKeyError, match="SCAN names no key"):
        await cluster.run(Command("SCAN", 0))


def test_threads_share_a_cluster(sync_cluster: SyncCluster) -> None:
    (warning,) = sync_cluster.check()
    assert "no replica of" in warning

    async def many() -> list[int]:
        counts = (asyncio.to_thread(sync_cluster.run, Count(Key(f"k{number % 10}"), 1)) for number in range(200))
        return list(await asyncio.gather(*counts))

    assert sorted(asyncio.run(many())) == sorted(list(range(1, 21)) * 10)


async def test_a_cancelled_call_takes_nobody_elses_answer(cluster: Cluster) -> None:
    await cluster.run_all(*(Command("SET", f"k{number}", number) for number in range(30)))
    for _ in range(20):
        calls = [asyncio.create_task(cluster.run(Command("GET", f"k{number}"))) for number in range(30)]
        await asyncio.sleep(0)
        for cancelled in calls[::3]:
            cancelled.cancel()
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert done[1::3] == [str(number).encode() for number in range(1, 30, 3)]


async def test_after_it_was_closed_a_call_says_so(cluster: Cluster) -> None:
    await cluster.run(Command("PING"))
    await cluster.aclose()
    with pytest.raises(redis.ConnectionError, match="closed"):
        await cluster.run(Command("GET", "k"))


async def test_a_server_that_is_no_cluster() -> None:
    with servers.server() as alone:
        url = f"redis+cluster://127.0.0.1:{alone.port}"
        async with deployments.multiplexed(url) as cluster:
            with pytest.raises(UnusableRedisError, match="is not a cluster: write redis://"):
                await cluster.check()
        with deployments.blocking(url) as blocking:
            assert isinstance(blocking, SyncCluster)
            with pytest.raises(UnusableRedisError, match="is not a cluster"):
                blocking.check()


async def test_nobody_there() -> None:
    (port,) = servers.free_ports(1)
    async with deployments.multiplexed(f"redis+cluster://:hunter2@127.0.0.1:{port}") as cluster:
        with pytest.raises(UnusableRedisError, match=f"Redis at 127.0.0.1:{port} is unreachable") as caught:
            await cluster.check()
        with pytest.raises(UnusableRedisError, match="serves nothing"):
            await cluster.failing()
    assert "start its nodes, or correct REDIS_URL" in str(caught.value)
    assert "hunter2" not in str(caught.value)


async def test_a_cluster_that_is_not_whole() -> None:
    with servers.lone_node() as node:
        node.execute("CLUSTER", "ADDSLOTSRANGE", 0, 100)
        async with deployments.multiplexed(f"redis+cluster://127.0.0.1:{node.port}") as cluster:
            with pytest.raises(UnusableRedisError, match="has no node for 16283 of its 16384 slots: finish or repair"):
                await cluster.check()


async def test_a_primary_that_is_gone_is_named_as_long_as_another_one_serves() -> None:
    with servers.cluster(servers.VALKEY, "--cluster-require-full-coverage", "no", replicas=0) as ring:
        async with deployments.multiplexed(ring.url) as cluster:
            await cluster.check()
            assert await cluster.failing() == []
            gone, *others = ring.primaries
            gone.kill()
            (told,) = await cluster.failing()
            assert told == (
                f"Redis Cluster: 127.0.0.1:{gone.port} does not answer; "
                "what is on it waits until it, or a replica of it, serves."
            )
            for each in others:
                each.kill()
            with pytest.raises(UnusableRedisError, match="serves nothing"):
                await cluster.failing()


async def test_a_cluster_that_refuses_calls_serves_nothing() -> None:
    """By default it refuses all of them once it has noticed that a primary without a replica is gone."""
    with servers.cluster(replicas=0) as ring:
        async with deployments.multiplexed(ring.url) as cluster:
            await cluster.check()
            ring.primaries[0].kill()
            wait_until(lambda: ring.primaries[1].execute("CLUSTER INFO")["cluster_state"] == "fail", "it is noticed")
            wait_until(lambda: ring.primaries[2].execute("CLUSTER INFO")["cluster_state"] == "fail", "it is noticed")
            with pytest.raises(UnusableRedisError, match="refuses calls until each slot has a primary"):
                await cluster.failing()


async def test_a_password_that_is_refused_is_told_though_another_node_is_not_there() -> None:
    (nobody,) = servers.free_ports(1)
    with servers.lone_node("--requirepass", "hunter2", password="hunter2") as node:
        node.execute("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        wait_until(lambda: node.execute("CLUSTER INFO")["cluster_state"] == "ok", "the cluster stands")
        there = f"127.0.0.1:{nobody},127.0.0.1:{node.port}"
        for login, said in (("", "requires a password"), (":wrong@", "refuses the user or password")):
            with pytest.raises(UnusableRedisError, match=said):
                await check(f"redis+cluster://{login}{there}")
        (warning,) = await check(f"redis+cluster://:hunter2@{there}")
        assert "no replica" in warning


async def check(url: str) -> list[str]:
    """What both transports say of a cluster."""
    with deployments.blocking(url) as blocking:
        assert isinstance(blocking, SyncCluster)
        try:
            warnings = await asyncio.to_thread(blocking.check)
        except UnusableRedisError as error:
            async with deployments.multiplexed(url) as cluster:
                with pytest.raises(UnusableRedisError, match=re.escape(str(error))):
                    await cluster.check()
            raise
    async with deployments.multiplexed(url) as cluster:
        assert await cluster.check() == warnings
    return warnings


# Slots that move.


@asynccontextmanager
async def working(work: Callable[[int], Any]) -> AsyncIterator[list[int]]:
    """Do something again and again meanwhile, at least once after the end; gives what was acknowledged."""
    done: list[int] = []
    ending = asyncio.Event()

    async def worker() -> None:
        for number in itertools.count():
            last = ending.is_set()
            await work(number)
            done.append(number)
            if last:
                return

    async with asyncio.TaskGroup() as group:
        group.create_task(worker())
        try:
            await asyncio.to_thread(wait_until, lambda: done, "the work has begun")
            yield done
        finally:
            ending.set()


@pytest.mark.promise("P1")
async def test_a_key_whose_slot_moves_loses_no_call_and_keeps_their_order(
    cluster: Cluster, ring: servers.Cluster
) -> None:
    key = "{moves}list"
    move = Move.of(ring, slot_of(("GET", key)) or 0)
    move.source.client.config_resetstat()

    def step() -> None:
        move.begin()
        move.carry()
        wait_until(lambda: errors(move.source, "ASK"), "a call was told to ask elsewhere")
        move.end()
        wait_until(lambda: errors(move.source, "MOVED"), "a call was told where the slot is now")

    async with working(lambda number: cluster.run(Command("RPUSH", key, number))) as pushed:
        await asyncio.to_thread(step)
    kept = await cluster.run(Command("LRANGE", key, 0, -1))
    assert kept == [str(number).encode() for number in pushed]


@pytest.mark.promise("P1")
async def test_a_load_of_checkpoints_loses_none_while_its_slots_move(ring: servers.Cluster) -> None:
    threads = [f"thread-{number}" for number in range(6)]
    acknowledged: dict[str, list[str]] = {thread: [] for thread in threads}
    async with AsyncRedisSaver.from_conn_string(ring.url) as saver:

        async def put(number: int) -> None:
            async def one(thread: str) -> None:
                checkpoint: Checkpoint = {**empty_checkpoint(), "id": f"{number:08}"}
                await saver.aput(of(thread), checkpoint, {"step": number}, {})
                acknowledged[thread].append(checkpoint["id"])

            await asyncio.gather(*map(one, threads))

        def step() -> None:
            split = Move.of(ring, slot_of(("GET", Keys().state(threads[0]))) or 0)
            split.source.client.config_resetstat()
            split.begin()
            split.carry(Keys().state(threads[0]).encode())
            wait_until(lambda: errors(split.source, "TRYAGAIN"), "a call found its keys on two nodes")
            split.end()
            for thread in threads[1:]:
                Move.of(ring, slot_of(("GET", Keys().state(thread))) or 0).whole()

        async with working(put):
            await asyncio.to_thread(step)
        for thread in threads:
            kept = [one.checkpoint["id"] async for one in saver.alist(of(thread))]
            assert kept == acknowledged[thread][::-1]
        assert len(acknowledged[threads[0]]) > 2
    with RedisSaver.from_conn_string(ring.url) as blocking:
        listed = await asyncio.to_thread(
            lambda: [one.config["configurable"]["thread_id"] for one in blocking.list(None)]
        )
    assert set(listed) == set(threads)


@pytest.mark.promise("P1")
async def test_the_store_loses_no_item_while_the_slots_of_a_batch_move(ring: servers.Cluster) -> None:
    """Those of its namespaces, and that of the index of all namespaces."""
    spaces = [("moving", str(number)) for number in range(4)]
    slots = {slot_of(("GET", Keys().items(write_namespace(space)))) or 0 for space in spaces}
    slots.add(slot_of(("GET", Keys().namespaces())) or 0)
    async with AsyncRedisStore.from_conn_string(ring.url) as store:

        async def put(number: int) -> None:
            await store.abatch([PutOp(space, str(number), {"n": number}) for space in (*spaces, ("new", str(number)))])

        def step() -> None:
            moves = [Move.of(ring, slot) for slot in slots]
            moves[0].source.client.config_resetstat()
            moves[0].begin()
            wait_until(
                lambda: errors(moves[0].source, "TRYAGAIN") + errors(moves[0].source, "ASK"), "a put was sent on"
            )
            moves[0].carry()
            moves[0].end()
            for move in moves[1:]:
                move.whole()

        async with working(put) as done:
            await asyncio.to_thread(step)
        for space in spaces:
            assert [item.value["n"] for item in await store.asearch(space, limit=100_000)] == done
        listed = await store.alist_namespaces(prefix=("new",), limit=100_000)
        assert {int(number) for _, number in listed} == set(done)


def test_a_moved_slot_is_found_by_code_that_blocks(sync_cluster: SyncCluster, ring: servers.Cluster) -> None:
    key = f"{{{tag('blocks')}}}counter"
    assert sync_cluster.run(Count(Key(key), 1)) == 1
    move = Move.of(ring, slot_of(("GET", key)) or 0)
    move.begin()
    move.carry()
    assert sync_cluster.run(Count(Key(key), 1)) == 2
    move.end()
    assert sync_cluster.run_all(Count(Key(key), 1), Command("GET", key)) == [3, b"3"]


async def test_a_scan_finds_every_key_of_every_node(cluster: Cluster) -> None:
    names = {f"key{number}".encode() for number in range(3_000)}
    await cluster.run_all(*(Command("SET", name, 1) for name in names), Command("SET", "other", 1))
    found = [key async for key in cluster.scan("key*")]
    assert sorted(found) == sorted(names)


@pytest.mark.parametrize("ends", [True, False], ids=["moved", "on its way"])
async def test_a_scan_misses_no_key_that_goes_to_a_node_which_it_has_visited(
    cluster: Cluster, ring: servers.Cluster, *, ends: bool
) -> None:
    visited, later = ring.having(0), ring.having(16_383)
    first = next(name for name in map(str, itertools.count()) if ring.owner(name) is visited)
    key = next(name for name in map(str, itertools.count()) if ring.owner(name) is later)
    await cluster.run_all(Command("SET", first, 1), Command("SET", key, 1))
    move = Move(ring, slot_of(("GET", key)) or 0, later, visited)

    found: set[bytes] = set()
    async for each in cluster.scan("*"):
        if not found:
            move.begin()
            move.carry()
            if ends:
                move.end()
        found.add(each)
    assert found == {first.encode(), key.encode()}
    if not ends:
        move.end()


# Nodes that die.


@pytest.mark.promise("P1")
async def test_a_node_that_dies_is_followed_by_its_replica() -> None:
    with servers.cluster() as ring:
        first = ring.primaries[0]
        thread = next(name for name in map(str, itertools.count()) if ring.owner(f"{{{name}}}") is first)
        async with AsyncRedisSaver.from_conn_string(ring.url) as saver:
            await saver.aput(of(thread), empty_checkpoint(), {"step": 1}, {})
            await asyncio.to_thread(servers.follow, ring.replica, first)
            with RedisSaver.from_conn_string(ring.url) as blocking:
                assert await asyncio.to_thread(blocking.get_tuple, of(thread))
                first.kill()
                stored = saver.aput(of(thread), empty_checkpoint(), {"step": 2}, {})
                read = asyncio.to_thread(lambda: list(blocking.list(of(thread))))
                _, listed = await asyncio.gather(stored, read)
            assert listed[-1].metadata["step"] == 1
            assert [one.metadata["step"] async for one in saver.alist(of(thread))] == [2, 1]
            assert ring.replica.client.role()[0] == b"master"


@pytest.mark.promise("P1")
async def test_a_node_that_hangs_is_followed_by_its_replica() -> None:
    with servers.cluster() as ring:
        first = ring.primaries[0]
        key = next(name for name in map(str, itertools.count()) if ring.owner(name) is first)
        async with Cluster.from_url(f"{ring.url}?socket_timeout=0.3", patience=0.3) as cluster:
            assert await cluster.run(Count(Key(key), 1)) == 1
            await asyncio.to_thread(servers.follow, ring.replica, first)
            with first.frozen():
                assert await cluster.run(Command("SET", key, "9")) == b"OK"
            assert ring.replica.client.get(key) == b"9"
