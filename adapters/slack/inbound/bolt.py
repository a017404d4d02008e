"""The Bolt app for both transports.

Bolt acknowledges an event before its listener runs, and polls every 10 ms for the acknowledgement of everything else.
Our acknowledgement has to mean "stored" (P1), so the handlers run in a middleware that returns the response itself, and
no listener is registered.
"""

import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.inbound.handlers import Handlers
from adapters.slack.inbound.payloads.fields import MalformedError
from adapters.slack.inbound.responses import not_read
from adapters.slack.workspace.client import quiet_logger
from adapters.slack.workspace.errors import SlackRefused
from adapters.slack.workspace.patience import patiently

WaitedFor = Callable[[], contextlib.AbstractContextManager[None]]
"""Encloses the handling of a payload, whose sender waits."""


class AnswerMiddleware(AsyncMiddleware):
    """The last middleware: answers every verified request itself, so that Bolt waits for no listener."""

    def __init__(self, answer: Callable[[Mapping[str, Any]], Awaitable[BoltResponse]], waited_for: WaitedFor) -> None:
        self._answer, self._waited_for = answer, waited_for

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002 - Bolt's name
    ) -> BoltResponse:
        """Answer the request."""
        del resp, next
        with self._waited_for():
            return await self._answer(req.body)


class EventGuard(AsyncMiddleware):
    """The first middleware: refuses an `event_callback` whose event is no object, which Bolt would stumble over."""

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002 - Bolt's name
    ) -> BoltResponse:
        """Answer a malformed event; pass everything else on."""
        del resp
        if req.body.get("type") == "event_callback" and not isinstance(req.body.get("event"), Mapping):
            return not_read(req.body, MalformedError("event"))
        return await next()


async def build_app(
    client: AsyncWebClient,
    handlers: Handlers,
    signing_secret: str = "",
    waited_for: WaitedFor = contextlib.nullcontext,
) -> AsyncApp:
    """Build the app and warm it up: otherwise each of the first events would call auth.test.

    `signing_secret` is needed for HTTP only; without it no HTTP request passes. `waited_for` encloses
    the handling of each payload. Raises SlackRefused if auth.test fails:
    such an app would acknowledge what never reached the desk.
    """
    app = AsyncApp(
        client=client,
        name="signoff",
        signing_secret=signing_secret or secrets.token_hex(),
        logger=quiet_logger("signoff.slack.bolt", logging.ERROR),
        request_verification_enabled=True,
        ignoring_self_events_enabled=False,  # a deleted card is one; the parser drops the bot's own messages
        before_authorize=EventGuard(),
    )
    app.middleware(AnswerMiddleware(handlers.answer, waited_for))
    await patiently(lambda: _warm_up(app), known_token=True)
    return app


async def _warm_up(app: AsyncApp) -> None:
    warmed = await app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body={"type": "warm_up"}))
    if warmed.status != HTTPStatus.OK or warmed.body:
        raise SlackRefused("auth.test", f"http_{warmed.status}")
