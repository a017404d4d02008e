"""Slack's side of the measurement, a process of its own: `python -m bench.driver`.

It answers the Web API calls that a bot makes, holds the sockets of Socket Mode, mentions the bot, and presses buttons:
real `block_actions` payloads, made and signed before the clock starts. One JSON object a line: the first line on stdout
tells the address, then each line on stdin is a request (`Driver.answer` lists them), answered by a line on stdout. It
ends with its stdin.
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
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import aiohttp
from aiohttp import WSMsgType, web

from adapters.blockkit.rates import NOT_COUNTED

TEAM, BOT, APP = "T0BENCH", "U0SIGNOFF", "A0BENCH"
CHANNEL = {"id": "C0DEPLOYS", "name": "deploys", "is_member": True}
PLACES = [f"C0{number:08}" for number in range(700)]
"""Channels for conversations, one each: to one channel Slack takes one message a second."""
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"  # noqa: S105 - made up; nothing is guarded by it
_NEWEST_CARD = "9999999999.000100"
"""Newer than any card that was written down: a bot takes it for one that it has just posted."""
ACK_SECONDS = 3.0
"""After that a click is lost, as Slack has it."""

PATIENCE = 60.0
"""Seconds that a bot may take to start, or to post the cards that it was asked for."""

_LONGEST_LINE = 2**26


@dataclass(frozen=True, slots=True)
class Card:
    """A message of the bot with a button that approves."""

    channel: str
    ts: str
    thread_ts: str
    blocks: list[dict[str, Any]]
    button: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Clicks:
    """What to press: `values` are the buttons' values, one click each, on a card of these `blocks`.

    In their place, `cards` are numbers of cards that the bot posted. `url` is where a bot in HTTP mode listens, "" for
    Socket Mode. `rate` is clicks a second, sent on time whatever happened to those before; 0 keeps `at_once` clicks
    under way.
    """

    values: list[str]
    blocks: list[dict[str, Any]]
    user: str
    url: str = ""
    rate: float = 0.0
    at_once: int = 1
    cards: list[int] = field(default_factory=list)


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


def card_of(value: str, blocks: list[dict[str, Any]]) -> Card:
    """The card of a button that was never posted. Its value names the channel: TEAM:CHANNEL:THREAD#APPROVAL."""
    button = {"action_id": "signoff_approve", "value": value}
    return Card(value.split(":")[1], _NEWEST_CARD, "1700000000.000001", blocks, button)


def payload(card: Card, user: str) -> str:
    """https://docs.slack.dev/reference/interaction-payloads/block_actions-payload."""
    place = {"channel_id": card.channel, "message_ts": card.ts, "thread_ts": card.thread_ts}
    action = {
        "type": "button",
        "block_id": "action:0",
        "text": {"type": "plain_text", "text": "Approve", "emoji": True},
        "style": "primary",
        **card.button,
        "action_ts": "1700000001.000001",
    }
    message = {
        "type": "message",
        "user": BOT,
        "bot_id": "B0SIGNOFF",
        "app_id": APP,
        "team": TEAM,
        "ts": card.ts,
        "thread_ts": card.thread_ts,
        "text": "deploy wants to run deploy_service",
        "blocks": card.blocks,
    }
    return json.dumps(
        {
            "type": "block_actions",
            "user": {"id": user, "username": "bob", "name": "bob", "team_id": TEAM},
            "api_app_id": APP,
            "token": "a-verification-token",
            "container": {"type": "message", "is_ephemeral": False, **place},
            "trigger_id": "12466734323.1395872398",
            "team": {"id": TEAM, "domain": "bench"},
            "enterprise": None,
            "is_enterprise_install": False,
            "channel": {"id": card.channel, "name": CHANNEL["name"]},
            "message": message,
            "state": {"values": {}},
            "response_url": "https://hooks.slack.example/actions/T0BENCH/1/2",
            "actions": [action],
        },
        separators=(",", ":"),
    )


def mention(channel: str, ts: str, user: str, text: str) -> str:
    """https://docs.slack.dev/reference/events/app_mention."""
    event = {"type": "app_mention", "user": user, "text": f"<@{BOT}> {text}", "ts": ts, "event_ts": ts}
    return json.dumps(
        {
            "type": "event_callback",
            "token": "a-verification-token",
            "team_id": TEAM,
            "api_app_id": APP,
            "event": {**event, "team": TEAM, "channel": channel},
            "event_id": f"Ev{channel}",
            "event_time": 1700000000,
            "authorizations": [{"enterprise_id": None, "team_id": TEAM, "user_id": BOT, "is_bot": True}],
        },
        separators=(",", ":"),
    )


