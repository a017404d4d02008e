"""Nothing that the saver acknowledged is lost, and nothing is stored by halves: its process dies, or the server does.

Each checkpoint is known from its number, with its values and its pending writes, so that what is there can be compared
with what was put. A process writes into a journal what it was told is stored; the server answers what is on the disk
(`appendfsync always`).
"""

import asyncio
import contextlib
import itertools
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
import redis
from crash import saver_worker
from crash.harness import FORKS
from crash.redis_proxy import RedisProxy
from crash.saver_worker import NODES, TASKS, check, config_of, graph_of, lines, put_of, put_writes_of
from fakes.patience import PATIENCE
from fakes.people import wait_until

from adapters.redis import embedded
from adapters.redis.checkpointer.saver import AsyncRedisSaver, RedisSaver
from adapters.redis.embedded.server import pid_of
from adapters.redis.transport.multiplexed import Multiplexed

THREAD = "t {1}"
DOWN_SECONDS = 1.0
LIVES = 12
DEATHS = 3
THREADS = 20
LOST = (redis.ConnectionError, redis.TimeoutError)

Begin = Callable[..., ForkServerProcess]


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Begin a process that stores without end."""
    begun: list[ForkServerProcess] = []

    def begin(url: str, journal: Path, thread: str = THREAD) -> ForkServerProcess:
        process = FORKS.Process(target=saver_worker.store_on, args=(url, thread, journal))
        process.start()
        begun.append(process)
        return process

    yield begin
    for process in begun:
        process.kill()
        process.join()
        process.close()


def grown(journal: Path, lines_more: int, process: ForkServerProcess) -> Callable[[], Awaitable[bool | None]]:
    wanted = len(lines(journal)) + lines_more

    async def look() -> bool | None:
        assert process.is_alive(), "it ended by itself"
        return True if len(lines(journal)) >= wanted else None

    return look


# The process dies -----------------------------------------------------------------------------------------------------


@pytest.mark.promise("P1")
async def test_a_process_may_be_killed_at_any_moment(redis_url: str, tmp_path: Path, begin: Begin) -> None:
    journal, dice = tmp_path / "journal", random.Random()  # noqa: S311 - moments
    async with AsyncRedisSaver.from_conn_string(redis_url) as saver:
        for _ in range(LIVES):
            process = begin(redis_url, journal)
            await wait_until(grown(journal, dice.randrange(1, 20), process))
            await asyncio.sleep(dice.random() * 0.003)
            process.kill()
            await asyncio.to_thread(process.join)
            assert await check(saver, THREAD, lines(journal)) > 0


@pytest.mark.promise("P1")
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_process_may_be_killed_at_each_script(redis_url: str, tmp_path: Path, begin: Begin, when: str) -> None:
    """A round is three scripts: a checkpoint, and the writes of two tasks."""
    rounds = ["PutCheckpoint", "PutWrites", "PutWrites"] * 3
    async with AsyncRedisSaver.from_conn_string(redis_url) as saver:
        for number in range(1, 8):
            thread, journal = f"thread {number}", tmp_path / f"journal-{number}"
            lives: list[ForkServerProcess] = []
            proxy = RedisProxy(redis_url, lambda lives=lives: lives[0].kill(), (when, number))  # type: ignore[misc]
            async with proxy.serving():
                lives.append(begin(proxy.url, journal, thread))
                await asyncio.to_thread(lives[0].join, PATIENCE)
            assert lives[0].exitcode == -signal.SIGKILL
            assert proxy.names == rounds[:number]
            stored = rounds[: number - (when == "before")].count("PutCheckpoint")
            assert await check(saver, thread, lines(journal)) == stored


# The server dies ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Load:
    """What the clients of a server that dies were told, thread by thread."""

    told: dict[str, list[str]] = field(default_factory=lambda: {f"thread {number}": [] for number in range(THREADS)})
    over: bool = False

    def acknowledged(self) -> int:
        """How much was acknowledged."""
        return sum(map(len, self.told.values()))


async def kill_and_start(folder: Path, load: Load) -> None:
    """Kill the server some times in mid-load, and start it again on its folder: at once, or after a while."""
    for death in range(DEATHS):
        before = load.acknowledged()
        await wait_until(
            has(lambda before=before: load.acknowledged() > before + 10 * THREADS),  # type: ignore[misc]
            instead=lambda: "no more load",
        )
        os.kill(pid_of(folder), signal.SIGKILL)
        if death % 2:
            await asyncio.sleep(DOWN_SECONDS)  # nothing can be seen of calls that wait
        await embedded.ensure(folder)
    load.over = True


@asynccontextmanager
async def server(folder: Path) -> AsyncIterator[str]:
    """A server of this test's own, which `kill_and_start` may kill."""
    try:
        async with embedded.running(folder) as url:
            with redis.Redis.from_url(url) as client:
                durable = client.config_get("append*")
                assert (durable["appendonly"], durable["appendfsync"]) == ("yes", "always")
            yield url
    finally:
        for _ in range(DEATHS):  # as often as it may have been started again
            await embedded.release(folder)


