"""Ours beside the naive bot (`bench.naive`): one load, one Slack, one Redis, each bot in processes of its own.

The reference of each row is the naive bot in the same run. Where a process is killed, people whose click was not
acked press again once the bot is back, as Slack's warning sign makes them do; those whose click was acked do not.
"""

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass

import redis.asyncio

from bench import bots
from bench.bots import Kind, Running
from bench.driver import PLACES, Clicked, Clicks
from bench.subject import ALICE, BOB
from bench.table import Bench, percentile

PATIENCE = 40.0
SILENCE = 15.0
"""Seconds without anything done after which the rest is given up: longer than a lease."""
KILLED_RUNS = 2
"""In how many of the runs clicks are doubled and processes killed: these are counts, and take half a minute."""
AT_ONCE = 32
"""Clicks under way at each process, where as many as possible are measured."""
SLOW_STEP = 0.2
"""Seconds that the step after the approval takes where processes are killed: real ones call a model, or deploy."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A row: its unit and its aim, as a ratio to the naive bot or as a number."""

    name: str
    unit: str = ""
    aim: str = ""


ACK = Figure("click -> ack p50, 20/s", "ms", "1x")
ACK_SLOWEST = Figure("click -> ack p99, 100/s", "ms", "1x")
RESUMED = Figure("click -> graph resumed p50, 20/s", "ms")
RESUMES = Figure("resumes a second, 50 clicked at once")
CLICKS = Figure("clicks a second with their effects, one process beside the naive bot", aim="1x")
CORE = Figure("time of one core for a click with its effects", "ms")
TWICE = Figure("20 buttons pressed twice at the same moment: graphs that ran twice", aim="0")
LOST = Figure("100 clicks, kill -9 in the middle: acked, and the graph never went on", aim="0")
AGAIN = Figure("the same 100 clicks: graphs that ran twice", aim="0")

Figures = dict[Figure, float]


@dataclass(frozen=True, slots=True)
class Asked:
    """Cards that wait, with the channels of their conversations."""

    bot: Running
    places: Sequence[str]
    cards: Sequence[int]

    async def click(self, numbers: Sequence[int] | None = None, *, rate: float = 0.0, at_once: int = 1) -> Clicked:
        """Press Approve on all cards, or on these; a number that stands twice is pressed twice."""
        chosen = [self.cards[number] for number in (range(len(self.cards)) if numbers is None else numbers)]
        return await self.bot.slack.click(Clicks([], [], BOB, rate=rate, at_once=at_once, cards=chosen))

    def done(self) -> list[list[float]]:
        """When the graph behind each card did what was approved: once, never, or too often."""
        found = self.bot.done()
        return [found.get(place, []) for place in self.places]

    async def all_done(self) -> list[float]:
        """Wait until each graph went on; gives when. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while not all(done := self.done()):  # noqa: ASYNC110 - other processes do it
                await asyncio.sleep(0.02)
        return [times[0] for times in done]

    async def all_redrawn(self, since: float) -> float:
        """Wait until each card says who decided; gives when the last one did. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while min(at := await self.bot.slack.updated(self.cards)) < since:  # noqa: ASYNC110 - likewise
                await asyncio.sleep(0.02)
        return max(at)

    async def at_rest(self) -> list[int]:
        """Wait until each graph went on, or nothing happens any more; gives how often each did."""
        counts, since = [0], time.perf_counter()
        while not all(counts) and time.perf_counter() - since < SILENCE:
            await asyncio.sleep(0.1)
            if (now := [len(times) for times in self.done()]) != counts:
                counts, since = now, time.perf_counter()
        return counts


class Room:
    """Makes cards, each in a channel where nothing waits."""

    def __init__(self, bot: Running) -> None:
        self.bot, self._places = bot, iter(PLACES)

    async def asked(self, count: int) -> Asked:
        """Mention the bot so often; gives its cards."""
        places = list(itertools.islice(self._places, count))
        return Asked(self.bot, places, await self.bot.slack.mention(places, ALICE, "ship billing 2.4.1 to production"))


async def measure(bench: Bench) -> None:
    """The naive bot, ours, and ours in two processes, by turns."""
    ours, naive = bots.ours(bench.folder), bots.naive()
    for number in range(bench.runs):
        theirs = await _fast(bench, naive) if naive else {}
        one = await _fast(bench, ours)
        if number < KILLED_RUNS:
            theirs |= await _safe(bench, naive) if naive else {}
            one |= await _safe(bench, ours)
        for figure, seen in one.items():
            bench.table.add(figure.name, seen, theirs.get(figure), unit=figure.unit, aim=figure.aim)
        await _two(bench, one[CLICKS])


