"""What the bot's acks are compared with: raw aiohttp handlers that do one EVALSHA each, and nothing else.

The EVALSHA is the very script by which the bot writes a click, with a document of the same size; here it creates what
it writes, so that it needs nothing before it.
"""

import asyncio
import contextlib
import hashlib
import hmac
import json
import time
import urllib.parse
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

import aiohttp
import redis.asyncio
from aiohttp import web

from adapters.redis.keys import Keys
from adapters.redis.stores import documents
from adapters.redis.stores.approval_scripts import WriteApproval
from adapters.redis.transport.pools import pool_of
from adapters.slack.cards import card as cards
from bench.driver import SECRET, Clicked, Clicks
from bench.slack import Slack
from bench.subject import BOB
from bot.config.entries import Mode
from engine.approvals.approval import Approval

CONNECTIONS = 2
Evaluate = Callable[[str], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Raw:
    """A handler that can be clicked."""

    slack: Slack
    url: str
    sample: Approval

    async def click(self, count: int, *, rate: float = 0.0, at_once: int = 1) -> Clicked:
        """Press `count` buttons, each of an approval of its own."""
        values = [f"0.1.{self.sample.id}{number}" for number in range(count)]
        blocks = cards.card(self.sample).blocks
        return await self.slack.click(Clicks(values, blocks, BOB, self.url, rate, at_once))


@contextlib.asynccontextmanager
async def raw(slack: Slack, redis_url: str, mode: Mode, sample: Approval) -> AsyncIterator[Raw]:
    """Serve raw, warm."""
    async with redis.asyncio.Redis.from_pool(pool_of(redis_url)) as client:
        await client.flushall()
        evaluate = await _evaluator(client, sample)
        async with _http(evaluate) if mode is Mode.HTTP else _socket(slack, evaluate) as url:
            served = Raw(slack, url, sample)
            await served.click(4)
            yield served


async def _evaluator(client: "redis.asyncio.Redis", sample: Approval) -> Evaluate:
    keys, thread = Keys(), sample.thread
    script = WriteApproval(
        approval=keys.approval(thread, sample.id),
        ask=keys.ask(thread, sample.id),
        approvals=keys.approvals(thread),
        unclosed=keys.open(thread),
        sheet=keys.sheet(thread, ""),
        card=keys.card(thread, ""),
        policies=keys.policies(thread),
        audit=keys.audit(thread),
        conversation=keys.conversation(thread),
        boxes=(keys.mail(thread, "run"), keys.mail(thread, "card/1")),
        expected="",
        document=b"1\n" + documents.dump(replace(sample, version=1)),
        asked=documents.dump_asked(sample.ask),
        mark="1",
        is_open=True,
        in_sheet=False,
        at_root=False,
        under="",
        retention=86_400,
        audit_retention=86_400,
        more=(1, b"+" + b"a" * 300, 1, b"b" * 120, 2, b"c" * 120),
    )
    execute: Callable[..., Awaitable[object]] = client.execute_command
    await execute("SCRIPT LOAD", script.by_source()[1])
    evalsha, sha, count, key, *more = script.by_hash()

    async def evaluate(value: str) -> object:
        return await execute(evalsha, sha, count, f"{key!s}{value}", *more)

    return evaluate


@contextlib.asynccontextmanager
async def _socket(slack: Slack, evaluate: Evaluate) -> AsyncIterator[str]:
    async def handle(link: aiohttp.ClientWebSocketResponse, data: str) -> None:
        envelope = json.loads(data)
        if envelope["type"] == "interactive":
            await evaluate(envelope["payload"]["actions"][0]["value"])
            await link.send_str(json.dumps({"envelope_id": envelope["envelope_id"]}))

    async def serve(link: aiohttp.ClientWebSocketResponse) -> None:
        async with asyncio.TaskGroup() as group:
            async for frame in link:
                group.create_task(handle(link, frame.data))

    async with aiohttp.ClientSession() as session, contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            link = await session.ws_connect(slack.link)
            stack.push_async_callback(link.close)
            group.create_task(serve(link))
        yield ""
        await stack.aclose()


@contextlib.asynccontextmanager
async def _http(evaluate: Evaluate) -> AsyncIterator[str]:
    """https://docs.slack.dev/authentication/verifying-requests-from-slack."""

    async def receive(request: web.Request) -> web.Response:
        body, at = await request.read(), request.headers["X-Slack-Request-Timestamp"]
        signed = hmac.new(SECRET.encode(), f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
        fresh = abs(time.time() - int(at)) < 300
        if not fresh or not hmac.compare_digest(f"v0={signed}", request.headers["X-Slack-Signature"]):
            return web.Response(status=401)
        payload = json.loads(urllib.parse.parse_qs(body.decode())["payload"][0])
        await evaluate(payload["actions"][0]["value"])
        return web.Response()

    app = web.Application()
    app.router.add_post("/slack/events", receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    finally:
        await runner.cleanup()
