"""A local workspace, and the bot's Slack side on it over either transport, with a desk that records."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes.patience import PATIENCE
from fakes.people import PeopledSlack
from fakes.valkey import redis_server, redis_url
from support.slack_app import Bot, NoChannels, NoOverview, NoTravel, serving
from support.slack_samples import RecordingDesk

from adapters.slack.inbound.bolt import build_app
from adapters.slack.inbound.commands import Commands
from adapters.slack.inbound.handlers import Handlers
from adapters.slack.outbound.chat import SlackChat
from adapters.slack.workspace.client import PacedClient, web_client
from adapters.slack.workspace.identity import whoami

__all__ = ["redis_server", "redis_url"]


@pytest.fixture
def ack_timeout() -> float:
    """How long Slack waits for an answer of the bot: three seconds in truth."""
    return PATIENCE


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[PeopledSlack]:
    async with PeopledSlack(data=tmp_path / "workspace", retry_after=(0.0, 0.02, 0.04), rate_limit=None) as slack:
        yield slack


@pytest.fixture
async def client(slack: PeopledSlack) -> AsyncIterator[PacedClient]:
    environment = slack.environment()
    async with web_client(environment["SLACK_BOT_TOKEN"], environment["SLACK_API_URL"]) as client:
        yield client


@pytest.fixture(params=["sockets", "http"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def bot(slack: PeopledSlack, client: PacedClient, transport: str, ack_timeout: float) -> AsyncIterator[Bot]:
    async with serving(slack, client, transport, ack_timeout=ack_timeout) as served:
        yield served


@pytest.fixture
async def chatting(slack: PeopledSlack, client: PacedClient) -> Bot:
    """A bot that writes and is not written to."""
    identity, desk = await whoami(client), RecordingDesk()
    chat = SlackChat(client, identity.user)
    handlers = Handlers(
        client=client,
        identity=identity,
        desk=desk,
        chat=chat,
        time_travel=NoTravel(),
        channels=NoChannels(),
        commands=Commands(client, desk, NoOverview(), help_text="help", base=identity.url),
    )
    return Bot(slack, client, identity, desk, chat, await build_app(client, handlers))
