"""Deliveries to a real Bolt app, over two sockets and over signed HTTP, with failures and retries."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from fakes.patience import PATIENCE
from fakes.people import PeopledSlack, wait_until
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.localslack.delivery.http import RequestUrlError

Serve = Callable[[AsyncApp], AbstractAsyncContextManager[AsyncApp]]
Json = dict[str, Any]

BUTTON = {"type": "button", "text": {"type": "plain_text", "text": "Approve"}, "action_id": "ok", "value": "a1"}
CARD: list[Json] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "Deploy?"}},
    {"type": "actions", "elements": [BUTTON]},
]


class Seen:
    """The payloads that a Bolt app got, in order; each is recorded before Bolt dispatches it."""

    def __init__(self, app: AsyncApp) -> None:
        self.payloads: list[Json] = []
        self.retries: list[str] = []

        @app.middleware
        async def record(req: Any, body: Json, next: Callable[[], Awaitable[Any]]) -> Any:  # noqa: A002 - Bolt's name
            self.payloads.append(body)
            self.retries += req.headers.get("x-slack-retry-num", [])
            return await next()

        @app.event("app_mention")
        async def mentioned() -> None: ...

        @app.event("message")
        async def message() -> None: ...

        @app.event("app_home_opened")
        async def home() -> None: ...

        @app.action("ok")
        async def ok(ack: Callable[[], Awaitable[None]]) -> None:
            await ack()

    def events(self, kind: str) -> list[Json]:
        return [each for each in self.payloads if each.get("event", {}).get("type") == kind]

    def clicks(self) -> list[Json]:
        return [each for each in self.payloads if each["type"] == "block_actions"]

    async def count(self, what: Callable[[], list[Json]], number: int) -> list[Json]:
        async def look() -> list[Json] | None:
            found = what()
            return found if len(found) >= number else None

        found = await wait_until(look, instead=lambda: f"only {what()}")
        assert len(found) == number
        return list(found)


@asynccontextmanager
async def over_http(app: AsyncApp) -> AsyncIterator[str]:
    runner = web.AppRunner(app.web_app(path="/slack/events"), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    finally:
        await runner.cleanup()


@pytest.fixture(params=["sockets", "http"])
async def seen(request: pytest.FixtureRequest, slack: PeopledSlack, app: AsyncApp, serve: Serve) -> AsyncIterator[Seen]:
    seen = Seen(app)
    if request.param == "sockets":
        async with serve(app):
            yield seen
    else:
        async with over_http(app) as url:
            slack.request_url = url
            slack.await_acks()
            await slack.verify_request_url()
            yield seen


async def test_a_mention_arrives_as_mention_and_as_message(slack: PeopledSlack, seen: Seen) -> None:
    said = await slack.person("alice").say("#deploys", "@signoff ship <it> to #refunds & co")
    assert said.acked
    assert 0 < said.ms < PATIENCE * 1_000
    [mention] = seen.events("app_mention")
    [message] = seen.events("message")
    assert mention["event"]["text"] == "<@U0SIGNOFF> ship &lt;it&gt; to <#C0REFUNDS|refunds> &amp; co"
    for name in ("ts", "client_msg_id", "text", "user", "channel", "team"):
        assert mention["event"][name] == message["event"][name]
    assert mention["event_id"] != message["event_id"]
    assert message["event"]["channel_type"] == "channel"
    assert message["authorizations"][0]["user_id"] == "U0SIGNOFF"


async def test_a_direct_message_is_no_mention(slack: PeopledSlack, seen: Seen) -> None:
    await slack.person("bob").say("dm", "hello @signoff")
    [message] = seen.events("message")
    assert (message["event"]["channel"], message["event"]["channel_type"]) == ("D0BOB", "im")
    assert seen.events("app_mention") == []


async def test_the_bots_own_messages_come_back(seen: Seen, client: AsyncWebClient) -> None:
    ts = (await client.chat_postMessage(channel="#deploys", text="mine"))["ts"]
    await client.chat_update(channel="C0DEPLOYS", ts=ts, text="changed")
    own, changed = await seen.count(lambda: seen.events("message"), 2)
    assert (own["event"]["bot_id"], own["event"]["user"]) == ("B0SIGNOFF", "U0SIGNOFF")
    assert changed["event"]["subtype"] == "message_changed"
    assert (changed["event"]["message"]["text"], changed["event"]["previous_message"]["text"]) == ("changed", "mine")


async def test_somebody_of_another_workspace_is_told_apart(
    slack: PeopledSlack, seen: Seen, client: AsyncWebClient
) -> None:
    await client.chat_postMessage(channel="#deploys", text="card", blocks=CARD)
    eve = slack.person("eve")
    await eve.say("#deploys", "hi")
    await (await eve.expect_card("#deploys")).click("Approve")
    [message] = [each for each in seen.events("message") if each["event"]["user"] == "U0EVE"]
    assert (message["event"]["user_team"], message["is_ext_shared_channel"]) == ("T0OTHER", True)
    [click] = seen.clicks()
    assert (click["user"]["team_id"], click["team"]["id"]) == ("T0OTHER", "T0LOCAL")


async def test_a_click_has_slacks_shape(slack: PeopledSlack, seen: Seen, client: AsyncWebClient) -> None:
    root = await client.chat_postMessage(channel="#deploys", text="root")
    await client.chat_postMessage(channel="#deploys", text="card", blocks=CARD, thread_ts=root["ts"])
    card = await slack.person("alice").expect_card("#deploys")
    assert (await card.click("Approve")).acked
    [click] = seen.clicks()
    assert click["container"] == {
        "type": "message",
        "message_ts": card.ts,
        "channel_id": "C0DEPLOYS",
        "is_ephemeral": False,
        "thread_ts": root["ts"],
    }
    [action] = click["actions"]
    assert (action["type"], action["action_id"], action["value"]) == ("button", "ok", "a1")
    assert action["block_id"] == click["message"]["blocks"][1]["block_id"]
    assert click["channel"] == {"id": "C0DEPLOYS", "name": "deploys"}
    assert click["user"]["id"] == "U0ALICE"
    assert click["trigger_id"]
    assert click["response_url"].startswith(slack.url)


async def test_a_click_that_nobody_takes_is_not_acked(tmp_path: Path) -> None:
    async with PeopledSlack(data=tmp_path / "other", ack_timeout=0.05) as impatient:
        environment = impatient.environment()
        client = AsyncWebClient(token=environment["SLACK_BOT_TOKEN"], base_url=environment["SLACK_API_URL"])
        await client.chat_postMessage(channel="#deploys", text="card", blocks=CARD)
        card = await impatient.person("alice").expect_card("#deploys")
        assert not (await card.click("Approve")).acked


async def test_one_delivery_twice_has_one_event_id(slack: PeopledSlack, seen: Seen, client: AsyncWebClient) -> None:
    await slack.people.fault(duplicate=1)
    await slack.person("alice").say("#deploys", "once")
    first, second = await seen.count(lambda: seen.events("message"), 2)
    assert first["event_id"] == second["event_id"]
    await client.chat_postMessage(channel="#deploys", text="card", blocks=CARD)
    await slack.people.fault(duplicate=1)
    card = await slack.person("alice").expect_card("#deploys")
    await card.click("Approve")
    first, second = await seen.count(seen.clicks, 2)
    assert first == second


async def test_a_lost_ack_makes_slack_send_the_event_again(tmp_path: Path) -> None:
    async with PeopledSlack(data=tmp_path / "x", ack_timeout=0.3, retry_after=(0.0, 0.0)) as impatient:
        environment = impatient.environment()
        client = AsyncWebClient(token=environment["SLACK_BOT_TOKEN"], base_url=environment["SLACK_API_URL"])
        bolt = AsyncApp(client=client, signing_secret=environment["SLACK_SIGNING_SECRET"])
        seen = Seen(bolt)
        async with over_http(bolt) as url:
            impatient.request_url = url
            await impatient.people.fault(drop_ack=2)
            assert not (await impatient.person("alice").say("#deploys", "again and again")).acked
            events = await seen.count(lambda: seen.events("message"), 3)
            assert len({each["event_id"] for each in events}) == 1
            assert seen.retries == ["1", "2"]


async def test_what_came_while_no_bot_was_there_is_delivered_later(
    slack: PeopledSlack, app: AsyncApp, serve: Serve
) -> None:
    seen = Seen(app)
    slack.await_acks()
    saying = asyncio.create_task(slack.person("alice").say("#deploys", "anybody?"))
    async with serve(app):
        assert (await saying).acked
        await seen.count(lambda: seen.events("message"), 1)


async def test_a_bot_whose_sockets_are_refreshed_comes_back(slack: PeopledSlack, app: AsyncApp, serve: Serve) -> None:
    seen = Seen(app)
    async with serve(app):
        assert slack.workspace.sockets.count == 2
        await slack.people.fault(disconnect="refresh")
        assert (await slack.person("alice").say("#deploys", "still there?")).acked
        await seen.count(lambda: seen.events("message"), 1)


async def test_a_bot_whose_sockets_break_comes_back(slack: PeopledSlack, app: AsyncApp, serve: Serve) -> None:
    seen = Seen(app)
    async with serve(app):
        await slack.people.fault(disconnect=True)
        await slack.person("alice").say("#deploys", "still there?")
        await seen.count(lambda: seen.events("message"), 1)


@asynccontextmanager
async def raw_sockets(slack: PeopledSlack, *, acking: bool = True) -> AsyncIterator[list[list[Json]]]:
    """Open two sockets without an SDK; yield them with the frames that each gets."""
    got: list[list[Json]] = [[], []]

    async def listen(index: int, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for frame in socket:
            got[index].append(frame.json())
            if acking and "envelope_id" in got[index][-1]:
                await socket.send_json({"envelope_id": got[index][-1]["envelope_id"]})

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as listeners:
        sockets = []
        for index in range(2):
            sockets.append(await session.ws_connect(await ticket(slack)))
            listeners.create_task(listen(index, sockets[-1]))
        if acking:
            slack.await_acks()
        yield got
        for socket in sockets:
            await socket.close()


async def ticket(slack: PeopledSlack) -> str:
    environment = slack.environment()
    client = AsyncWebClient(token=environment["SLACK_APP_TOKEN"], base_url=environment["SLACK_API_URL"])
    return str((await client.apps_connections_open(app_token=environment["SLACK_APP_TOKEN"]))["url"])


async def test_each_envelope_goes_to_one_socket_in_turn(slack: PeopledSlack) -> None:
    async with raw_sockets(slack) as got:
        for _ in range(4):
            assert (await slack.person("alice").say("#deploys", "x")).acked
    assert [[frame["type"] for frame in frames] for frames in got] == [["hello", "events_api", "events_api"]] * 2
    hello, envelope, _ = got[1]
    assert hello["num_connections"] == 2
    assert (envelope["retry_attempt"], envelope["accepts_response_payload"]) == (0, False)


async def test_what_was_sent_before_a_refresh_may_still_be_acked(slack: PeopledSlack) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(await ticket(slack)) as socket:
        assert (await socket.receive_json())["type"] == "hello"
        saying = asyncio.create_task(slack.person("alice").say("#deploys", "x"))
        envelope = await socket.receive_json()
        await slack.people.fault(disconnect="refresh")
        assert (await socket.receive_json())["type"] == "disconnect"
        await socket.send_json({"envelope_id": envelope["envelope_id"]})
        assert (await saying).acked


async def test_a_duplicate_comes_by_the_other_socket(slack: PeopledSlack) -> None:
    async with raw_sockets(slack) as got:
        await slack.people.fault(duplicate=1)
        assert (await slack.person("alice").say("#deploys", "x")).acked
    [_, one], [_, other] = got
    assert one["payload"] == other["payload"]
    assert one["envelope_id"] != other["envelope_id"]
    assert (one["retry_attempt"], other["retry_attempt"]) == (0, 0)


async def test_a_click_that_was_not_acked_is_not_sent_again(tmp_path: Path) -> None:
    async with PeopledSlack(data=tmp_path, ack_timeout=0.05, retry_after=(0.0, 0.0)) as slack:
        environment = slack.environment()
        client = AsyncWebClient(token=environment["SLACK_BOT_TOKEN"], base_url=environment["SLACK_API_URL"])
        await client.chat_postMessage(channel="#approvals", text="card", blocks=CARD)
        card = await slack.person("alice").expect_card("#approvals")
        async with raw_sockets(slack, acking=False) as got:
            assert not (await card.click("Approve")).acked
            await slack.person("alice").say("#deploys", "later")

            async def retried() -> bool | None:
                said = [each for each in got[0] + got[1] if "later" in str(each.get("payload", {}).get("event", {}))]
                return len(said) == 3 or None

            await wait_until(retried)
            assert [each["type"] for each in got[0] + got[1]].count("interactive") == 1


async def test_a_ticket_opens_one_socket(slack: PeopledSlack) -> None:
    url = await ticket(slack)
    async with aiohttp.ClientSession() as session, session.ws_connect(url):
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)


async def test_a_cut_socket_loses_the_click_but_not_the_event(slack: PeopledSlack, client: AsyncWebClient) -> None:
    environment = slack.environment()
    posted = await client.chat_postMessage(channel="#deploys", text="card", blocks=CARD)
    async with aiohttp.ClientSession() as session:
        url = (await client.apps_connections_open(app_token=environment["SLACK_APP_TOKEN"]))["url"]
        socket = await session.ws_connect(url)
        assert (await socket.receive_json())["type"] == "hello"
        card = await slack.person("alice").expect_card("#deploys")
        clicking = asyncio.create_task(card.click("Approve"))
        while (await socket.receive_json())["type"] != "interactive":
            pass
        await slack.people.fault(disconnect=True)
        assert not (await clicking).acked
        await socket.close()
    assert posted["ok"]


async def test_a_request_url_that_does_not_answer_the_challenge_is_named(slack: PeopledSlack) -> None:
    slack.request_url = f"{slack.url}/api/users.list"
    with pytest.raises(RequestUrlError, match="did not return the challenge"):
        await slack.verify_request_url()
    slack.request_url = "http://127.0.0.1:9/slack/events"
    with pytest.raises(RequestUrlError, match="cannot be reached"):
        await slack.verify_request_url()


async def test_a_home_tab_is_opened_published_and_clicked(
    slack: PeopledSlack, seen: Seen, client: AsyncWebClient
) -> None:
    alice = slack.person("alice")
    assert (await alice.open_home()).acked
    [opened] = seen.events("app_home_opened")
    assert "view" not in opened["event"]
    await client.views_publish(user_id=opened["event"]["user"], view={"type": "home", "blocks": CARD})
    assert (await alice.click_home("Approve")).acked
    [click] = seen.clicks()
    assert (click["view"]["type"], click["container"]["type"]) == ("home", "view")
    assert (await alice.state())["home"]["blocks"][1]["elements"][0]["action_id"] == "ok"
    assert (await slack.person("bob").state())["home"] is None


async def test_a_slash_command_answers_in_its_ack(slack: PeopledSlack, app: AsyncApp, seen: Seen) -> None:
    @app.command("/pending")
    async def pending(ack: Callable[..., Awaitable[None]], command: Json) -> None:
        await ack(f"nothing pending for {command['text']} in {command['channel_name']}")

    @app.command("/all")
    async def everything(ack: Callable[..., Awaitable[None]]) -> None:
        await ack(text="all of it", response_type="in_channel")

    alice = slack.person("alice")
    assert (await alice.command("#deploys", "pending", "me")).acked
    answer = await alice.expect_message("#deploys", containing="nothing pending for me in deploys")
    assert answer.ephemeral
    assert await slack.person("bob").messages("#deploys") == []
    assert (await alice.command("#deploys", "/all")).acked
    await slack.person("bob").expect_message("#deploys", containing="all of it")
    assert [each["command"] for each in seen.payloads if "command" in each] == ["/pending", "/all"]


class Plain:
    """A request URL that answers with one status and records its requests."""

    def __init__(self, status: int, **headers: str) -> None:
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.asked: list[tuple[str | None, str | None]] = []

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        async def answer(request: web.Request) -> web.Response:
            self.asked.append((request.headers.get("X-Slack-Retry-Num"), request.headers.get("X-Slack-Retry-Reason")))
            return web.Response(status=self.status, headers=self.headers, text="said in words")

        application = web.Application()
        application.router.add_post("/", answer)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
        finally:
            await runner.cleanup()


async def test_an_http_error_is_retried_unless_the_bot_forbids_it(slack: PeopledSlack) -> None:
    failing, forbidding = Plain(500), Plain(500, X_Slack_No_Retry="1")
    async with failing.serving() as url, forbidding.serving() as other:
        slack.request_url = other
        assert not (await slack.person("alice").say("#deploys", "x")).acked
        slack.request_url = url
        slack.await_acks()
        assert not (await slack.person("alice").say("#deploys", "x")).acked

        async def retried() -> bool | None:
            return len(failing.asked) == 4 or None

        await wait_until(retried)
        assert failing.asked == [(None, None), *((str(number), "http_error") for number in (1, 2, 3))]
        assert forbidding.asked == [(None, None)]


async def test_a_bot_that_is_down_has_not_acked(slack: PeopledSlack) -> None:
    slack.request_url = "http://127.0.0.1:9/"
    assert not (await slack.person("alice").say("#deploys", "x")).acked


async def test_words_in_the_answer_to_a_command_are_shown(slack: PeopledSlack) -> None:
    async with Plain(200).serving() as url:
        slack.request_url = url
        slack.await_acks()
        assert (await slack.person("alice").command("dm", "/status")).acked
        assert (await slack.person("alice").expect_message("dm", containing="said in words")).ephemeral


async def test_a_lost_ack_on_a_socket_is_retried_with_its_number(tmp_path: Path) -> None:
    async with PeopledSlack(data=tmp_path, ack_timeout=0.1, retry_after=(0.0,)) as slack:
        environment = slack.environment()
        client = AsyncWebClient(token=environment["SLACK_APP_TOKEN"], base_url=environment["SLACK_API_URL"])
        url = (await client.apps_connections_open(app_token=environment["SLACK_APP_TOKEN"]))["url"]
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            assert (await socket.receive_json())["type"] == "hello"
            await slack.people.fault(drop_ack=True)
            saying = asyncio.create_task(slack.person("alice").say("#deploys", "x"))
            first = await socket.receive_json()
            await socket.send_json({"envelope_id": first["envelope_id"]})
            second = await socket.receive_json()
            await socket.send_json({"envelope_id": second["envelope_id"]})
            assert not (await saying).acked
        assert (second["retry_attempt"], second["retry_reason"]) == (1, "timeout")
        assert second["envelope_id"] != first["envelope_id"]
        assert second["payload"] == first["payload"]
