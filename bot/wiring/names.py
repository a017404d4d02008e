"""Claims the names of the agents while the bot runs."""

import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

from adapters.redis.stores.agent_names import RedisNames
from bot.config.settings import Config
from bot.runtime.agent_names import AgentNames, definitions
from bot.wiring.storage import Storage
from engine.ids import TeamId


@contextlib.asynccontextmanager
async def agent_names(config: Config, kept: Storage, team: TeamId, lease: timedelta) -> AsyncIterator[AgentNames]:
    """Claim the names. Raises ProblemsError when a living process has one of them for something else."""
    claims = RedisNames(kept.database, kept.keys, team, uuid4().hex, definitions(config), lease * 3)
    names = AgentNames(claims, config)
    async with names.held():
        yield names