@pytest.mark.promise("P1")
async def test_the_server_may_be_killed_under_the_load_of_20_threads(tmp_path: Path) -> None:
    """One saver over one connection waits, and goes on by itself: no call fails."""
    load = Load()

    async def store_on(saver: AsyncRedisSaver, thread: str) -> None:
        for number in itertools.count():
            if load.over:
                return
            await saver.aput(*put_of(thread, number, first=not number))
            load.told[thread].append(f"put {number}")
            for task in TASKS:
                await saver.aput_writes(*put_writes_of(thread, number, task))
            load.told[thread].append(f"writes {number}")

    async with server(tmp_path) as url, AsyncRedisSaver.from_conn_string(url) as saver:
        async with asyncio.TaskGroup() as group:
            for thread in load.told:
                group.create_task(store_on(saver, thread))
            group.create_task(kill_and_start(tmp_path, load))
        for thread, told in load.told.items():
            assert await check(saver, thread, told) > 0


@pytest.mark.promise("P1")
async def test_the_server_may_be_killed_under_20_threads_that_block(tmp_path: Path) -> None:
    load = Load()

    def store_on(saver: RedisSaver, thread: str) -> None:
        for number in itertools.count():
            if load.over:
                return
            saver.put(*put_of(thread, number, first=not number))
            load.told[thread].append(f"put {number}")
            for task in TASKS:
                saver.put_writes(*put_writes_of(thread, number, task))
            load.told[thread].append(f"writes {number}")

    async with server(tmp_path) as url, AsyncRedisSaver.from_conn_string(url) as reads:
        with RedisSaver.from_conn_string(url) as saver, ThreadPoolExecutor(THREADS) as pool:
            storing = [pool.submit(store_on, saver, thread) for thread in load.told]
            try:
                await kill_and_start(tmp_path, load)
            finally:
                load.over = True
                await asyncio.gather(*map(asyncio.wrap_future, storing))
        for thread, told in load.told.items():
            assert await check(reads, thread, told) > 0


@pytest.mark.promise("P1")
async def test_graphs_come_to_their_end_though_the_server_is_killed(tmp_path: Path) -> None:
    """Whoever runs a graph goes on where it stood: each node counts once. This saver does not wait, so that runs fail.

    What is left is told by a state's `tasks`: `next` is empty, too, where a node's writes are stored, their step not.
    """
    load = Load()

    async def run(saver: AsyncRedisSaver, thread: str) -> list[str]:
        graph, config = graph_of(saver), config_of(thread)
        while True:
            with contextlib.suppress(*LOST):
                state = await graph.aget_state(config)
                if state.created_at is not None and not state.tasks:
                    return list(state.values["log"])
                await graph.ainvoke({"log": ["asked"]} if state.created_at is None else None, config, durability="sync")

    async def run_on(saver: AsyncRedisSaver, thread: str) -> None:
        for number in itertools.count():
            if load.over:
                return
            assert await run(saver, f"{thread}/{number}") == ["asked", *NODES]
            load.told[thread].append(f"ran {number}")

    async with server(tmp_path) as url, Multiplexed.from_url(url) as database, asyncio.TaskGroup() as group:
        for thread in load.told:
            group.create_task(run_on(AsyncRedisSaver(database), thread))
        group.create_task(kill_and_start(tmp_path, load))


def has(look: Callable[[], object]) -> Callable[[], Awaitable[bool | None]]:
    async def looked() -> bool | None:
        return True if look() else None

    return looked
