"""HTTP: one route for events, buttons, forms and commands. Bolt verifies the signature of each request.

Bolt reads a body before it verifies the signature, and raises if it cannot, or if the timestamp is not a number. Slack
sends neither, so both get a 4xx here, without a line in the log.

https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import re

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest

PATH = "/slack/events"
UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, RecursionError)
"""Bolt's errors for bodies that are not UTF-8, not JSON, not an object, or an object of odd parts."""


_TIMESTAMP = re.compile(r"[0-9]{1,12}")


def route(app: AsyncApp) -> web.RouteDef:
    """The route to add to an aiohttp application."""

    async def receive(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await app.async_dispatch(await _read(request)))

    return web.post(PATH, receive)


async def _read(request: web.Request) -> AsyncBoltRequest:
    if not _TIMESTAMP.fullmatch(request.headers.get("X-Slack-Request-Timestamp", "")):
        raise web.HTTPUnauthorized(text="Not signed by Slack.\n")
    try:
        read = await to_bolt_request(request)
    except UNREADABLE:
        raise web.HTTPBadRequest(text="Not a Slack payload.\n") from None
    if not isinstance(read.body, dict):
        raise web.HTTPBadRequest(text="Not a Slack payload.\n")
    return read
