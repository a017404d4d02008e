"""The page of a demo says of each channel what the configuration has there."""

from pathlib import Path

import aiohttp
import pytest

from bot.config.load import load
from bot.wiring import local_workspace

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
