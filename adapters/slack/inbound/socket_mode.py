"""Socket Mode over two connections, so that one is open while Slack replaces the other.

https://docs.slack.dev/apis/events-api/using-socket-mode. Each payload goes to one connection; Slack allows ten.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from adapters.slack.inbound.http import UNREADABLE
from adapters.slack.workspace.client import quiet_logger
from adapters.slack.workspace.directory import check_app_token
from adapters.slack.workspace.patience import patiently

CONNECTIONS = 2
LOOK_AFTER = 5.0

log = structlog.get_logger(__name__)


class _Handler(AsyncSocketModeHandler):
    """Bolt's handler, which also acknowledges payloads that Bolt cannot read: Slack would send them again and again."""

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        try:
            AsyncBoltRequest(mode="socket_mode", body=req.payload)
        except UNREADABLE:
            log.warning("payload_malformed", of="an envelope", field="payload")
            await client.send_socket_mode_response(SocketModeResponse(envelope_id=req.envelope_id))
        else:
            await super().handle(client, req)


@dataclass(frozen=True, slots=True)
class Sockets:
    """Open connections."""

    handlers: tuple[AsyncSocketModeHandler, ...]

    async def ready(self) -> bool:
        """True if Slack can reach the bot: one open connection is enough."""
        return any([await handler.client.is_connected() for handler in self.handlers])


@asynccontextmanager
async def sockets(
    app: AsyncApp, app_token: str, connections: int = CONNECTIONS, look_after: float = LOOK_AFTER
) -> AsyncIterator[Sockets]:
    """Connect, stay connected, and close at the end.

    Entering waits until every connection is open. Slack's client checks every `look_after` seconds and reopens a broken
    one. Raises SlackRefused for a wrong token, with which that client would try forever.
    """
    checked = await patiently(lambda: check_app_token(app.client, app_token))
    async with AsyncExitStack() as stack:
        handlers = []
        for _ in range(connections):
            handler = _Handler(
                app,
                app_token,
                logger=quiet_logger("signoff.slack.socket", logging.ERROR),
                web_client=app.client,
                ping_interval=look_after,
            )
            stack.push_async_callback(_closed, handler)
            handlers.append(handler)
        handlers[0].client.wss_uri = checked  # Slack takes few calls for an address a minute
        async with asyncio.TaskGroup() as group:
            for handler in handlers:
                group.create_task(handler.connect_async())  # type: ignore[no-untyped-call]
        yield Sockets(tuple(handlers))


async def _closed(handler: AsyncSocketModeHandler) -> None:
    """Close, and wait for the tasks that Slack's client cancels."""
    client = handler.client
    await handler.close_async()  # type: ignore[no-untyped-call]
    tasks = (client.message_processor, client.message_receiver, client.current_session_monitor)
    await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)
