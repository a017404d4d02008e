"""What is asked of each saver: cycles of a graph, single calls, long threads, and what they take."""

import asyncio
import statistics
import time
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal, Protocol

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple, empty_checkpoint
from langgraph.checkpoint.base.id import uuid6
from langgraph.types import Command

from bench import saver_graphs
from bench.saver_kinds import Opened

SMALL, LARGE = 100, 100_000
MANY = 50

_numbers = count()


class Row(Protocol):
    """One line of the table."""

    @property
    def name(self) -> str:
        """What was measured."""
        ...

    @property
    def aim(self) -> str:
        """What we wish for."""
        ...

    async def prepare(self, opened: Opened) -> None:
        """Do what is not measured, once for each saver."""
        ...

    async def measure(self, opened: Opened, turns: int) -> float | None:
        """Do it so many times; gives ms for each, or bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Cycle:
    """Start, interrupt, resume, end: in `at_once` threads at the same time."""

    size: int
    at_once: int
    durability: Literal["sync", "async"]
    aim: str = ""

    @property
    def name(self) -> str:
        """Say which."""
        return f"cycle, {_size(self.size)}, {self.at_once} at once, {self.durability}"

    async def prepare(self, opened: Opened) -> None:
        """Warm what is made once: prepared statements, scripts."""
        await self.measure(opened, 2)

    async def measure(self, opened: Opened, turns: int) -> float:
        """Give the median of a cycle; with many at once, of the time of all by their number."""
        graph, seen = saver_graphs.asking(opened.saver), []
        for _ in range(turns if self.at_once == 1 else max(2, turns // 10)):
            threads = [_thread() for _ in range(self.at_once)]
            began = time.perf_counter()
            if self.at_once == 1:
                await self._run(graph, threads[0])
            else:
                async with asyncio.TaskGroup() as group:
                    for thread in threads:
                        group.create_task(self._run(graph, thread))
            seen.append((time.perf_counter() - began) * 1000 / self.at_once)
            for thread in threads:
                await opened.saver.adelete_thread(thread)
        return statistics.median(seen)

    async def _run(self, graph: saver_graphs.Graph, thread: str) -> None:
        config: RunnableConfig = {"configurable": {"thread_id": thread}}
        asked = await graph.ainvoke({"document": saver_graphs.text(self.size)}, config, durability=self.durability)
        if "__interrupt__" not in asked:
            raise RuntimeError("the graph did not ask")
        done = await graph.ainvoke(Command(resume="yes"), config, durability=self.durability)
        if done["notes"] != "done: yes":
            raise RuntimeError("the graph did not end")


@dataclass(frozen=True, slots=True)
class Get:
    """`aget_tuple` of a thread's newest checkpoint."""

    size: int
    checkpoints: int = 5
    aim: str = ""
    _config: dict[int, RunnableConfig] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Say which."""
        return f"get_tuple p50, {_size(self.size)}, {self.checkpoints:,} checkpoints"

    async def prepare(self, opened: Opened) -> None:
        """Write the thread."""
        begun = await made(opened.saver, self.size)
        config = begun.config
        for _ in range(self.checkpoints - 1):
            config = await put_next(opened.saver, begun, config)
        newest: RunnableConfig = {"configurable": {"thread_id": config["configurable"]["thread_id"]}}
        self._config[id(opened.saver)] = newest

    async def measure(self, opened: Opened, turns: int) -> float:
        """Give the median of a call."""
        config, seen = self._config[id(opened.saver)], []
        for _ in range(10 * turns):
            began = time.perf_counter()
            found = await opened.saver.aget_tuple(config)
            seen.append((time.perf_counter() - began) * 1000)
            if found is None or len(found.checkpoint["channel_values"]["document"]) != self.size:
                raise RuntimeError("the checkpoint is not there")
        return statistics.median(seen)


@dataclass(frozen=True, slots=True)
class Put:
    """`aput` of a checkpoint in which one small channel changed."""

    size: int
    checkpoints: int = 1
    aim: str = ""
    _made: dict[int, CheckpointTuple] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Say which."""
        return f"put p50, {_size(self.size)}, {self.checkpoints:,} checkpoints"

    async def prepare(self, opened: Opened) -> None:
        """Write the thread."""
        begun = self._made[id(opened.saver)] = await made(opened.saver, self.size)
        config = begun.config
        for _ in range(self.checkpoints - 1):
            config = await put_next(opened.saver, begun, config)

    async def measure(self, opened: Opened, turns: int) -> float:
        """Give the median of a call."""
        begun, seen = self._made[id(opened.saver)], []
        config = begun.config
        for _ in range(5 * turns):
            began = time.perf_counter()
            config = await put_next(opened.saver, begun, config)
            seen.append((time.perf_counter() - began) * 1000)
        return statistics.median(seen)