async def _fast(bench: Bench, kind: Kind) -> Figures:
    async with bots.running(kind, bench.slack, bench.redis_url, bench.folder) as bot:
        room = await _warm(bot)
        return await _one_by_one(bench, room) | await _many(bench, room)


async def _safe(bench: Bench, kind: Kind) -> Figures:
    async with bots.running(kind, bench.slack, bench.redis_url, bench.folder, slow_step=SLOW_STEP) as bot:
        room = Room(bot)
        return await _twice(room) | await _killed(room)


async def _warm(bot: Running) -> Room:
    room = Room(bot)
    asked = await room.asked(10)
    await asked.click()
    await asked.all_done()
    return room


# Fast -----------------------------------------------------------------------------------------------------------------


async def _one_by_one(bench: Bench, room: Room) -> Figures:
    asked = await room.asked(bench.count(40))
    clicked = await asked.click(rate=20)
    done = await asked.all_done()
    resumed = [(at - sent) * 1000 for at, sent in zip(done, clicked.sent, strict=True)]
    return {ACK: percentile(clicked.acked, 0.5), RESUMED: percentile(resumed, 0.5)}


async def _many(bench: Bench, room: Room) -> Figures:
    asked = await room.asked(bench.count(200))
    paced = await asked.click(rate=100)
    await asked.all_redrawn(min(paced.sent))

    asked = await room.asked(50)
    burst = await asked.click(at_once=50)
    resumes = 50 / (max(await asked.all_done()) - min(burst.sent))

    most = await _most(bench, room)
    slowest = percentile(paced.acked, 0.99)
    return {ACK_SLOWEST: slowest, RESUMES: resumes, CLICKS: most.a_second, CORE: most.bot * 1000 / most.clicks}


@dataclass(frozen=True, slots=True)
class _Most:
    """How many clicks in how many seconds, and the seconds of processors that the bot and all the others took."""

    clicks: int
    seconds: float
    bot: float
    others: float

    @property
    def a_second(self) -> float:
        return self.clicks / self.seconds

    @property
    def cores(self) -> tuple[float, float]:
        return self.bot / self.seconds, self.others / self.seconds


async def _most(bench: Bench, room: Room, at_once: int = AT_ONCE) -> _Most:
    """Click as fast as acks come, `at_once` at a time; ends when each graph went on and each card says who decided."""
    asked, others = await room.asked(bench.count(200)), [bench.slack.pid, await _redis_pid(bench.redis_url)]
    bot_before, others_before = room.bot.cpu_seconds(), sum(map(bots.cpu_seconds, others))
    clicked = await asked.click(at_once=at_once)
    ended = max(*await asked.all_done(), await asked.all_redrawn(min(clicked.sent)))
    bot, other = room.bot.cpu_seconds() - bot_before, sum(map(bots.cpu_seconds, others)) - others_before
    return _Most(len(clicked.sent), ended - min(clicked.sent), bot, other)


async def _redis_pid(redis_url: str) -> int:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        return int((await client.info("server"))["process_id"])


async def _two(bench: Bench, one: float) -> None:
    """Two workers beside one process. What Redis and Slack's side take says how much is left for the bot."""
    kind = bots.ours(bench.folder, processes=2)
    async with bots.running(kind, bench.slack, bench.redis_url, bench.folder) as bot:
        most = await _most(bench, await _warm(bot), 2 * AT_ONCE)  # each as busy as the one: calls go to Redis together
    bench.table.add("clicks a second with their effects, two processes beside one", most.a_second, one, aim="1.7x")
    bench.table.add("cores busy meanwhile: the two, beside Redis and Slack's side", *most.cores)


# Safe -----------------------------------------------------------------------------------------------------------------


async def _twice(room: Room) -> Figures:
    """Slack repeats what it thinks is lost, and people press twice."""
    asked = await room.asked(20)
    await asked.click([number for number in range(20) for _ in range(2)], at_once=40)
    await asked.all_done()
    await asyncio.sleep(1.0)  # a second run has no sign of its own to wait for
    return {TWICE: sum(len(times) > 1 for times in asked.done())}


async def _killed(room: Room) -> Figures:
    """Kill the bot when half of the graphs went on, and start it again."""
    asked = await room.asked(100)
    pressing = asyncio.create_task(asked.click(rate=100))
    async with asyncio.timeout(PATIENCE):
        while sum(map(bool, asked.done())) < 50:  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.01)
    await room.bot.kill()
    first = await pressing
    await room.bot.start()
    again = [number for number, ms in enumerate(first.ms) if ms < 0]
    if again and (await asked.click(again)).lost:
        raise RuntimeError("the bot that was started again takes no clicks")
    counts = await asked.at_rest()
    return {LOST: counts.count(0), AGAIN: sum(count > 1 for count in counts)}
