"""The bot that is measured, and approvals for it to decide.

`Behind` says what happens after an ack. NOTHING: what a click put into its lanes waits, as where another process serves
them. LANES: they are served here, and the agent rests at once. GRAPH: they are, and a real graph is resumed.
"""

import asyncio
import contextlib
import gc
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from pathlib import Path
from typing import Any, TypeVar, cast

import redis.asyncio
import yaml

from adapters.langgraph import dialects
from adapters.slack.cards import card as cards
from adapters.slack.drawing.actions import Target
from adapters.slack.inbound.http import PATH
from bench import outside
from bench.driver import TEAM, Clicked, Clicks
from bench.slack import Slack
from bot.commands.serve import serve
from bot.config.entries import Mode
from bot.config.load import load
from bot.runtime.garbage import begin
from bot.wiring.assembly import bot
from bot.wiring.ports import Ports
from bot.wiring.running import Bot
from engine.approvals.approval import Approval, Place, State, open_reviews
from engine.approvals.effects import Effect, Hear, Timer
from engine.asks.ask import Ask, Decision, ValueProblem
from engine.authority.policy import Deadlines, one_part, person
from engine.conversation import Conversation, thread_id
from engine.ids import AgentName, ChannelId, InterruptId, MessageTs, TeamId, ThreadId, UserId, approval_id
from engine.ports import (
    UNWATCHED,
    Answer,
    Change,
    Graphs,
    Lanes,
    Resumed,
    RunResult,
    Snapshot,
    TimeTravelRun,
    Turn,
    Watcher,
)

AGENT = AgentName("bench")
ALICE, BOB = UserId("U0ALICE"), UserId("U0BOB")
DEADLINES = Deadlines(expires_after=timedelta(hours=4))
PATIENCE = 60.0
"""Seconds that work behind the clicks may take until the bench gives up."""

_numbers = itertools.count(1)
T = TypeVar("T")


class Behind(Enum):
    """See the module."""

    NOTHING = auto()
    LANES = auto()
    GRAPH = auto()


