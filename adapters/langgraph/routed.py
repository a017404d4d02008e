"""Graphs in this process and graphs on servers, behind one port: each call goes where its agent runs."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from engine.asks.ask import Ask, Decision, Json, Problem
from engine.ids import AgentName, ThreadId
from engine.ports import (
    UNWATCHED,
    Answer,
    Graphs,
    Held,
    Journey,
    Moment,
    Resumed,
    Stale,
    Standstill,
    Turn,
    Watcher,
)


class Open(Graphs, Protocol):
    """Graphs that hold something open."""

    async def aclose(self) -> None:
        """Let go of it."""

    def drain(self) -> None:
        """Ask all runs to rest."""


class Here(Open, Protocol):
    """Graphs in this process."""

    @property
    def schemas(self) -> Mapping[AgentName, Mapping[str, Mapping[str, Json] | None]]:
        """The schemas of the arguments of each agent's tools, by name."""


class RoutedGraphs:
    """`servers` has the agents that run elsewhere; `here` has all others, and those that are no longer set up."""

    def __init__(self, here: Here, servers: Mapping[AgentName, Open]) -> None:
        self._here, self._servers = here, servers

    @property
    def schemas(self) -> Mapping[AgentName, Mapping[str, Mapping[str, Json] | None]]:
        """The tools of the agents that run here: those of a server are not known."""
        return self._here.schemas

    async def aclose(self) -> None:
        """Let go of what all of them opened."""
        for graphs in self._all():
            await graphs.aclose()

    def drain(self) -> None:
        """Ask all runs to rest."""
        for graphs in self._all():
            graphs.drain()

    def problems(self, agent: AgentName, ask: Ask, action: int, decision: Decision) -> Sequence[Problem]:
        """See `engine.ports.Graphs`."""
        return self._of(agent).problems(agent, ask, action, decision)

    async def start(self, turn: Turn, fence: int, watcher: Watcher = UNWATCHED) -> Standstill:
        """See `engine.ports.Graphs`."""
        return await self._of(turn.agent).start(turn, fence, watcher)

    async def resume_if_pending(
        self, answer: Answer, fence: int, watcher: Watcher = UNWATCHED
    ) -> Resumed | Stale | Held:
        """See `engine.ports.Graphs`."""
        return await self._of(answer.agent).resume_if_pending(answer, fence, watcher)

    async def resume_together(
        self, answers: Sequence[Answer], fence: int, watcher: Watcher = UNWATCHED
    ) -> Sequence[Resumed | Stale | Held]:
        """See `engine.ports.Graphs`."""
        return await self._of(answers[0].agent).resume_together(answers, fence, watcher)

    async def settle(self, thread: ThreadId, agent: AgentName, fence: int) -> Standstill:
        """See `engine.ports.Graphs`."""
        return await self._of(agent).settle(thread, agent, fence)

    async def history(self, thread: ThreadId, agent: AgentName, limit: int) -> Sequence[Moment]:
        """See `engine.ports.Graphs`."""
        return await self._of(agent).history(thread, agent, limit)

    async def travel(self, journey: Journey, fence: int, watcher: Watcher = UNWATCHED) -> Standstill | Stale:
        """See `engine.ports.Graphs`."""
        return await self._of(journey.agent).travel(journey, fence, watcher)

    def _of(self, agent: AgentName) -> Open:
        return self._servers.get(agent, self._here)

    def _all(self) -> Sequence[Open]:
        distinct = {id(each): each for each in (self._here, *self._servers.values())}
        return tuple(distinct.values())
