"""Slack's side of the measurement, a process of its own: `python -m bench.driver`.

It answers the Web API calls that a bot makes, holds the sockets of Socket Mode, and presses buttons: real
`block_actions` payloads, made and signed before the clock starts. One JSON object a line: the first line on stdout
tells the address, then each line on stdin is a `Clicks`, answered by a `Clicked`. It ends with its stdin.
"""

import asyncio
import gc
import hashlib
import hmac
import itertools
import json
import socket
import sys
import time
import urllib.parse
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp
from aiohttp import WSMsgType, web

from adapters.blockkit.rates import NOT_COUNTED

TEAM, BOT, APP = "T0BENCH", "U0SIGNOFF", "A0BENCH"
CHANNEL = {"id": "C0DEPLOYS", "name": "deploys", "is_member": True}
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"  # noqa: S105 - made up; nothing is guarded by it
_NEWEST_CARD = "9999999999.000100"
"""Newer than any card that was written down: a bot takes it for one that it has just posted."""
ACK_SECONDS = 3.0
"""After that a click is lost, as Slack has it."""

_LONGEST_LINE = 2**26


@dataclass(frozen=True, slots=True)
class Clicks:
    """What to press: `values` are the buttons' values, one click each, on a card of these `blocks`.

    `url` is where a bot in HTTP mode listens, "" for Socket Mode. `rate` is clicks a second, sent on time whatever
    happened to those before; 0 keeps `at_once` clicks under way.
    """

    values: list[str]
    blocks: list[dict[str, Any]]
    user: str
    url: str = ""
    rate: float = 0.0
    at_once: int = 1


@dataclass(frozen=True, slots=True)
class Clicked:
    """For each click when it was sent (`time.perf_counter`) and the milliseconds to its ack, -1 for a lost one."""

    sent: list[float]
    ms: list[float]

    @property
    def acked(self) -> list[float]:
        """Milliseconds of those that were acked."""
        return [each for each in self.ms if each >= 0]

    @property
    def lost(self) -> int:
        """How many were not acked."""
        return len(self.ms) - len(self.acked)

    @property
    def seconds(self) -> float:
        """From the first click to the last ack."""
        return max(sent + max(ms, 0) / 1000 for sent, ms in zip(self.sent, self.ms, strict=True)) - min(self.sent)


Press = Callable[[int], Awaitable[bool]]


def payload(clicks: Clicks, value: str) -> str:
    """https://docs.slack.dev/reference/interaction-payloads/block_actions-payload.

    The button's value names the approval, and so the channel that its card stands in: TEAM:CHANNEL:THREAD#APPROVAL.
    """
    channel = value.split(":")[1]
    place = {"channel_id": channel, "message_ts": _NEWEST_CARD, "thread_ts": "1700000000.000001"}
    action = {
        "type": "button",
        "action_id": "signoff_approve",
        "block_id": "action:0",
        "text": {"type": "plain_text", "text": "Approve", "emoji": True},
        "value": value,
        "style": "primary",
        "action_ts": "1700000001.000001",
    }
    message = {
        "type": "message",
        "user": BOT,
        "bot_id": "B0SIGNOFF",
        "app_id": APP,
        "team": TEAM,
        "ts": place["message_ts"],
        "thread_ts": place["thread_ts"],
        "text": "deploy wants to run deploy_service",
        "blocks": clicks.blocks,
    }
    return json.dumps(
        {
            "type": "block_actions",
            "user": {"id": clicks.user, "username": "bob", "name": "bob", "team_id": TEAM},
            "api_app_id": APP,
            "token": "a-verification-token",
            "container": {"type": "message", "is_ephemeral": False, **place},
            "trigger_id": "12466734323.1395872398",
            "team": {"id": TEAM, "domain": "bench"},
            "enterprise": None,
            "is_enterprise_install": False,
            "channel": {"id": channel, "name": CHANNEL["name"]},
            "message": message,
            "state": {"values": {}},
            "response_url": "https://hooks.slack.example/actions/T0BENCH/1/2",
            "actions": [action],
        },
        separators=(",", ":"),
    )


