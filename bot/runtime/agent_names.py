"""Claims the names of this process's agents; `adapters.redis.stores.agent_names` says why a name means one graph.

Processes with the same configuration share their names. A process that maps a name to a different graph refuses to
start. It first waits as long as the claim of a dead process lasts, so that only a living one can be in its way. So a
rolling deployment that moves a graph must stop the old processes first, or give the moved agent a new name; the refusal
says so.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Protocol
from urllib.parse import urlsplit

import structlog
from redis.exceptions import RedisError

from bot.config.entries import Agent
from bot.config.problems import ConfigProblem, ProblemsError
from bot.config.settings import Config

log = structlog.get_logger(__name__)

_LOOKS = 10
"""Times that a start looks whether a claim lapsed that is in its way."""


class Claims(Protocol):
    """The store of names; `adapters.redis.stores.agent_names.RedisNames` is one."""

    ttl: timedelta

    async def claim(self) -> Mapping[str, str]:
        """Claim all names; returns name -> definition of those that others hold. Raises RedisError."""
        ...

    async def renew(self) -> Mapping[str, str]:
        """Claim all names again; returns nothing where Redis does not answer, which is logged."""
        ...

    async def release(self) -> None:
        """Release all names."""
        ...


def definitions(config: Config) -> Mapping[str, str]:
    """The definition behind each agent's name: its graph, wherever the folder is, or its server and assistant."""
    return {name: _definition(agent) for name, agent in config.agents.items()}


def _definition(agent: Agent) -> str:
    if agent.server is None:
        return f"graph {agent.graph}"
    at = urlsplit(agent.server.url)  # without a user and a password, which are nobody's business
    return f"assistant {agent.server.assistant} of {at.hostname}:{at.port or ''}{at.path.rstrip('/')}"


class AgentNames:
    """Claims the names, renews the claim, releases it."""

    def __init__(self, claims: Claims, config: Config) -> None:
        self._claims = claims
        self._config = config

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold the names. Raises ProblemsError when a living process has one of them for something else."""
        await self._claim_patiently()
        try:
            yield
        finally:
            with contextlib.suppress(RedisError):  # the claim lapses by itself
                await self._claims.release()

    async def keep(self) -> None:
        """Renew until cancelled. Raises ProblemsError when a name was lost: this process was frozen for a while."""
        while True:
            await asyncio.sleep(self._claims.ttl.total_seconds() / 3)
            if taken := await self._claims.renew():
                raise self._refusal(taken)

    async def _claim_patiently(self) -> None:
        looks = 0
        while taken := await self._claims.claim():
            if looks == 0:
                log.info("another process holds these agents' names; waiting in case it is dead", names=list(taken))
            if looks == _LOOKS:
                raise self._refusal(taken)
            looks += 1
            await asyncio.sleep(self._claims.ttl.total_seconds() / (_LOOKS - 1))

    def _refusal(self, taken: Mapping[str, str]) -> ProblemsError:
        return ProblemsError(
            ConfigProblem(
                self._config.where("agents", name),
                f"a running process of this workspace has an agent {name!r} with another definition ({definition})",
                "Stop that process first, or give one of the two agents another name.",
            )
            for name, definition in taken.items()
        )
