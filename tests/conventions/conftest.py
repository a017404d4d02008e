"""A world for the talks with many agents: see `stories.world`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes.people import PeopledSlack
from fakes.valkey import redis_server, redis_url
from stories.world import World

__all__ = ["redis_server", "redis_url"]


@pytest.fixture
async def world(tmp_path: Path, redis_url: str) -> AsyncIterator[World]:
    """The bot starts when the test says so."""
    async with PeopledSlack(data=tmp_path / "slack", rate_limit=None, retry_after=(0.0, 0.05, 0.1)) as slack:
        story = World(tmp_path, slack, redis_url)
        try:
            yield story
        finally:
            await story.stop()