class Sockets:
    """The bot's open sockets, used in turn."""

    def __init__(self) -> None:
        self._links: list[web.WebSocketResponse] = []
        self._acks: dict[str, asyncio.Future[bool]] = {}
        self._numbers = itertools.count()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one socket until it closes."""
        link = web.WebSocketResponse(max_msg_size=0, timeout=1.0)
        await link.prepare(request)
        await link.send_str(json.dumps({"type": "hello", "num_connections": 1, "connection_info": {"app_id": APP}}))
        self._links.append(link)
        try:
            async for frame in link:
                if frame.type is WSMsgType.TEXT:
                    ack = self._acks.pop(json.loads(frame.data).get("envelope_id", ""), None)
                    if ack is not None and not ack.done():
                        ack.set_result(True)
        finally:
            self._links.remove(link)
        return link

    async def close(self, _: web.Application) -> None:
        """Close what is open, so that the server can end."""
        for link in tuple(self._links):
            await link.close()

    def presses(self, clicks: Clicks) -> Press:
        """Make all envelopes; gives what sends one."""
        envelopes = [self._envelope(payload(clicks, value)) for value in clicks.values]
        links = tuple(self._links)
        loop = asyncio.get_running_loop()

        async def press(number: int) -> bool:
            name, envelope = envelopes[number]
            ack: asyncio.Future[bool] = loop.create_future()
            self._acks[name] = ack
            await links[number % len(links)].send_str(envelope)
            return await ack

        return press

    def _envelope(self, inner: str) -> tuple[str, str]:
        name = f"envelope-{next(self._numbers)}"
        head = f'{{"envelope_id":"{name}","type":"interactive","accepts_response_payload":false'
        return name, f'{head},"payload":{inner}}}'


def over_http(session: aiohttp.ClientSession, clicks: Clicks) -> Press:
    """Make and sign all requests; gives what sends one.

    https://docs.slack.dev/authentication/verifying-requests-from-slack
    """
    bodies = [urllib.parse.urlencode({"payload": payload(clicks, value)}).encode() for value in clicks.values]
    at = str(int(time.time()))
    headers = [
        {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": at,
            "X-Slack-Signature": "v0=" + _signature(f"v0:{at}:".encode() + body),
        }
        for body in bodies
    ]

    async def press(number: int) -> bool:
        async with session.post(clicks.url, data=bodies[number], headers=headers[number]) as answer:
            await answer.read()
            return bool(answer.status == web.HTTPOk.status_code)

    return press


def _signature(signed: bytes) -> str:
    return hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()


async def pressed(clicks: Clicks, press: Press) -> Clicked:
    """Press all, on time or so many at once."""
    sent, ms = [0.0] * len(clicks.values), [-1.0] * len(clicks.values)

    async def one(number: int) -> None:
        sent[number] = began = time.perf_counter()
        try:
            async with asyncio.timeout(ACK_SECONDS):
                if await press(number):
                    ms[number] = (time.perf_counter() - began) * 1000
        except (TimeoutError, aiohttp.ClientError):
            pass  # it stays lost

    if clicks.rate:
        await _on_time(clicks.rate, len(clicks.values), one)
    else:
        await _so_many(clicks.at_once, len(clicks.values), one)
    return Clicked(sent, ms)


async def _on_time(rate: float, count: int, one: Callable[[int], Awaitable[None]]) -> None:
    begin = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            await asyncio.sleep(begin + number / rate - time.perf_counter())
            group.create_task(_awaited(one(number)))


async def _so_many(at_once: int, count: int, one: Callable[[int], Awaitable[None]]) -> None:
    numbers = iter(range(count))

    async def loop() -> None:
        for number in numbers:
            await one(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(at_once, count)):
            group.create_task(loop())


async def _awaited(work: Awaitable[None]) -> None:
    await work


class WebApi:
    """Answers of https://docs.slack.dev/reference/methods, as little as a bot needs."""

    def __init__(self, link: str) -> None:
        self._link = link
        self._ts = itertools.count(1)

    async def serve(self, request: web.Request) -> web.Response:
        """Answer one call."""
        given: dict[str, Any] = dict(request.query)
        if request.content_type == "application/json":
            given |= await request.json()
        elif request.method == "POST":
            given |= {name: str(value) for name, value in (await request.post()).items()}
        answer = {"ok": True, **self._answer(request.match_info["method"], given)}
        return web.json_response(answer, headers={NOT_COUNTED: "off"})  # the bot is measured, not Slack's limits

    def _answer(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        match method:
            case "auth.test":
                names = {"user": "signoff", "team": "bench"}
                return {"user_id": BOT, "team_id": TEAM, "bot_id": "B0SIGNOFF", "url": "http://127.0.0.1/", **names}
            case "apps.connections.open":
                return {"url": self._link}
            case "users.info":
                return {"user": {"id": given["user"], "team_id": TEAM, "name": "somebody"}}
            case "users.list":
                return {"members": []}
            case "conversations.list":
                return {"channels": [CHANNEL]}
            case "conversations.members":
                return {"members": ["U0ALICE", "U0BOB"]}
            case "chat.postMessage" | "chat.update" | "chat.postEphemeral":
                ts = given.get("ts") or f"1700000000.{next(self._ts):06}"
                return {"ts": ts, "channel": given["channel"], "message_ts": ts}
            case _:
                return {"messages": []}


async def main() -> None:
    """Serve until stdin ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    host = f"127.0.0.1:{listener.getsockname()[1]}"
    sockets = Sockets()
    app = web.Application()
    app.router.add_get("/link", sockets.serve)
    app.router.add_route("*", "/api/{method}", WebApi(f"ws://{host}/link").serve)
    app.on_shutdown.append(sockets.close)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    _write({"url": f"http://{host}"})
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        async for line in await _lines():
            clicks = Clicks(**json.loads(line))
            press = over_http(session, clicks) if clicks.url else sockets.presses(clicks)
            gc.collect()
            gc.disable()  # this process is the measuring device
            clicked = await pressed(clicks, press)
            gc.enable()
            _write(asdict(clicked))
    await runner.cleanup()


async def _lines() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=_LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def _write(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
