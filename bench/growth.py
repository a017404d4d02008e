"""What 10, 10,000 and 100,000 pending approvals do to a bot, and what a long past does to one conversation.

Each Redis database holds so many, and `signoff run` is started on each of them by turns: the reference of a row is the
bot with 10 in the same run. All waits are those of a person or an operator.
"""

import asyncio
import itertools
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import redis.asyncio

from adapters.redis.checkpointer.saver import AsyncRedisSaver
from adapters.redis.keys import Keys
from bench import bots, outside, size
from bench.bots import Running
from bench.driver import TEAM
from bench.saver_rows import put_next
from bench.slack import ROOT
from bench.subject import AGENT, ALICE, BOB, Behind, Subject, running, subject
from bench.table import Bench, percentile
from bot.config.entries import Mode
from engine.approvals.approval import Approval, Place, State
from engine.approvals.effects import Hear
from engine.conversation import thread_id
from engine.ids import ApprovalId, ChannelId, InterruptId, MessageTs, TeamId, ThreadId, approval_id
from engine.ports import Change

SIZES = (10, 10_000, 100_000)
MILLION = 1_000_000
RUNS = 3
"""Of the bots with many pending; each takes half a minute."""
CLICKS, LOOKS = 40, 5
IDLE_SECONDS = 3.0
PAST, STEPS, TURNS = 5_000, 10_000, 3
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Figure:
    """What is measured, and its unit."""

    name: str
    unit: str = "ms"


START = Figure("start of the bot")
ACK = Figure("click -> ack p50, 20/s")
HOME = Figure("Home opened -> drawn")
LIST = Figure("`/signoff list` -> answer")
IDLE = Figure("load of one core in the 3 s after a start", "%")
MEMORY = Figure("memory of the process", "MB")
AUDIT = Figure("`signoff audit ID`")
APPROVALS = Figure("`signoff approvals --pending`, its first line")


@dataclass(frozen=True, slots=True)
class Filled:
    """A database with so many pending approvals, the id of one, and what each takes."""

    size: int
    url: str
    sample: ApprovalId
    bytes_of_one: float


async def measure(bench: Bench) -> None:
    """Fill once, and start bots by turns."""
    gigabytes = await size.bytes_of_one(bench) * MILLION / 1e9  # first, since it empties all databases
    filled = [await _filled(bench, number, bench.count(each)) for number, each in enumerate(SIZES)]
    bench.table.add("Redis for 1,000,000 pending, from the bytes of one", gigabytes, unit="GB", aim="6 GB")
    smaller, larger = filled[1:]
    name = f"bytes of Redis for each of {larger.size:,} without its audit, beside {smaller.size:,}"
    bench.table.add(name, larger.bytes_of_one, smaller.bytes_of_one, aim="1x")
    for _ in range(min(bench.runs, RUNS)):
        few, *more = [await _seen(bench, each) for each in filled]
        for each, seen in zip(filled[1:], more, strict=True):
            for figure, value in seen.items():
                name = f"{figure.name}, {each.size:,} pending"
                bench.table.add(name, value, few[figure], unit=figure.unit, aim="1x")
    await _of_one_conversation(bench)


# Many conversations ---------------------------------------------------------------------------------------------------


async def _filled(bench: Bench, number: int, count: int) -> Filled:
    """Approvals with their timers, and beside each a thread's checkpoints: copies, under names of their own."""
    url = f"{bench.redis_url}?db={number + 1}"
    async with redis.asyncio.Redis.from_url(url) as client:
        await client.flushdb()
        before = int((await client.info("memory"))["used_memory"])
        async with running(bench.slack, url, bench.folder, Mode.SOCKET, Behind.GRAPH) as served:
            asked = await served.asked(1)
            pending = await served.pending(count - 1, timers=True)
        await _copy_checkpoints(client, asked[0].thread, [each.thread for each in pending])
        taken = int((await client.info("memory"))["used_memory"]) - before
    return Filled(count, url, asked[0].id, taken / count)


async def _copy_checkpoints(client: redis.asyncio.Redis, thread: ThreadId, threads: Sequence[ThreadId]) -> None:
    keys = Keys()
    for made in (keys.checkpoints, keys.state):
        dumped = await client.dump(made(thread)) or b""
        for first in range(0, len(threads), 1_000):
            async with client.pipeline(transaction=False) as pipeline:
                for each in threads[first : first + 1_000]:
                    pipeline.restore(made(each), 0, dumped)
                await pipeline.execute()


async def _seen(bench: Bench, filled: Filled) -> dict[Figure, float]:
    return await _of_the_bot(bench, filled) | await _of_its_process(bench, filled)


async def _of_the_bot(bench: Bench, filled: Filled) -> dict[Figure, float]:
    began = time.perf_counter()
    async with running(bench.slack, filled.url, bench.folder, Mode.SOCKET, Behind.LANES) as served:
        started = time.perf_counter() - began
        await served.click(await served.pending(4))
        clicked = await served.click(await served.pending(bench.count(CLICKS)), rate=20)
        await served.at_rest()
        homes = [await bench.slack.open_home(BOB) for _ in range(LOOKS)]
        lists = [await bench.slack.command("list", BOB) for _ in range(LOOKS)]
    return {
        START: started * 1000,
        ACK: percentile(clicked.acked, 0.5),
        HOME: percentile(homes, 0.5),
        LIST: percentile(lists, 0.5),
    }


