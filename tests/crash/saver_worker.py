"""Processes that only use the saver: one that runs a graph with a fencing token, one that stores without end.

Each writes into a journal, line by line, what it has been told: it is killed or stopped at any moment.
"""

import asyncio
import operator
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, empty_checkpoint
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from adapters.redis.checkpointer.saver import FENCE_KEY, AsyncRedisSaver, FencedError

NODES = ("plan", "build", "ship")
CHANNELS = ("slow", "fast", "large")
TASKS = ("task-a", "task-b")


def journal(file: Path, line: str) -> None:
    """Write a line that stays there whatever becomes of the process."""
    held = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(held, f"{line}\n".encode())
    os.close(held)


def lines(file: Path) -> list[str]:
    """Read a journal."""
    return file.read_text().splitlines() if file.exists() else []


def config_of(thread: str, token: int | None = None, checkpoint: str | None = None) -> RunnableConfig:
    told: dict[str, Any] = {"thread_id": thread, "checkpoint_ns": ""}
    if token is not None:
        told[FENCE_KEY] = token
    if checkpoint is not None:
        told["checkpoint_id"] = checkpoint
    return {"configurable": told}


# A run with a token ---------------------------------------------------------------------------------------------------


class State(TypedDict, total=False):
    log: Annotated[list[str], operator.add]


def graph_of(
    saver: AsyncRedisSaver, who: str = "", pause: Callable[[str], object] = str
) -> "CompiledStateGraph[Any, Any, Any, Any]":
    """Three nodes in a row; each pauses, and says who ran it."""
    builder = StateGraph(State)

    def add(name: str) -> None:
        def work(state: State) -> State:  # noqa: ARG001 - LangGraph names it
            pause(name)
            return {"log": [f"{name} by {who}" if who else name]}

        builder.add_node(name, work)

    for before, name in zip((START, *NODES), NODES, strict=False):
        add(name)
        builder.add_edge(before, name)
    return builder.compile(checkpointer=saver)


def run(url: str, thread: str, token: int, file: Path, *, begin: bool, pauses: bool = False) -> None:
    """Begin a run, or go on with one, and tell how it ended; one that `pauses` does so in a node, for a file "go"."""

    def pause(node: str) -> None:
        if pauses and node == "build":
            journal(file, "paused")
            while not file.with_suffix(".go").exists():
                time.sleep(0.005)

    asyncio.run(_run(url, thread, token, file, begin=begin, pause=pause))


async def _run(url: str, thread: str, token: int, file: Path, *, begin: bool, pause: Callable[[str], None]) -> None:
    async with AsyncRedisSaver.from_conn_string(url) as saver:
        given: Any = {"log": ["asked"]} if begin else None
        try:
            await graph_of(saver, str(token), pause).ainvoke(given, config_of(thread, token), durability="sync")
        except FencedError as fenced:
            journal(file, f"fenced {fenced.token} {fenced.owner}")
        else:
            journal(file, "done")


# Stores without end ---------------------------------------------------------------------------------------------------


def checkpoint_id(number: int) -> str:
    """Give ids that sort as they are counted."""
    return f"{number:012}"


def values_of(number: int) -> dict[str, str]:
    """Give what a checkpoint's channels hold: one changes seldom, one always, one is large."""
    return {
        "slow": f"slow {number // 5}",
        "fast": f"fast {number}",
        "large": f"large {number} ".ljust(5_000, "x"),
    }


def checkpoint_of(number: int) -> Checkpoint:
    """Make a checkpoint that is known from its number."""
    versions = {"slow": f"{number // 5:010}.v", "fast": f"{number:010}.v", "large": f"{number:010}.v"}
    return {
        **empty_checkpoint(),
        "id": checkpoint_id(number),
        "channel_values": values_of(number),
        "channel_versions": dict(versions),
    }


def writes_of(number: int) -> list[tuple[str, str]]:
    """Make the pending writes of a task, stored by one call."""
    return [(channel, f"write {number} of {channel}") for channel in CHANNELS]


def new_versions(number: int, *, first: bool) -> ChannelVersions:
    """Give the channels that a checkpoint changed."""
    versions = dict(checkpoint_of(number)["channel_versions"])
    if number % 5 and not first:
        del versions["slow"]
    return versions


def unused(file: Path) -> Iterator[int]:
    """Count on from what a journal's last life began."""
    begun = [int(line.split()[1]) for line in lines(file) if line.startswith("begin")]
    return iter(range(max(begun, default=-1) + 1, 1_000_000))


def put_of(thread: str, number: int, *, first: bool) -> tuple[RunnableConfig, Checkpoint, Any, ChannelVersions]:
    """Give the arguments of `put`."""
    config = config_of(thread, checkpoint=checkpoint_id(number - 1) if number else None)
    return config, checkpoint_of(number), {"source": "loop", "step": number}, new_versions(number, first=first)


def put_writes_of(thread: str, number: int, task: str) -> tuple[RunnableConfig, list[tuple[str, str]], str]:
    """Give the arguments of `put_writes`."""
    return config_of(thread, checkpoint=checkpoint_id(number)), writes_of(number), task


def store_on(url: str, thread: str, file: Path) -> None:
    """Store until the process is killed; each line of the journal is written when the saver has returned."""
    asyncio.run(_store_on(url, thread, file))


async def _store_on(url: str, thread: str, file: Path) -> None:
    async with AsyncRedisSaver.from_conn_string(url) as saver:
        first = True
        for number in unused(file):
            journal(file, f"begin {number}")
            await saver.aput(*put_of(thread, number, first=first))
            journal(file, f"put {number}")
            for task in TASKS:
                await saver.aput_writes(*put_writes_of(thread, number, task))
            journal(file, f"writes {number}")
            first = False


# What must be there ---------------------------------------------------------------------------------------------------


async def check(saver: AsyncRedisSaver, thread: str, acknowledged: Sequence[str]) -> int:
    """Check that all that was acknowledged is there, and that what is there is whole; gives how many checkpoints."""
    put = {int(line.split()[1]) for line in acknowledged if line.startswith("put")}
    written = {int(line.split()[1]) for line in acknowledged if line.startswith("writes")}
    found = {}
    async for one in saver.alist(config_of(thread)):
        number = one.metadata["step"]
        found[number] = one
        assert one.checkpoint["id"] == checkpoint_id(number)
        assert one.checkpoint["channel_values"] == values_of(number), f"checkpoint {number} of {thread} is not whole"
        stored = one.pending_writes or []
        for task in TASKS:
            of_task = [(channel, value) for who, channel, value in stored if who == task]
            assert of_task in ([], writes_of(number)), f"writes of {number} in {thread} are not whole: {of_task}"
        if number in written:
            assert len(stored) == len(TASKS) * len(CHANNELS), (
                f"writes of {number} in {thread} were acknowledged and are lost"
            )
    assert put <= found.keys(), f"checkpoints {put - found.keys()} of {thread} were acknowledged and are lost"
    newest = await saver.aget_tuple(config_of(thread))
    assert newest is None if not found else newest is not None and newest.metadata["step"] == max(found)
    return len(found)
