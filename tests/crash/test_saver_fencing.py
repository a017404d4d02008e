"""A run that was overtaken in its sleep stores nothing: two processes on one thread, the first is stopped and woken.

The thread is compared as a whole, before the first wakes and after: every key, byte by byte. (The list of all threads
is not the thread's: who sends a first write again lists the thread again.)
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, TypedDict

import pytest
import redis
from crash import saver_worker
from crash.harness import FORKS
from crash.redis_proxy import RedisProxy
from crash.saver_worker import NODES, config_of, graph_of, lines
from fakes.broken_wire import BrokenWire
from fakes.people import wait_until
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from support.graph_talk import AGENT, APPROVE, talking
from support.graph_talk import THREAD as TALK

from adapters.langgraph.in_process.threads import read_once
from adapters.redis.checkpointer.saver import AsyncRedisSaver, FencedError
from adapters.redis.keys import Keys
from adapters.redis.transport.multiplexed import Multiplexed
from adapters.redis.transport.scripts import Command
from engine.ports import Answer

THREAD = "slack:{T1}/C1/1"
KEYS = Keys()
STORED = 1 + 1 + 2 * len(NODES)
"""What a run stores: its input, the state before the first node, then each node's writes and the state after it."""

Runs = list[ForkServerProcess]


@pytest.fixture
async def runs() -> AsyncIterator[Runs]:
    """The processes of a test, ended with it."""
    begun: Runs = []
    yield begun
    for process in begun:
        if process.is_alive():
            os.kill(process.pid or 0, signal.SIGCONT)
            process.kill()
        process.join()
        process.close()


def begin(runs: Runs, url: str, token: int, file: Path, *, first: bool, pauses: bool = False) -> int:
    """Run the graph in a process of its own; gives its pid."""
    process = FORKS.Process(
        target=saver_worker.run, args=(url, THREAD, token, file), kwargs={"begin": first, "pauses": pauses}
    )
    process.start()
    runs.append(process)
    assert process.pid is not None
    return process.pid


def take(client: "redis.Redis") -> int:
    """Take the thread, as who takes its lane does; gives the token."""
    token = int(str(client.incr(KEYS.fence(THREAD))))
    client.expire(KEYS.fence(THREAD), 60)
    return token


def dump(client: "redis.Redis") -> dict[bytes, object]:
    """Everything that the server has of the thread."""
    return {key: client.dump(key) for key in client.scan_iter(f"{KEYS.prefix}:{{*", count=1_000)}


async def told(file: Path, many: int = 1) -> list[str]:
    """Wait until a journal has so many lines."""

    async def look() -> list[str] | None:
        found = lines(file)
        return found if len(found) >= many else None

    return await wait_until(look, instead=lambda: f"{file.name} says {lines(file)}")


async def overtaken(redis_url: str, runs: Runs, file: Path) -> None:
    """Another process takes the thread and brings it to its end."""
    with redis.Redis.from_url(redis_url) as client:
        token = take(client)
    begin(runs, redis_url, token, file, first=False)
    assert await told(file) == ["done"]


async def state_of(redis_url: str) -> list[str]:
    async with AsyncRedisSaver.from_conn_string(redis_url) as saver:
        state = await graph_of(saver).aget_state(config_of(THREAD))
        assert state.tasks == ()
        return list(state.values["log"])


@pytest.mark.promise("P2")
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, STORED + 1))
async def test_who_was_stopped_at_any_write_stores_nothing_once_overtaken(
    redis_url: str, tmp_path: Path, runs: Runs, when: str, number: int
) -> None:
    """Where its write was stored but its answer lost, it is refused when it sends the write again."""
    old, new = tmp_path / "old", tmp_path / "new"
    pids: list[int] = []
    proxy = RedisProxy(redis_url, lambda: os.kill(pids[0], signal.SIGSTOP), (when, number))
    with redis.Redis.from_url(redis_url) as client:
        async with proxy.serving():
            pids.append(begin(runs, proxy.url, take(client), old, first=True))
            await wait_until(stopped(pids[0]), instead=lambda: f"it did {proxy.names}, {lines(old)}")
            nothing_there = number == 1 and when == "before"
            if nothing_there:  # nothing to go on with: somebody takes the thread and does nothing
                take(client)
            else:
                await overtaken(redis_url, runs, new)
            before = dump(client)
            os.kill(pids[0], signal.SIGCONT)
            assert await told(old) == ["fenced 1 2"]
            assert dump(client) == before
    if not nothing_there:
        log = await state_of(redis_url)
        assert [said.partition(" ")[0] for said in log] == ["asked", *NODES]


