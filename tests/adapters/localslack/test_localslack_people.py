"""Actions and views of people: `/people`, ephemeral messages, response URLs; and the state after a kill."""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from fakes.people import People, PeopledSlack, RefusedError, saved_environment, wait_until
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.localslack import AddressInUseError, JournalError, environment_lines

Json = dict[str, Any]

CARD: list[Json] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "Deploy?"}},
    {
        "type": "actions",
        "elements": [
            {"type": "button", "text": {"type": "plain_text", "text": "Approve"}, "action_id": "ok"},
            {
                "type": "overflow",
                "action_id": "more",
                "options": [
                    {"text": {"type": "plain_text", "text": "Snooze"}, "value": "snooze"},
                    {"text": {"type": "plain_text", "text": "Hand over"}, "value": "hand_over"},
                ],
            },
        ],
    },
]


@pytest.fixture
async def clicks(app: AsyncApp, serve: Any) -> AsyncIterator[list[Json]]:
    seen: list[Json] = []

    @app.event("message")
    async def message() -> None: ...

    @app.action("ok")
    @app.action("more")
    async def clicked(ack: Any, body: Json) -> None:
        seen.append(body)
        await ack()

    async with serve(app):
        yield seen


async def respond(click: Json, **body: Any) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.post(click["response_url"], json=body) as answer:
        return answer.status, await answer.text()


async def test_everybody_sees_their_own(slack: PeopledSlack, client: AsyncWebClient) -> None:
    await client.chat_postMessage(channel="U0ALICE", text="to alice")
    await client.chat_postMessage(channel="#deploys", text="to all")
    await client.chat_postEphemeral(channel="#deploys", user="U0BOB", text="to bob only")
    bob = await slack.person("bob").state()
    assert bob["me"]["name"] == "bob"
    assert [each["name"] for each in bob["people"]] == ["alice", "bob", "carol", "gina", "eve"]
    seen = {each["name"]: [message["text"] for message in each["messages"]] for each in bob["channels"]}
    assert seen["deploys"] == ["to all", "to bob only"]
    assert seen["signoff"] == []
    assert [each["kind"] for each in bob["channels"]].count("dm") == 1
    assert [each.text for each in await slack.person("alice").messages("dm")] == ["to alice"]
    assert [each.text for each in await slack.person("alice").messages("#deploys")] == ["to all"]


async def test_a_watcher_sees_every_change(slack: PeopledSlack, client: AsyncWebClient) -> None:
    url = f"{slack.url}/people/live?as=alice"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as live:
        assert (await live.receive_json())["me"]["name"] == "alice"
        await client.chat_postMessage(channel="#general", text="news")
        state = await live.receive_json()
        assert [each["messages"][0]["text"] for each in state["channels"] if each["messages"]] == ["news"]


async def test_nothing_else_is_noticed(slack: PeopledSlack, client: AsyncWebClient) -> None:
    alice = slack.person("alice")
    await client.chat_postMessage(channel="#deploys", text="awaited")
    await alice.expect_message("#deploys", containing="awaited")
    await alice.expect_nothing_else()
    await client.chat_postMessage(channel="#refunds", text="surprise")
    with pytest.raises(AssertionError, match="nobody expected: refunds: 'surprise'"):
        await alice.expect_nothing_else()


async def test_an_expectation_that_fails_says_what_was_seen(slack: PeopledSlack, client: AsyncWebClient) -> None:
    async with People(slack.url, patience=0.05) as people:
        alice = people.person("alice")
        await client.chat_postMessage(channel="#deploys", text="no buttons here")
        with pytest.raises(AssertionError, match=r"alice waited in #deploys for 'ship' and saw .*no buttons here"):
            await alice.expect_card("#deploys", containing="ship")
        with pytest.raises(AssertionError, match="alice sees no form 'Edit'"):
            await alice.expect_form(title="Edit")
        message = await alice.expect_message("#deploys")
        with pytest.raises(AssertionError, match=r"waited for 'Approved' .* it says 'no buttons here'"):
            await message.becomes("Approved")
        with pytest.raises(AssertionError, match="there is no 'Approve' to press"):
            await message.click("Approve")
        await people.expect_nothing_else()
        await client.chat_postMessage(channel="#refunds", text="surprise")
        with pytest.raises(AssertionError, match="surprise"):
            await people.expect_nothing_else()


