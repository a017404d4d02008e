"""A world for each story: see `stories.world`."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes.patience import PATIENCE
from fakes.people import PeopledSlack
from fakes.valkey import redis_server, redis_url
from stories.outside import outside
from stories.world import World

from adapters.localslack.state.roster import BUILT_IN, PeopleFile
from adapters.localslack.web_api.rate_limit import RateLimit
from bot.config.entries import Mode

GRAPHS = Path(__file__).parent / "graphs"

__all__ = ["redis_server", "redis_url"]


@pytest.fixture
def mode() -> Mode:
    """Socket Mode, except where a story is told over both."""
    return Mode.SOCKET


@pytest.fixture
def rate_limit() -> RateLimit | None:
    """The workspace takes any number of messages, except where a story is about that."""
    return None


@pytest.fixture
def ack_timeout() -> float:
    """How long Slack waits for an answer of the bot: three seconds in truth."""
    return PATIENCE


@pytest.fixture
def slack_timeout() -> float:
    """How long the bot waits for an answer of Slack's."""
    return PATIENCE


@pytest.fixture(autouse=True)
def live(monkeypatch: pytest.MonkeyPatch) -> None:
    """No run is shown while it works, except where a story is about that: on a busy machine each may take that long."""
    for after in ("WORDS_AFTER", "STEPS_AFTER"):
        monkeypatch.setattr(f"bot.outbound.live.{after}", PATIENCE * 10)


@pytest.fixture
def members() -> PeopleFile:
    """Who is in the workspace."""
    return BUILT_IN


@pytest.fixture
async def world(
    tmp_path: Path,
    redis_url: str,
    mode: Mode,
    rate_limit: RateLimit | None,
    ack_timeout: float,
    slack_timeout: float,
    members: PeopleFile,
) -> AsyncIterator[World]:
    """Slack and Redis are there; the bot starts when the story says so."""
    outside.forget()
    for graph in GRAPHS.glob("*.py"):
        shutil.copy(graph, tmp_path)
    async with PeopledSlack(
        data=tmp_path / "slack",
        people=members,
        rate_limit=rate_limit,
        retry_after=(0.0, 0.05, 0.1),
    ) as slack:
        story = World(tmp_path, slack, redis_url, mode, ack_timeout, slack_timeout)
        try:
            yield story
        finally:
            await story.stop()
