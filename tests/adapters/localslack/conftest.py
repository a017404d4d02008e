"""A workspace in a folder, the official client on it, and a real Bolt app with two sockets."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from fakes.patience import PATIENCE
from fakes.people import PeopledSlack
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

Serve = Callable[[AsyncApp], AbstractAsyncContextManager[AsyncApp]]

RETRIES = (0.0, 0.02, 0.04)


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[PeopledSlack]:
    async with PeopledSlack(data=tmp_path / "workspace", retry_after=RETRIES) as slack:
        yield slack


@pytest.fixture
def client(slack: PeopledSlack) -> AsyncWebClient:
    return client_of(slack)


@pytest.fixture
def app(client: AsyncWebClient, slack: PeopledSlack) -> AsyncApp:
    secret = slack.environment()["SLACK_SIGNING_SECRET"]
    return AsyncApp(client=client, signing_secret=secret, ignoring_self_events_enabled=False)


@pytest.fixture
def serve(slack: PeopledSlack) -> Serve:
    @asynccontextmanager
    async def serving(app: AsyncApp) -> AsyncIterator[AsyncApp]:
        for listener in app._async_listeners:
            listener.ack_timeout = PATIENCE  # type: ignore[assignment] # Bolt waits for an ack as long as Slack does
        handlers = [
            AsyncSocketModeHandler(app, slack.environment()["SLACK_APP_TOKEN"], ping_interval=0.2) for _ in range(2)
        ]
        for handler in handlers:
            await handler.connect_async()  # type: ignore[no-untyped-call]
        slack.await_acks()
        try:
            yield app
        finally:
            slack.nobody_hears()
            for handler in handlers:
                await handler.close_async()  # type: ignore[no-untyped-call]

    return serving


def client_of(slack: PeopledSlack) -> AsyncWebClient:
    environment = slack.environment()
    return AsyncWebClient(token=environment["SLACK_BOT_TOKEN"], base_url=environment["SLACK_API_URL"])