@pytest.mark.parametrize(
    ("path", "body", "status", "sentence"),
    [
        ("send", {"as": "mallory", "channel": "#deploys", "text": "x"}, 404, "nobody here is called 'mallory'"),
        ("send", {"as": "signoff", "channel": "#deploys", "text": "x"}, 404, "nobody here is called 'signoff'"),
        ("send", {"as": "alice", "channel": "#nowhere", "text": "x"}, 404, "alice is in no channel '#nowhere'"),
        ("send", {"as": "alice", "channel": "D0BOB", "text": "x"}, 404, "alice is in no channel 'D0BOB'"),
        ("send", {"as": "alice", "channel": "#deploys"}, 400, "text: is missing"),
        ("send", {"as": "alice", "channel": "#deploys", "text": "x", "thread_ts": "1.0"}, 404, "no message 1.0"),
        ("send", [], 400, "the body must be a JSON object"),
        ("click", {"as": "alice", "channel": "#deploys", "ts": "1.0", "action_id": "ok"}, 404, "sees no message 1.0"),
        ("click", {"as": "alice", "view": "home", "action_id": "ok"}, 404, "alice has no home tab"),
        ("click", {"as": "alice", "view_id": "V1", "action_id": "ok"}, 404, "alice does not see the view V1"),
        ("submit", {"as": "alice", "view_id": "V1", "values": []}, 404, "alice does not see the view V1"),
        ("close", {"as": "alice", "view_id": "V1"}, 404, "alice does not see the view V1"),
        ("command", {"as": "alice", "channel": "dm"}, 400, "command: is missing"),
    ],
)
async def test_what_makes_no_sense_is_a_sentence(
    slack: PeopledSlack, path: str, body: Any, status: int, sentence: str
) -> None:
    async with aiohttp.ClientSession() as session, session.post(f"{slack.url}/people/{path}", json=body) as answer:
        assert answer.status == status
        assert sentence in (await answer.json())["error"]


async def test_another_site_in_the_browser_may_not_act(slack: PeopledSlack) -> None:
    async with aiohttp.ClientSession() as session:
        for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
            async with session.get(f"{slack.url}/people/state?as=alice", headers=headers) as answer:
                assert answer.status == 403
        async with session.get(f"{slack.url}/people/state?as=alice", headers={"Origin": slack.url}) as answer:
            assert answer.status == 200


async def test_a_menu_sends_the_chosen_option(slack: PeopledSlack, client: AsyncWebClient, clicks: list[Json]) -> None:
    await client.chat_postMessage(channel="#deploys", text="card", blocks=CARD)
    card = await slack.person("alice").expect_card("#deploys")
    assert card.buttons == ["Approve", "Snooze", "Hand over"]
    await card.click("Hand over")
    [action] = clicks[0]["actions"]
    assert (action["type"], action["selected_option"]["value"]) == ("overflow", "hand_over")
    with pytest.raises(RefusedError, match="There is no option 'sell'"):
        await card.click("Snooze", value="sell")


async def test_a_click_on_a_card_that_was_just_redrawn(
    slack: PeopledSlack, client: AsyncWebClient, clicks: list[Json]
) -> None:
    await client.chat_postMessage(channel="#deploys", text="card", blocks=CARD)
    card = await slack.person("alice").expect_card("#deploys")
    await client.chat_update(channel=card.channel, ts=card.ts, text="Approved", blocks=CARD[:1])
    with pytest.raises(RefusedError, match="has no action 'ok'"):
        await card.click("Approve")
    assert (await card.click("Approve", stale=True)).acked
    assert len(clicks) == 1


async def test_an_ephemeral_card_is_clicked_and_replaced(
    slack: PeopledSlack, client: AsyncWebClient, clicks: list[Json]
) -> None:
    posted = await client.chat_postEphemeral(channel="#deploys", user="U0ALICE", text="psst", blocks=CARD)
    assert (await client.conversations_history(channel="C0DEPLOYS"))["messages"] == []
    card = await slack.person("alice").expect_card("#deploys")
    assert card.ephemeral
    with pytest.raises(RefusedError, match="bob sees no message"):
        await card.click("Approve", by=slack.person("bob"))
    await card.click("Approve")
    assert clicks[0]["container"]["is_ephemeral"]
    assert clicks[0]["container"]["message_ts"] == posted["message_ts"]
    assert "message" not in clicks[0]
    assert (await respond(clicks[0], replace_original=True, text="thanks"))[0] == 200
    assert (await card.becomes("thanks", buttons=[])).ephemeral
    assert (await respond(clicks[0], delete_original=True))[0] == 200
    assert await slack.person("alice").messages("#deploys") == []