def home_opened(user: str) -> str:
    """https://docs.slack.dev/reference/events/app_home_opened."""
    event = {"type": "app_home_opened", "user": user, "tab": "home", "channel": f"D{user}", "event_ts": "1700000000.1"}
    return json.dumps({"type": "event_callback", "team_id": TEAM, "api_app_id": APP, "event": event})


def command(user: str, text: str) -> str:
    """https://docs.slack.dev/interactivity/implementing-slash-commands."""
    place = {"team_id": TEAM, "channel_id": CHANNEL["id"], "channel_name": CHANNEL["name"], "user_id": user}
    urls = {"response_url": "https://hooks.slack.example/commands/1", "trigger_id": "1.2"}
    return json.dumps({"command": "/signoff", "text": text, "api_app_id": APP, **place, **urls})


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

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._links)

    def sender(self, kind: str, payloads: Sequence[str]) -> Press:
        """Make all envelopes; gives what sends one."""
        envelopes = [self._envelope(kind, each) for each in payloads]
        links = tuple(self._links)
        loop = asyncio.get_running_loop()

        async def press(number: int) -> bool:
            name, envelope = envelopes[number]
            ack: asyncio.Future[bool] = loop.create_future()
            self._acks[name] = ack
            await links[number % len(links)].send_str(envelope)
            return await ack

        return press

    def _envelope(self, kind: str, inner: str) -> tuple[str, str]:
        name = f"envelope-{next(self._numbers)}"
        head = f'{{"envelope_id":"{name}","type":"{kind}","accepts_response_payload":false'
        return name, f'{head},"payload":{inner}}}'


def over_http(session: aiohttp.ClientSession, url: str, payloads: Sequence[str]) -> Press:
    """Make and sign all requests; gives what sends one.

    https://docs.slack.dev/authentication/verifying-requests-from-slack
    """
    bodies = [urllib.parse.urlencode({"payload": each}).encode() for each in payloads]
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
        async with session.post(url, data=bodies[number], headers=headers[number]) as answer:
            await answer.read()
            return bool(answer.status == web.HTTPOk.status_code)

    return press


def _signature(signed: bytes) -> str:
    return hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()


async def pressed(count: int, press: Press, *, rate: float, at_once: int) -> Clicked:
    """Press all, on time or so many at once."""
    sent, ms = [0.0] * count, [-1.0] * count

    async def one(number: int) -> None:
        sent[number] = began = time.perf_counter()
        try:
            async with asyncio.timeout(ACK_SECONDS):
                if await press(number):
                    ms[number] = (time.perf_counter() - began) * 1000
        except (TimeoutError, aiohttp.ClientError, ConnectionError):
            pass  # it stays lost

    if rate:
        await _on_time(rate, count, one)
    else:
        await _so_many(at_once, count, one)
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
        self.cards: list[Card] = []
        self.homes = 0
        """How often a Home was drawn."""
        self.updated: dict[str, float] = {}
        """When a message was last changed, by its `ts`."""

    async def serve(self, request: web.Request) -> web.Response:
        """Answer one call."""
        given: dict[str, Any] = dict(request.query)
        if request.content_type == "application/json":
            given |= await request.json()
        elif request.method == "POST":
            given |= {name: str(value) for name, value in (await request.post()).items()}
        answer = {"ok": True, **self._answer(request.match_info["method"], given)}
        return web.json_response(answer, headers={NOT_COUNTED: "off"})  # the bot is measured, not Slack's limits

    def _answer(self, method: str, given: dict[str, Any]) -> dict[str, Any]:  # noqa: PLR0911 - a case for each method
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
                return {"channels": [CHANNEL, *({**CHANNEL, "id": each, "name": each.lower()} for each in PLACES)]}
            case "conversations.members":
                return {"members": ["U0ALICE", "U0BOB"]}
            case "views.publish":
                self.homes += 1
                return {"view": {}}
            case "chat.postMessage" | "chat.update" | "chat.postEphemeral":
                ts = given.get("ts") or f"1700000000.{next(self._ts):06}"
                self._note(method, ts, given)
                return {"ts": ts, "channel": given["channel"], "message_ts": ts}
            case _:
                return {"messages": []}

    def _note(self, method: str, ts: str, given: dict[str, Any]) -> None:
        if method == "chat.update":
            self.updated[ts] = time.perf_counter()
        elif method == "chat.postMessage" and (shown := given.get("blocks")):
            blocks = json.loads(shown) if isinstance(shown, str) else shown
            elements = [each for block in blocks for each in block.get("elements", ())]
            if button := next((each for each in elements if str(each.get("action_id")).endswith("approve")), None):
                self.cards.append(Card(given["channel"], ts, given.get("thread_ts", ts), blocks, button))