class QuietLanes:
    """Lanes that nobody is called to."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lanes, name)

    async def ring(self, effects: Sequence[Effect]) -> None:
        """Call nobody."""


class RestingGraphs:
    """Agents that have nothing more to do once they are answered."""

    async def start(self, turn: Turn, fence: int, watcher: Watcher = UNWATCHED) -> RunResult:
        """Rest."""
        del turn, fence, watcher
        return RunResult()

    async def read_ahead(self, thread: ThreadId, fence: int) -> object:
        """Read nothing."""
        del thread, fence
        return None

    async def resume_if_pending(self, answer: Answer, fence: int, watcher: Watcher = UNWATCHED) -> Resumed:
        """Rest."""
        del answer, fence, watcher
        return Resumed(RunResult())

    async def resume_together(
        self, answers: Sequence[Answer], fence: int, watcher: Watcher = UNWATCHED
    ) -> Sequence[Resumed]:
        """Rest."""
        return [await self.resume_if_pending(each, fence, watcher) for each in answers]

    async def time_travel(self, request: TimeTravelRun, fence: int, watcher: Watcher = UNWATCHED) -> RunResult:
        """Rest."""
        del request, fence, watcher
        return RunResult()

    async def snapshots(self, thread: ThreadId, agent: AgentName, limit: int) -> Sequence[Snapshot]:
        """Remember nothing."""
        del thread, agent, limit
        return ()

    async def settle(self, thread: ThreadId, agent: AgentName, fence: int) -> RunResult:
        """Rest."""
        del thread, agent, fence
        return RunResult()

    def problems(self, ask: Ask, action: int, decision: Decision) -> Sequence[ValueProblem]:
        """Find none."""
        del ask, action, decision
        return ()


@dataclass(frozen=True, slots=True)
class Subject:
    """A bot that can be clicked. `url` is where it listens in HTTP mode, else ""."""

    bot: Bot
    slack: Slack
    redis_url: str
    url: str

    async def click(self, approvals: Sequence[Approval], *, rate: float = 0.0, at_once: int = 1) -> Clicked:
        """Approve all, as bob."""
        values = [str(Target(approval.id, 0, 1)) for approval in approvals]
        blocks = cards.card(approvals[0]).blocks
        return await self.slack.click(Clicks(values, blocks, BOB, self.url, rate, at_once))

    async def decided(self, approvals: Sequence[Approval]) -> int:
        """How many are decided, once each, by bob."""
        found = [await self.bot.ports.approvals.get(approval.id) for approval in approvals]
        return sum(each is not None and each.state in (State.DECIDED, State.DELIVERED) for each in found)

    # Approvals --------------------------------------------------------------------------------------------------------

    async def pending(self, count: int, *, timers: bool = False) -> list[Approval]:
        """Approvals whose card stands, without a graph behind them; with `timers`, each has its expiry set."""
        return await _gathered([lambda: self._pending(timers=timers)] * count)

    async def _pending(self, *, timers: bool) -> Approval:
        conversation, ask = _conversation(), _ask()
        policy = one_part("approvals[0]", person(BOB))
        interrupt, digest = InterruptId("0" * 32), "0" * 64
        approval = Approval(
            id=approval_id(conversation.thread, interrupt, digest),
            thread=conversation.thread,
            agent=AGENT,
            interrupt=interrupt,
            digest=digest,
            ask=ask,
            deadlines=DEADLINES if timers else Deadlines(),
            requester=ALICE,
            home=conversation.place,
            place=conversation.place,
            created_at=datetime.now(UTC),
            reviews=open_reviews(ask, (policy,)),
            card=MessageTs("1700000000.000100"),
        )
        await self.bot.ports.conversations.save(conversation, 0)
        await self.bot.ports.approvals.create(Change(approval))
        if approval.expires_at is not None:
            await self.bot.ports.lanes.set_timer(approval.id, Timer.EXPIRE, approval.expires_at)
        return approval

    async def asked(self, count: int) -> list[Approval]:
        """Approvals that a real graph waits for, their cards posted."""
        threads = await _gathered([self.ask] * count)
        await self.at_rest()
        return [(await self.bot.ports.approvals.open(thread))[0] for thread in threads]

    async def ask(self) -> ThreadId:
        """Send the agent a message, at which it asks for an approval; gives its thread."""
        place = _place()
        heard = Hear(thread_id(place), place, ALICE, _REQUEST, MessageTs("1700000000.000001"), AGENT, mentioned=True)
        await self.bot.ports.lanes.put(heard, f"bench/{place.channel}")
        return heard.thread

    async def at_rest(self) -> None:
        """Wait until the lanes are empty. Raises TimeoutError, and RuntimeError for work that was given up."""
        async with redis.asyncio.Redis.from_url(self.redis_url) as client, asyncio.timeout(PATIENCE):
            while [key async for key in client.scan_iter(match="*:mail:*", count=5_000)]:  # noqa: ASYNC110 - in Redis
                await asyncio.sleep(0.02)
        if dead := await self.bot.ports.lanes.dead_letters():
            raise RuntimeError(f"{len(dead)} pieces of work were given up: {dead[0].error}")


_REQUEST = "ship billing 2.4.1 to production"


def _place() -> Place:
    """A thread in a channel of its own: to one channel Slack takes one card a second."""
    return Place(TeamId(TEAM), ChannelId(f"C0{next(_numbers):08}"), MessageTs("1700000000.000001"))


def _conversation() -> Conversation:
    place = _place()
    return Conversation(thread_id(place), AGENT, ALICE, place, direct=False, started_at=datetime.now(UTC))


def _ask() -> Ask:
    return dialects.read(dialects.Question(outside.payload(_REQUEST)))


async def _gathered(makers: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """Make all, a hundred at a time."""
    made: list[T] = []
    for first in range(0, len(makers), 100):
        made += await asyncio.gather(*(make() for make in makers[first : first + 100]))
    return made


# The bot --------------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def subject(slack: Slack, redis_url: str, folder: Path, mode: Mode, behind: Behind) -> AsyncIterator[Subject]:
    """A bot on an empty Redis, warm: it has taken a click."""
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await client.flushall()
    async with running(slack, redis_url, folder, mode, behind) as clicked:
        await clicked.click(await clicked.pending(4), at_once=1)
        if behind is not Behind.NOTHING:
            await clicked.at_rest()
        yield clicked


@contextlib.asynccontextmanager
async def running(slack: Slack, redis_url: str, folder: Path, mode: Mode, behind: Behind) -> AsyncIterator[Subject]:
    """A bot on what is in Redis."""

    def altered(ports: Ports) -> None:
        if behind is Behind.NOTHING:
            ports.lanes = cast("Lanes", QuietLanes(ports.lanes))
        if behind is not Behind.GRAPH:
            ports.graphs = cast("Graphs", RestingGraphs())

    config = load(_configured(folder, mode), slack.environment() | {"REDIS_URL": redis_url})
    async with bot(config, altered) as made, made.http() as address:
        url = address + PATH if mode is Mode.HTTP else ""
        async with _serving(made, behind):
            yield Subject(made, slack, redis_url, url)


@contextlib.asynccontextmanager
async def _serving(made: Bot, behind: Behind) -> AsyncIterator[None]:
    if behind is Behind.NOTHING:
        async with made.listening():
            yield
        return
    stop, ready, thresholds = asyncio.Event(), asyncio.Event(), gc.get_threshold()
    await made.load_graphs()
    async with asyncio.TaskGroup() as group:
        group.create_task(serve(made, stop, on_ready=ready.set))
        await ready.wait()
        try:
            begin()  # as `signoff run` does
            yield
        finally:
            gc.unfreeze()  # this process will hold other bots
            gc.set_threshold(*thresholds)
            stop.set()


def _configured(folder: Path, mode: Mode) -> Path:
    agent = {
        "graph": f"{Path(__file__).parent / 'graph.py'}:graph",
        "channels": ["#deploys"],
        "input": {"request": "$text"},
        "reply": "status",
    }
    said = {
        "agents": {AGENT: agent},
        "approvals": [{"approvers": {"users": [str(BOB)]}, "expires_after": "4h"}],
        "slack": {"mode": mode.value},
        "http": {"port": 0},
    }
    file = folder / "app.yaml"
    file.write_text(yaml.safe_dump(said), encoding="utf-8")
    return file