async def test_a_response_url_takes_five_messages(
    slack: PeopledSlack, client: AsyncWebClient, clicks: list[Json]
) -> None:
    await client.chat_postMessage(channel="#deploys", text="card", blocks=CARD)
    alice = slack.person("alice")
    card = await alice.expect_card("#deploys")
    await card.click("Approve")
    assert (await respond(clicks[0], text="only you"))[0] == 200
    assert (await alice.expect_message("#deploys", containing="only you")).ephemeral
    assert (await respond(clicks[0], text="all", response_type="in_channel"))[0] == 200
    assert not (await alice.expect_message("#deploys", containing="all")).ephemeral
    assert (await respond(clicks[0], text="done", replace_original=True))[0] == 200
    await card.becomes("done", buttons=[])
    assert "no_text" in (await respond(clicks[0]))[1]
    for _ in range(2):
        await respond(clicks[0], text="more")
    assert await respond(clicks[0], text="too much") == (404, '{"ok": false, "error": "used_url"}')
    forged = {"response_url": clicks[0]["response_url"][:-3] + "abc"}
    assert await respond(forged, text="x") == (404, '{"ok": false, "error": "expired_url"}')


async def test_a_response_url_that_fails(slack: PeopledSlack, client: AsyncWebClient, clicks: list[Json]) -> None:
    await client.chat_postMessage(channel="#deploys", text="card", blocks=CARD)
    await (await slack.person("alice").expect_card("#deploys")).click("Approve")
    await slack.people.fault(method="response_url", status=500)
    assert (await respond(clicks[0], text="x"))[0] == 500
    assert (await respond(clicks[0], text="x", blocks=[{"type": "bogus"}]))[0] == 400
    assert (await respond(clicks[0], delete_original=True))[0] == 200
    assert await slack.person("alice").messages("#deploys") == []
    for gone in ({"delete_original": True}, {"replace_original": True, "text": "x"}):
        assert "message_not_found" in (await respond(clicks[0], **gone))[1]


async def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    async with PeopledSlack(data=tmp_path) as slack:
        environment = slack.environment()
        client = AsyncWebClient(token=environment["SLACK_BOT_TOKEN"], base_url=environment["SLACK_API_URL"])
        root = await client.chat_postMessage(channel="#deploys", text="root", blocks=CARD)
        await client.chat_postMessage(channel="#deploys", text="reply", thread_ts=root["ts"])
        gone = await client.chat_postMessage(channel="#deploys", text="gone")
        await client.chat_delete(channel="C0DEPLOYS", ts=gone["ts"])
        await client.chat_update(channel="C0DEPLOYS", ts=root["ts"], text="changed")
        await client.views_publish(user_id="U0ALICE", view={"type": "home", "blocks": CARD})
        before = await slack.person("alice").state()
        await client.files_upload_v2(channel="C0REFUNDS", filename="a.txt", content="abc")
        old_url = slack.url
    async with PeopledSlack(data=tmp_path) as slack:
        assert slack.url != old_url
        [message] = await slack.person("alice").messages("#refunds")
        link = message.files[0]["url_private"] + "?as=alice"
        async with aiohttp.ClientSession() as session, session.get(link) as answer:
            assert await answer.text() == "abc"
        before = {**before, "channels": [each for each in before["channels"] if each["name"] != "refunds"]}
        after = await slack.person("alice").state()
        assert {**after, "channels": [each for each in after["channels"] if each["name"] != "refunds"]} == before
        assert slack.environment()["SLACK_BOT_TOKEN"] == environment["SLACK_BOT_TOKEN"]
        client = AsyncWebClient(token=environment["SLACK_BOT_TOKEN"], base_url=slack.environment()["SLACK_API_URL"])
        later = await client.chat_postMessage(channel="#deploys", text="later")
        assert later["ts"] > gone["ts"]
        thread = await client.conversations_replies(channel="C0DEPLOYS", ts=root["ts"])
        assert [each["text"] for each in thread["messages"]] == ["changed", "reply"]


