"""A world for the talks with many agents: see `stories.world`."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes.people import PeopledSlack
from fakes.valkey import redis_server, redis_url
from stories.world import World

GRAPHS = Path(__file__).parent / "graphs"

__all__ = ["redis_server", "redis_url"]


@pytest.fixture
async def world(tmp_path: Path, redis_url: str) -> AsyncIterator[World]:
    """The collections of graphs lie beside `app.yaml`."""
    shutil.copytree(GRAPHS, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    async with PeopledSlack(data=tmp_path / "slack", rate_limit=None, retry_after=(0.0, 0.05, 0.1)) as slack:
        story = World(tmp_path, slack, redis_url)
        try:
            yield story
        finally:
            await story.stop()