@dataclass(frozen=True, slots=True)
class Driver:
    """Slack's side."""

    sockets: Sockets
    api: WebApi
    session: aiohttp.ClientSession

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what is asked.

        | request | does | answer |
        |---|---|---|
        | `clicks` | presses buttons | `Clicked` |
        | `mentions` | mentions the bot in each of these channels, and waits for the cards | their numbers |
        | `home` | opens this person's Home, and waits until it is drawn | in how many ms |
        | `command` | sends `/signoff` as this person | in how many ms it is answered |
        | `sockets` | waits until so many sockets are open | how many are |
        | `updated` | | when each of these cards was last changed, 0 for never |
        """
        match request:
            case {"clicks": given}:
                return asdict(await self._click(Clicks(**given)))
            case {"mentions": channels, "user": user, "text": text, "at_once": at_once}:
                return {"cards": await self._mention(channels, user, text, at_once)}
            case {"home": user}:
                return {"ms": await self._open_home(user)}
            case {"command": text, "user": user}:
                send = self.sockets.sender("slash_commands", [command(user, text)])
                return {"ms": (await pressed(1, send, rate=0.0, at_once=1)).ms[0]}
            case {"sockets": count}:
                await _until(lambda: self.sockets.count >= count)
                return {"sockets": self.sockets.count}
            case {"updated": cards}:
                return {"updated": [self.api.updated.get(self.api.cards[each].ts, 0.0) for each in cards]}
            case _:
                raise ValueError(f"no such request: {list(request)}")

    async def _click(self, clicks: Clicks) -> Clicked:
        cards = [card_of(value, clicks.blocks) for value in clicks.values] or [self.api.cards[n] for n in clicks.cards]
        payloads = [payload(card, clicks.user) for card in cards]
        if clicks.url:
            press = over_http(self.session, clicks.url, payloads)
        else:
            press = self.sockets.sender("interactive", payloads)
        gc.collect()
        gc.disable()  # this process is the measuring device
        clicked = await pressed(len(payloads), press, rate=clicks.rate, at_once=clicks.at_once)
        gc.enable()
        return clicked

    async def _open_home(self, user: str) -> float:
        drawn, began = self.api.homes, time.perf_counter()
        await self.sockets.sender("events_api", [home_opened(user)])(0)
        async with asyncio.timeout(PATIENCE):
            while self.api.homes == drawn:  # noqa: ASYNC110 - another process draws it
                await asyncio.sleep(0.001)
        return (time.perf_counter() - began) * 1000

    async def _mention(self, channels: list[str], user: str, text: str, at_once: int) -> list[int]:
        """One thread in each channel: to one channel Slack takes one message a second."""
        payloads = [mention(each, f"1600000000.{n:06}", user, f"{text} {each}") for n, each in enumerate(channels)]
        first = len(self.api.cards)
        send = self.sockets.sender("events_api", payloads)
        heard = await pressed(len(payloads), send, rate=0.0, at_once=at_once)
        if heard.lost:
            raise RuntimeError(f"the bot did not take {heard.lost} messages")
        await _until(lambda: len(self.api.cards) >= first + len(channels))
        numbers = {card.channel: first + n for n, card in enumerate(self.api.cards[first:])}
        return [numbers[each] for each in channels]


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110 - it is other processes that change it
            await asyncio.sleep(0.01)


async def main() -> None:
    """Serve until stdin ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    host = f"127.0.0.1:{listener.getsockname()[1]}"
    sockets, api = Sockets(), WebApi(f"ws://{host}/link")
    app = web.Application()
    app.router.add_get("/link", sockets.serve)
    app.router.add_route("*", "/api/{method}", api.serve)
    app.on_shutdown.append(sockets.close)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    _write({"url": f"http://{host}"})
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        driver = Driver(sockets, api, session)
        async for line in await _lines():
            _write(await driver.answer(json.loads(line)))
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
