"""The local workspace as the commands start it: what its page says of each channel, and a bot in HTTP mode."""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from fakes.people import wait_until
from slack_sdk.signature import SignatureVerifier

from bot.config.load import load
from bot.wiring.workspace import local_workspace

ROOT = Path(__file__).parents[2]
OWN = """\
agents:
  orders:
    graph: orders.py:graph
    description: Places orders
    channels: ["#office"]
  stock: {graph: stock.py:graph, channels: ["#office", "#general"]}
approvals:
  - approvers: {users: [alice]}
    post_to: "#approvals"
"""
ENVIRON = {"SLACK_BOT_TOKEN": "xoxb-1-bot", "SLACK_APP_TOKEN": "xapp-1-app"}


async def purposes(folder: Path, *, described: bool) -> dict[str, str]:
    (folder / "app.yaml").write_text(OWN, encoding="utf-8")
    config = load(folder / "app.yaml", ENVIRON)
    async with (
        local_workspace(0, folder / "slack", config=config, described=described) as slack,
        aiohttp.ClientSession() as session,
        session.get(f"{slack.url}/people/state", params={"as": "alice"}) as answer,
    ):
        channels = (await answer.json())["channels"]
    return {each["name"] if each["kind"] == "channel" else "dm": each["purpose"] for each in channels}


async def test_each_channel_says_who_listens_there(tmp_path: Path) -> None:
    found = await purposes(tmp_path, described=True)
    assert found["office"] == "orders (Places orders) and stock listen here. Mention the bot to start."
    assert found["general"] == "stock listens here. Mention the bot to start."
    assert found["approvals"] == "Approvals that are posted apart from their conversation arrive here."
    assert found["deploys"] == "No agent is set up for this channel."
    assert found["dm"] == "No agent takes direct messages."


MISSPELT = """\
agents: {orders: {graph: orders.py:graph, channels: ["#office"]}}
approvals: [{approvers: {users: [carrol, alice], groups: [sree, payments]}}]
"""


@pytest.mark.promise("P6")
@pytest.mark.parametrize(
    "people", ["", "people: [{name: carol}, {name: alice}]\ngroups: [{handle: sre, members: [carol]}]\n"]
)
async def test_who_is_added_for_a_rule_is_said_with_whom_it_may_have_meant(
    tmp_path: Path, people: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "app.yaml").write_text(MISSPELT, encoding="utf-8")
    file = tmp_path / "people.yaml" if people else None
    if file is not None:
        file.write_text(people, encoding="utf-8")
    config = load(tmp_path / "app.yaml", ENVIRON)
    async with local_workspace(0, tmp_path / "slack", file, config):
        pass
    groups = "groups @sree, @payments" if people else "group @sree"
    assert capsys.readouterr().err == (
        f"signoff demo: added for app.yaml, since the workspace has none of the name: {groups} (all full members), "
        "person carrol. Did you mean @sre, carol?\n"
    )


async def test_nothing_is_said_where_nobody_is_added(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await purposes(tmp_path, described=False)
    assert capsys.readouterr().err == ""


async def test_of_the_examples_the_page_itself_knows_more(tmp_path: Path) -> None:
    assert set((await purposes(tmp_path, described=False)).values()) == {""}


@contextlib.asynccontextmanager
async def commanded(*arguments: str) -> AsyncIterator[dict[str, str]]:
    """`signoff workspace` in a process of its own: the environment that it prints."""
    command = [sys.executable, "-m", "bot", "workspace", "--port", "0", *arguments]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        printed = [(await process.stdout.readline()).decode().strip() for _ in range(5)]
        yield dict(each.split("=", 1) for each in printed if "=" in each)
    finally:
        process.terminate()
        await process.communicate()
    assert process.returncode == 0


async def test_it_calls_a_bot_in_http_mode_as_slack_does(tmp_path: Path) -> None:
    """Signed by the secret that it printed, and an event that was refused once more."""
    calls: list[tuple[str, dict[str, str]]] = []

    async def again() -> bool | None:
        return any("X-Slack-Retry-Num" in headers for _, headers in calls) or None

    async def bot(request: web.Request) -> web.Response:
        calls.append(((await request.read()).decode(), dict(request.headers)))
        return web.Response(status=500 if len(calls) == 1 else 200)

    app = web.Application()
    app.router.add_post("/slack/events", bot)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        arguments = ("--data", str(tmp_path / "slack"), "--http", str(server.make_url("/slack/events")))
        async with commanded(*arguments) as environment:
            people = environment["SLACK_API_URL"].removesuffix("api/") + "people/send"
            said = {"as": "alice", "channel": "#deploys", "text": "@signoff hello"}
            await (await session.post(people, json=said)).read()
            await wait_until(again)
    signed = SignatureVerifier(environment["SLACK_SIGNING_SECRET"])
    assert all(signed.is_valid_request(body, headers) for body, headers in calls)
    assert {json.loads(body)["event"]["text"] for body, _ in calls} == {"<@U0SIGNOFF> hello"}
    assert {headers["X-Slack-Retry-Reason"] for _, headers in calls if "X-Slack-Retry-Num" in headers} == {"http_error"}
