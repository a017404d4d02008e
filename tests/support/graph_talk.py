"""A conversation with one agent, as the lanes have it: real LangGraph, a real saver in memory."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

from langgraph.checkpoint.memory import InMemorySaver

from adapters.langgraph.agents import AgentSpec
from adapters.langgraph.in_process.graphs import LocalGraphs
from engine.asks.ask import Choice, Decision, Kind
from engine.ids import AgentName, ChannelId, InterruptId, ThreadId, UserId
from engine.ports import Answer, Asked, Held, Resumed, RunResult, Stale, Turn

AGENT = AgentName("agent")
THREAD = ThreadId("T:C:1")
APPROVE = Decision(Choice.APPROVE)
REJECT = Decision(Choice.REJECT)
SKIP = Decision(Choice.SKIP)
REDO = Decision(Choice.REDO)


def edit(value: Any) -> Decision:
    return Decision(Choice.EDIT, value=value)


def words(text: str) -> Decision:
    return Decision(Choice.ANSWER, text=text)


def form(**values: Any) -> Decision:
    return Decision(Choice.ANSWER, value=values)


@dataclass
class Talk:
    """Everything is said in one thread, by U1."""

    graphs: LocalGraphs
    thread: ThreadId = THREAD
    turns: int = 0
    fence: int = 1

    async def say(self, text: str = "go", key: str = "", voids: frozenset[InterruptId] = frozenset()) -> RunResult:
        self.turns += 1
        key = key or f"turn-{self.turns}"
        turn = Turn(self.thread, AGENT, key, text, UserId("U1"), ChannelId("C1"), voids)
        return await self.graphs.start(turn, fence=self.fence)

    async def deliver(self, asked: Asked, *decisions: Decision, digest: str = "") -> Resumed | Stale | Held:
        key = f"answer-{asked.interrupt}"
        answer = Answer(self.thread, AGENT, asked.interrupt, digest or asked.digest, asked.ask, decisions, key)
        return await self.graphs.resume_if_pending(answer, fence=self.fence)

    async def answer(self, asked: Asked, *decisions: Decision) -> RunResult:
        """Deliver, and expect that the graph took it."""
        outcome = await self.deliver(asked, *decisions)
        assert isinstance(outcome, Resumed), outcome
        return outcome.result

    async def stale(self, asked: Asked, *decisions: Decision) -> Stale:
        """Deliver, and expect that nothing was sent."""
        result = await self.deliver(asked, *decisions)
        assert isinstance(result, Stale), result
        return result

    async def settle(self) -> RunResult:
        return await self.graphs.settle(self.thread, AGENT, fence=self.fence)


@contextmanager
def exported(graph: Any) -> Iterator[str]:
    """The spec of a graph made in a test."""
    name = f"exported_{uuid4().hex}"
    module = ModuleType(name)
    module.graph = graph  # type: ignore[attr-defined]
    sys.modules[name] = module
    try:
        yield f"{name}:graph"
    finally:
        del sys.modules[name]


@asynccontextmanager
async def talking(graph: Any, saver: Any = None, **spec: Any) -> AsyncIterator[Talk]:
    """`graph` is a graph, a builder, a factory, or the path of a file that exports `graph`."""
    saver = saver or InMemorySaver()
    infrastructure = spec.pop("infrastructure", ())
    if isinstance(graph, Path):
        agent = AgentSpec(f"{graph.name}:graph", graph.parent, **spec)
        graphs = await LocalGraphs.open({AGENT: agent}, saver, infrastructure=infrastructure)
    else:
        with exported(graph) as name:
            agent = AgentSpec(name, Path(), **spec)
            graphs = await LocalGraphs.open({AGENT: agent}, saver, infrastructure=infrastructure)
    try:
        yield Talk(graphs)
    finally:
        await graphs.aclose()


def payloads(result: RunResult) -> list[Any]:
    """What the graph asks; halts are none of it."""
    return [asked.ask.payload for asked in result.asked if not asked.ask.may_recur]


def error_of(result: RunResult) -> str:
    """What a person is told of a failure."""
    failed = [asked.ask.prompt for asked in result.asked if asked.ask.kind is Kind.FAILURE]
    return failed[0] if failed else result.error


def halt_of(result: RunResult) -> Asked:
    """The breakpoint or failure that the thread stands at."""
    halts = ("breakpoint:", "stopped:", "failure:")
    (asked,) = [asked for asked in result.asked if asked.interrupt.startswith(halts)]
    return asked
