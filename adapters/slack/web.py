"""HTTP: one route for events, buttons, forms and commands. Bolt verifies each request's signature.

https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.app.async_app import AsyncApp

PATH = "/slack/events"


def route(app: AsyncApp) -> web.RouteDef:
    """The route to add to an aiohttp application."""

    async def receive(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    return web.post(PATH, receive)