@dataclass(frozen=True, slots=True)
class Stored:
    """What a thread of twenty steps takes."""

    size: int
    aim: str = ""

    @property
    def name(self) -> str:
        """Say which."""
        return f"kB stored, {saver_graphs.STEPS} steps, {_size(self.size)}"

    async def prepare(self, opened: Opened) -> None:
        """Nothing."""

    async def measure(self, opened: Opened, turns: int) -> float | None:
        """Give kB; once is enough, so that later runs give the same."""
        del turns
        before = await opened.stored()
        config: RunnableConfig = {"configurable": {"thread_id": _thread()}, "recursion_limit": 50}
        await saver_graphs.long(opened.saver).ainvoke(
            {"document": saver_graphs.text(self.size)}, config, durability="sync"
        )
        after = await opened.stored()
        return None if before is None or after is None else (after - before) / 1000


def _thread() -> str:
    return f"thread-{next(_numbers)}"


def _size(size: int) -> str:
    return f"{size // 1000} kB" if size >= 1000 else f"{size} B"


async def made(saver: BaseCheckpointSaver[Any], size: int) -> CheckpointTuple:
    """Begin a thread with a state of two channels."""
    config: RunnableConfig = {"configurable": {"thread_id": _thread(), "checkpoint_ns": ""}}
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = {"document": saver_graphs.text(size), "notes": "begun"}
    versions = {name: saver.get_next_version(None, None) for name in checkpoint["channel_values"]}
    checkpoint["channel_versions"] = dict(versions)
    config = await saver.aput(config, checkpoint, {"source": "loop", "step": 0, "parents": {}}, versions)
    made = await saver.aget_tuple(config)
    if made is None:
        raise RuntimeError("the checkpoint is not there")
    return made


async def put_next(
    saver: BaseCheckpointSaver[Any], made: CheckpointTuple, config: RunnableConfig, channel: str = "notes"
) -> RunnableConfig:
    """Put the next checkpoint, of which one channel is new."""
    checkpoint = made.checkpoint
    checkpoint["id"] = str(uuid6(clock_seq=-2))
    checkpoint["channel_values"] = {**checkpoint["channel_values"], channel: f"after {checkpoint['id']}"}
    new = saver.get_next_version(checkpoint["channel_versions"][channel], None)
    checkpoint["channel_versions"] = {**checkpoint["channel_versions"], channel: new}
    return await saver.aput(config, checkpoint, made.metadata, {channel: new})


ROWS: tuple[Row, ...] = (
    Cycle(SMALL, 1, "sync", aim="1.4x"),
    Cycle(SMALL, MANY, "sync", aim="1.2x"),
    Cycle(SMALL, 1, "async"),
    Cycle(SMALL, MANY, "async"),
    Cycle(LARGE, 1, "sync", aim="1.6x"),
    Cycle(LARGE, MANY, "sync", aim="1.3x"),
    Cycle(LARGE, 1, "async"),
    Cycle(LARGE, MANY, "async"),
    Put(SMALL),
    Put(SMALL, 10_000, aim="as with 1"),
    Put(LARGE),
    Get(SMALL, 10),
    Get(SMALL, 10_000, aim="as with 10"),
    Get(LARGE, 10),
    Stored(LARGE, aim="half of the next"),
)
