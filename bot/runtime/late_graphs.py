"""The port `Graphs` while LangGraph is still being imported: callers wait until the graphs are loaded.

Importing LangGraph and the graphs takes a second or more; the other parts of a bot start without it.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from bot.config.problems import ProblemsError
from engine.asks.ask import Ask, Decision, Json, ValueProblem
from engine.ids import AgentName, ThreadId
from engine.ports import (
    UNWATCHED,
    Answer,
    Graphs,
    Held,
    Resumed,
    RunResult,
    Snapshot,
    Stale,
    TimeTravelRun,
    Turn,
    Watcher,
)

Schemas = Mapping[AgentName, Mapping[str, Mapping[str, Json] | None]]
"""The tools of each agent that runs here, with the JSON Schemas of their arguments; None for one that has none."""
Problems = Callable[[Ask, int, Decision], Sequence[ValueProblem]]


class OpenGraphs(Graphs, Protocol):
    """Graphs that are loaded."""

    @property
    def schemas(self) -> Schemas:
        """The tools of each agent that runs here."""

    async def keep(self) -> None:
        """Wait until they are closed. Raises the error of what they keep open."""

    async def aclose(self) -> None:
        """Close what they opened."""

    def drain(self) -> None:
        """Ask all runs to rest after the step that they are in."""


class LateGraphs:
    """`opened` loads the graphs, once; `problems` needs none of them. Raises ProblemsError for what cannot be used."""

    def __init__(self, opened: Callable[[], Awaitable[OpenGraphs]], problems: Problems) -> None:
        self._opened = opened
        self._problems = problems
        self._loading: asyncio.Future[OpenGraphs] | None = None
        self._draining = False

    @property
    def loaded(self) -> bool:
        """True if the graphs are loaded, and nothing is wrong with them."""
        return self._loading is not None and self._loading.done() and self._loading.exception() is None

    @property
    def schemas(self) -> Schemas:
        """The tools of each agent that runs here; none while they are not loaded."""
        return self._loading.result().schemas if self._loading is not None and self.loaded else {}

    async def load(self) -> None:
        """Import LangGraph and the graphs, once. Raises ProblemsError for a graph that cannot be used."""
        await self._graphs()

    async def keep(self) -> None:
        """Load them, and wait until they are closed. Raises the error of what they keep open."""
        await (await self._graphs()).keep()

    async def aclose(self) -> None:
        """Close what the graphs' factories opened."""
        if self._loading is not None:
            with contextlib.suppress(ProblemsError, asyncio.CancelledError):
                await (await self._loading).aclose()

    def drain(self) -> None:
        """Ask all runs to rest after the step that they are in."""
        self._draining = True
        if self._loading is not None and self.loaded:
            self._loading.result().drain()

    def problems(self, agent: AgentName, ask: Ask, action: int, decision: Decision) -> Sequence[ValueProblem]:
        """See `engine.ports.Graphs`."""
        if self._loading is not None and self.loaded:
            return self._loading.result().problems(agent, ask, action, decision)
        return self._problems(ask, action, decision)

    async def start(self, turn: Turn, fence: int, watcher: Watcher = UNWATCHED) -> RunResult:
        """See `engine.ports.Graphs`."""
        return await (await self._graphs()).start(turn, fence, watcher)

    async def read_ahead(self, thread: ThreadId, fence: int) -> object:
        """See `engine.ports.Graphs`."""
        return await (await self._graphs()).read_ahead(thread, fence)

    async def resume_if_pending(
        self, answer: Answer, fence: int, watcher: Watcher = UNWATCHED
    ) -> Resumed | Stale | Held:
        """See `engine.ports.Graphs`."""
        return await (await self._graphs()).resume_if_pending(answer, fence, watcher)

    async def resume_together(
        self, answers: Sequence[Answer], fence: int, watcher: Watcher = UNWATCHED
    ) -> Sequence[Resumed | Stale | Held]:
        """See `engine.ports.Graphs`."""
        return await (await self._graphs()).resume_together(answers, fence, watcher)

    async def settle(self, thread: ThreadId, agent: AgentName, fence: int) -> RunResult:
        """See `engine.ports.Graphs`."""
        return await (await self._graphs()).settle(thread, agent, fence)

    async def snapshots(self, thread: ThreadId, agent: AgentName, limit: int) -> Sequence[Snapshot]:
        """See `engine.ports.Graphs`."""
        return await (await self._graphs()).snapshots(thread, agent, limit)

    async def time_travel(self, request: TimeTravelRun, fence: int, watcher: Watcher = UNWATCHED) -> RunResult | Stale:
        """See `engine.ports.Graphs`."""
        return await (await self._graphs()).time_travel(request, fence, watcher)

    async def _graphs(self) -> OpenGraphs:
        if self._loading is None:
            self._loading = asyncio.ensure_future(self._load())
        return await asyncio.shield(self._loading)

    async def _load(self) -> OpenGraphs:
        graphs = await self._opened()
        if self._draining:
            graphs.drain()
        return graphs
