"""A world for each crash: see `crash.harness`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from crash.harness import World, peopled
from fakes.valkey import redis_server, redis_url

__all__ = ["redis_server", "redis_url"]


@pytest.fixture
async def world(tmp_path: Path, redis_url: str) -> AsyncIterator[World]:
    """Slack and Redis are there; the bot starts when the test says so."""
    async with peopled(tmp_path) as slack:
        made = World(tmp_path, slack, redis_url)
        try:
            yield made
        finally:
            made.close()
