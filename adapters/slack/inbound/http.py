"""HTTP: one route for events, buttons, forms and commands. Bolt verifies each request's signature.

Bolt reads a body before it verifies its signature, and raises where it cannot, as for a timestamp that is no number.
Slack sends neither, so both are refused here: what the internet sends gets 4xx, and no line in the log.

https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import re

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest

PATH = "/slack/events"
UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, RecursionError)
"""What Bolt raises for bodies that are not UTF-8, not JSON, no object, or an object of odd parts."""


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
        raise web.HTTPBadRequest(text="Not a payload of Slack's.\n") from None
    if not isinstance(read.body, dict):
        raise web.HTTPBadRequest(text="Not a payload of Slack's.\n")
    return read
