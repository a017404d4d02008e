"""Routes each call of the port to the graphs in this process or to those on servers.

`agent` is bound to the log meanwhile: each line that a graph's code causes names it.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from structlog.contextvars import bound_contextvars

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


class ClosableGraphs(Graphs, Protocol):
    """Graphs with connections or runs to close."""

    async def aclose(self) -> None:
        """Close the connections."""

    def drain(self) -> None:
        """Ask all runs to stop."""


class GraphsInProcess(ClosableGraphs, Protocol):
    """Graphs in this process."""

    @property
    def schemas(self) -> Mapping[AgentName, Mapping[str, Mapping[str, Json] | None]]:
        """The schemas of the arguments of each agent's tools, by name."""

    async def keep(self) -> None:
        """Wait until they are closed. Raises the error of what they keep open."""


class RoutedGraphs:
    """Graphs in this process and on servers; `local` also has the agents that are no longer set up."""

    def __init__(self, local: GraphsInProcess, servers: Mapping[AgentName, ClosableGraphs]) -> None:
        self._local, self._servers = local, servers

    @property
    def schemas(self) -> Mapping[AgentName, Mapping[str, Mapping[str, Json] | None]]:
        """The tools of the agents in this process; those of a server are not known."""
        return self._local.schemas

    async def keep(self) -> None:
        """Wait until they are closed. Raises the error of what they keep open."""
        await self._local.keep()

    async def aclose(self) -> None:
        """Close all connections."""
        for graphs in self._all():
            await graphs.aclose()

    def drain(self) -> None:
        """Ask all runs to stop."""
        for graphs in self._all():
            graphs.drain()

    def problems(self, agent: AgentName, ask: Ask, action: int, decision: Decision) -> Sequence[ValueProblem]:
        """See `engine.ports.Graphs`."""
        return self._of(agent).problems(agent, ask, action, decision)

    async def start(self, turn: Turn, fence: int, watcher: Watcher = UNWATCHED) -> RunResult:
        """See `engine.ports.Graphs`."""
        with bound_contextvars(agent=turn.agent):
            return await self._of(turn.agent).start(turn, fence, watcher)

    async def read_ahead(self, thread: ThreadId, fence: int) -> object:
        """See `engine.ports.Graphs`. A thread on a server is not there: for that this reads nothing."""
        return await self._local.read_ahead(thread, fence)

    async def resume_if_pending(
        self, answer: Answer, fence: int, watcher: Watcher = UNWATCHED
    ) -> Resumed | Stale | Held:
        """See `engine.ports.Graphs`."""
        with bound_contextvars(agent=answer.agent):
            return await self._of(answer.agent).resume_if_pending(answer, fence, watcher)

    async def resume_together(
        self, answers: Sequence[Answer], fence: int, watcher: Watcher = UNWATCHED
    ) -> Sequence[Resumed | Stale | Held]:
        """See `engine.ports.Graphs`."""
        with bound_contextvars(agent=answers[0].agent):
            return await self._of(answers[0].agent).resume_together(answers, fence, watcher)

    async def settle(self, thread: ThreadId, agent: AgentName, fence: int) -> RunResult:
        """See `engine.ports.Graphs`."""
        with bound_contextvars(agent=agent):
            return await self._of(agent).settle(thread, agent, fence)

    async def snapshots(self, thread: ThreadId, agent: AgentName, limit: int) -> Sequence[Snapshot]:
        """See `engine.ports.Graphs`."""
        with bound_contextvars(agent=agent):
            return await self._of(agent).snapshots(thread, agent, limit)

    async def time_travel(self, request: TimeTravelRun, fence: int, watcher: Watcher = UNWATCHED) -> RunResult | Stale:
        """See `engine.ports.Graphs`."""
        with bound_contextvars(agent=request.agent):
            return await self._of(request.agent).time_travel(request, fence, watcher)

    def _of(self, agent: AgentName) -> ClosableGraphs:
        return self._servers.get(agent, self._local)

    def _all(self) -> Sequence[ClosableGraphs]:
        distinct = {id(each): each for each in (self._local, *self._servers.values())}
        return tuple(distinct.values())
