"""The connections to Slack: what people wait for does not wait for a free one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from contracts.waiting import wait_until

from adapters.redis.lanes.service import OTHERS
from adapters.slack.workspace.client import web_client


class SlowSlack:
    """Answers no update before it is told to, and everything else at once."""

    def __init__(self) -> None:
        self.updating, self.goes_on = 0, asyncio.Event()

    async def update(self, _: web.Request) -> web.Response:
        self.updating += 1
        await self.goes_on.wait()
        return web.json_response({"ok": True})

    async def answer(self, _: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        app = web.Application()
        app.add_routes([web.post("/api/chat.update", self.update), web.post("/api/views.open", self.answer)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
        finally:
            await runner.cleanup()


async def test_a_form_opens_while_slack_is_slow_to_draw_as_many_cards_as_the_lanes_draw_at_once() -> None:
    slack = SlowSlack()
    async with slack.serving() as url, web_client("xoxb-1", url) as client:
        cards = [asyncio.create_task(client.chat_update(channel="C1", ts="1.1", text="a card")) for _ in range(OTHERS)]
        await wait_until(lambda: slack.updating == OTHERS)
        async with asyncio.timeout(5.0):
            assert (await client.views_open(trigger_id="1.1", view={"type": "modal"}))["ok"]
        slack.goes_on.set()
        await asyncio.gather(*cards)