SERVE = """
import asyncio, sys
from pathlib import Path
from adapters.localslack import run_workspace
asyncio.run(run_workspace(int(sys.argv[1]), Path(sys.argv[2]), None))
"""


@asynccontextmanager
async def workspace_process(port: int, data: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVE, str(port), str(data))
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


@asynccontextmanager
async def client_of_process(port: int, data: Path) -> AsyncIterator[AsyncWebClient]:
    async def serving() -> bool | None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return None
        writer.close()
        await writer.wait_closed()
        return True

    await wait_until(serving)
    environment = saved_environment(data, f"http://127.0.0.1:{port}")
    yield AsyncWebClient(token=environment["SLACK_BOT_TOKEN"], base_url=environment["SLACK_API_URL"])


async def test_a_kill_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    answered: list[str] = []
    async with workspace_process(port, tmp_path) as process, client_of_process(port, tmp_path) as client:

        async def post_forever() -> None:
            while True:
                posted = await client.chat_postMessage(channel=f"U0{'ALICE' if len(answered) % 2 else 'BOB'}", text="x")
                answered.append(posted["ts"])

        async def enough() -> bool | None:
            return len(answered) >= 20 or None

        posting = asyncio.create_task(post_forever())
        await wait_until(enough)
        process.send_signal(signal.SIGKILL)
        with pytest.raises(aiohttp.ClientError):
            await posting
    async with (
        workspace_process(port, tmp_path),
        client_of_process(port, tmp_path),
        People(f"http://127.0.0.1:{port}") as people,
    ):
        kept = [each.ts for name in ("alice", "bob") for each in await people.person(name).messages("dm")]
        assert set(answered) <= set(kept)
        assert len(kept) <= len(answered) + 1


async def test_a_torn_last_line_is_cut_off(tmp_path: Path) -> None:
    async with PeopledSlack(data=tmp_path) as slack:
        environment = slack.environment()
        client = AsyncWebClient(token=environment["SLACK_BOT_TOKEN"], base_url=environment["SLACK_API_URL"])
        await client.chat_postMessage(channel="#deploys", text="whole")
    with (tmp_path / "workspace.jsonl").open("ab") as journal:
        journal.write(b'{"op":"message","cha')
    for _ in range(2):
        async with PeopledSlack(data=tmp_path) as slack:
            assert [each.text for each in await slack.person("alice").messages("#deploys")] == ["whole"]


async def test_a_long_journal_is_rewritten(tmp_path: Path) -> None:
    async with PeopledSlack(data=tmp_path) as slack:
        state = slack.workspace.state
        channel = state.channels["C0DEPLOYS"]
        message = slack.workspace.bot_message("0", None)
        for number in range(3000):
            state.put_message(channel, {**message, "text": str(number)})
    before = (tmp_path / "workspace.jsonl").stat().st_size
    async with PeopledSlack(data=tmp_path) as slack:
        assert (tmp_path / "workspace.jsonl").stat().st_size < before / 1000
        assert [each.text for each in await slack.person("alice").messages("#deploys")] == ["2999"]


async def test_a_damaged_journal_and_a_shared_folder_are_named(tmp_path: Path) -> None:
    async with PeopledSlack(data=tmp_path):
        with pytest.raises(JournalError, match="another local workspace uses this data folder"):
            async with PeopledSlack(data=tmp_path):
                raise AssertionError("two workspaces share a folder")
    (tmp_path / "workspace.jsonl").write_bytes(b"nonsense\n")
    with pytest.raises(JournalError, match="is damaged"):
        async with PeopledSlack(data=tmp_path):
            raise AssertionError("a damaged journal was taken")


async def test_a_taken_port_is_named(slack: PeopledSlack) -> None:
    port = int(slack.url.rpartition(":")[2])
    with pytest.raises(AddressInUseError, match=f"port {port} on 127.0.0.1 cannot be used"):
        async with PeopledSlack(port=port):
            raise AssertionError("two workspaces share a port")


async def test_the_environment_to_paste(slack: PeopledSlack) -> None:
    assert environment_lines(slack)[0] == f"SLACK_API_URL={slack.url}/api/"
    assert len(environment_lines(slack)) == 4
    secrets = slack._data / "secrets.json" if slack._data else None
    assert secrets is not None
    assert secrets.stat().st_mode & 0o077 == 0
    assert json.loads(secrets.read_text())["bot_token"] in environment_lines(slack)[1]