@pytest.mark.promise("P2")
async def test_a_write_that_was_on_its_way_when_its_run_was_overtaken_is_not_stored(
    redis_url: str, tmp_path: Path, runs: Runs
) -> None:
    """The network holds the packet back; the server sees it only when the thread has another owner."""
    old, new = tmp_path / "old", tmp_path / "new"
    wire = BrokenWire(redis_url)
    with redis.Redis.from_url(redis_url) as client:
        async with wire.serving():
            pid = begin(runs, wire.url, take(client), old, first=True, pauses=True)
            assert await told(old) == ["paused"]
            way = wire.newest.requests
            way.flows.clear()
            seen = way.taken
            old.with_suffix(".go").touch()
            await wait_until(has(lambda: way.taken > seen))
            os.kill(pid, signal.SIGSTOP)
            await wait_until(stopped(pid))
            await overtaken(redis_url, runs, new)
            before, passed, answered = dump(client), way.passed, wire.newest.replies.taken
            way.flows.set()
            await wait_until(has(lambda: way.passed > passed and wire.newest.replies.taken > answered))
            assert dump(client) == before, "the late packet was stored"
            os.kill(pid, signal.SIGCONT)
            assert await told(old, 2) == ["paused", "fenced 1 2"]
            assert dump(client) == before


@pytest.mark.promise("P2")
async def test_a_newer_token_fences_an_older_one_without_a_lane(redis_url: str) -> None:
    """Who uses the saver alone has no lanes: the newest token that was seen is the owner's."""
    async with AsyncRedisSaver.from_conn_string(redis_url) as saver:
        await graph_of(saver).ainvoke({"log": ["first"]}, config_of(THREAD, 1))
        await graph_of(saver).ainvoke({"log": ["second"]}, config_of(THREAD, 2))
        with pytest.raises(FencedError):
            await graph_of(saver).ainvoke({"log": ["late"]}, config_of(THREAD, 1))


class OvertakenSaver(AsyncRedisSaver):
    """Another process takes the thread after a read, once that is wished. Its writes are slower than any node."""

    overtaken = False

    def __init__(self, transport: Multiplexed, node_ran: asyncio.Event) -> None:
        super().__init__(transport)
        self.node_ran = node_ran

    async def aput_writes(self, *given: Any) -> None:
        if self.overtaken:
            await self.node_ran.wait()
        await super().aput_writes(*given)

    async def aget_tuple(self, config: Any) -> Any:
        found = await super().aget_tuple(config)
        if self.overtaken:
            await self._database.run(Command("SET", self.keys.fence(TALK), 2, "EX", 60))
        return found


class Log(TypedDict, total=False):
    log: str


@pytest.mark.promise("P7")
@pytest.mark.parametrize("ahead", [False, True], ids=["the check", "the read ahead of it"])
async def test_a_run_that_begins_long_after_its_thread_was_read_runs_no_node_if_the_thread_was_taken(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, *, ahead: bool
) -> None:
    """A factory, Redis or a process that stands still may take longer than a lease between the read and the run."""
    ran = asyncio.Event()

    async def take(_: Log) -> Log:
        answer = interrupt({"question": "ship?"}, response_schema={"type": "boolean"})
        ran.set()
        return {"log": str(answer)}

    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Log)
    node: Any = take
    builder.add_node("take", node)
    builder.add_edge(START, "take")
    async with Multiplexed.from_url(redis_url) as transport:
        saver = OvertakenSaver(transport, ran)
        async with talking(builder, saver, input={"log": "go"}, infrastructure=(FencedError,)) as talk:
            (asked,) = (await talk.say()).asked
            saver.overtaken = True
            read = await talk.graphs.read_ahead(TALK, 1) if ahead else None
            monkeypatch.setattr(read_once, "FRESH_SECONDS", 0)
            answer = Answer(TALK, AGENT, asked.interrupt, asked.digest, asked.ask, (APPROVE,), "key", ahead=read)
            with pytest.raises(FencedError):
                await talk.graphs.resume_if_pending(answer, 1)
            assert not ran.is_set()


def stopped(pid: int) -> Callable[[], Awaitable[bool | None]]:
    """Tell whether a process is stopped."""
    return has(lambda: "\nState:\tT" in Path(f"/proc/{pid}/status").read_text())


def has(look: Callable[[], object]) -> Callable[[], Awaitable[bool | None]]:
    async def looked() -> bool | None:
        return True if look() else None

    return looked