async def _of_its_process(bench: Bench, filled: Filled) -> dict[Figure, float]:
    """What `signoff run` takes when it has just started, and commands beside it."""
    kind = bots.ours(bench.folder)
    async with bots.continued(kind, bench.slack, filled.url, bench.folder) as bot:
        pid, before = bot.pids[0], bot.cpu_seconds()
        await asyncio.sleep(IDLE_SECONDS)
        idle = (bot.cpu_seconds() - before) / IDLE_SECONDS * 100
        await bench.slack.open_home(BOB)
        memory = bots.resident_mb(pid)
        audit = await _command(bot, "audit", filled.sample.rpartition("#")[2][:8])
        first_line = await _command(bot, "approvals", "--pending")
    return {IDLE: idle, MEMORY: memory, AUDIT: audit, APPROVALS: first_line}


async def _command(bot: Running, *words: str) -> float:
    """The milliseconds until a command prints its first line."""
    began = time.perf_counter()
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *words, "--config", str(bot.folder / "outside.yaml")),
        cwd=ROOT,
        env=bot.environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert command.stdout is not None  # noqa: S101 - it was made with pipes
    assert command.stderr is not None  # noqa: S101 - likewise
    line, took = await command.stdout.readline(), (time.perf_counter() - began) * 1000
    if not line:
        raise RuntimeError(f"`signoff {' '.join(words)}`: {(await command.stderr.read()).decode()}")
    if command.returncode is None:
        command.kill()
    await command.communicate()
    return took


# One conversation -----------------------------------------------------------------------------------------------------


async def _of_one_conversation(bench: Bench) -> None:
    """A request and its click in a thread with a long past, beside one in a new thread."""
    past, steps = bench.count(PAST), bench.count(STEPS)
    async with subject(bench.slack, bench.redis_url, bench.folder, Mode.SOCKET, Behind.GRAPH) as served:
        new, closed, stepped = [_Talk(served, place) for place in itertools.islice(map(_place, itertools.count()), 3)]
        for talk in (new, closed, stepped):
            await talk.turn()
        await closed.close_many(past)
        await stepped.step_often(steps)
        for _ in range(bench.runs * TURNS):
            reference = await new.turn()
            for talk, what in {closed: f"{past:,} past requests", stepped: f"{steps:,} checkpoints"}.items():
                name = f"a request and its click in a conversation with {what}"
                bench.table.add(name, await talk.turn(), reference, unit="ms", aim="1x")


def _place(number: int) -> Place:
    return Place(TeamId(TEAM), ChannelId(f"D0{number:08}"), MessageTs("1700000000.000001"))


@dataclass(eq=False, slots=True)
class _Talk:
    """A conversation in a direct message."""

    served: Subject
    place: Place
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    last: Approval | None = None

    @property
    def thread(self) -> ThreadId:
        return thread_id(self.place)

    async def turn(self) -> float:
        """The milliseconds from a message to its request, and from the click to the resumed graph."""
        ports, ts = self.served.bot.ports, MessageTs(f"1700000000.{next(self._numbers) + 1:06}")
        heard = Hear(self.thread, self.place, ALICE, "ship billing 2.4.1 to production", ts, AGENT, mentioned=True)
        began = time.perf_counter()
        await ports.lanes.put(heard, f"bench/{ts}")
        async with asyncio.timeout(PATIENCE):
            while not (waiting := await ports.approvals.open(self.thread)):  # noqa: ASYNC110 - in Redis
                await asyncio.sleep(0.001)
            asked = time.perf_counter() - began
            outside.done.pop(self.thread, None)
            clicked = await self.served.click(waiting)
            while self.thread not in outside.done:  # noqa: ASYNC110 - the graph knows of no event
                await asyncio.sleep(0.001)
            resumed = outside.done[self.thread] - clicked.sent[0]
            while await ports.approvals.open(self.thread):  # noqa: ASYNC110 - likewise
                await asyncio.sleep(0.001)
        self.last = waiting[0]
        await asyncio.sleep(0.1)  # the reply and the card
        return (asked + resumed) * 1000

    async def close_many(self, count: int) -> None:
        """Add requests that were closed before."""
        assert self.last is not None  # noqa: S101 - there was a turn
        for number in range(count):
            interrupt = InterruptId(f"{number:032}")
            before = replace(self.last, id=approval_id(self.thread, interrupt, self.last.digest), interrupt=interrupt)
            pending = replace(before, version=0)
            await self.served.bot.ports.approvals.create(Change(pending))
            await self.served.bot.ports.approvals.save(Change(replace(pending, state=State.DELIVERED, version=1)))

    async def step_often(self, count: int) -> None:
        """Add checkpoints."""
        config: Any = {"configurable": {"thread_id": self.thread, "checkpoint_ns": ""}}
        async with AsyncRedisSaver.from_conn_string(self.served.redis_url) as saver:
            for _ in range(count):
                found = await saver.aget_tuple(config)
                assert found is not None  # noqa: S101 - there was a turn
                await put_next(saver, found, found.config, "status")
