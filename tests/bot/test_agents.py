"""Which agent a message starts."""

from pathlib import Path

import pytest

from bot.config.load import load
from bot.inbound.agents import Agents
from bot.wiring.slack import help_text
from engine.approvals.approval import Place
from engine.ids import AgentName, ChannelId, MessageTs, TeamId, UserId
from engine.ports import IncomingMessage

DEPLOY, SEARCH, TRAVEL = AgentName("deploy"), AgentName("search"), AgentName("travel")
OPS, DEPLOYS, LOBBY = ChannelId("C1"), ChannelId("C2"), ChannelId("C3")
AGENTS = Agents({OPS: [DEPLOY, SEARCH], DEPLOYS: [DEPLOY]}, TRAVEL, {DEPLOY: "Ships", SEARCH: "Looks up"})


def said(text: str, channel: ChannelId = OPS, *, direct: bool = False) -> IncomingMessage:
    place = Place(TeamId("T1"), channel, None)
    return IncomingMessage(
        place, UserId("U1"), TeamId("T1"), text, MessageTs("1.000001"), mentioned=not direct, direct=direct
    )


def test_the_one_agent_of_a_channel_needs_no_name() -> None:
    start = AGENTS.start(said("ship it", DEPLOYS))
    assert (start.agent, start.opening) == (DEPLOY, "")


@pytest.mark.parametrize("text", ["search logs of billing", "Search: logs of billing", "search, logs of billing"])
def test_where_several_listen_the_first_word_names_one(text: str) -> None:
    start = AGENTS.start(said(text))
    assert (start.agent, start.opening) == (SEARCH, "logs of billing")


def test_where_several_listen_and_none_is_named_all_are_offered() -> None:
    start = AGENTS.start(said("logs of billing"))
    assert start.agent is None
    assert "`deploy`: Ships" in start.help
    assert "`search`: Looks up" in start.help


def test_a_channel_without_an_agent_says_where_to_go() -> None:
    start = AGENTS.start(said("hello", LOBBY))
    assert start.agent is None
    assert "<#C1>" in start.help


def test_a_direct_message_reaches_its_agent() -> None:
    assert AGENTS.start(said("deploy now", ChannelId("D1"), direct=True)).agent is TRAVEL


def test_without_an_agent_for_them_direct_messages_are_explained() -> None:
    start = Agents({DEPLOYS: [DEPLOY]}, None, {}).start(said("hello", ChannelId("D1"), direct=True))
    assert start.agent is None
    assert "No agent takes direct messages" in start.help


def test_the_help_says_where_each_agent_is_reached(tmp_path: Path) -> None:
    file = tmp_path / "app.yaml"
    file.write_text(
        "agents:\n"
        '  ship: {graph: "a.py:g", channels: [ops, dev], direct_messages: true, description: Ships}\n'
        '  look: {graph: "a.py:g", channels: [ops]}\n'
    )
    config = load(file, {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"})
    assert help_text(config, {"#ops": OPS, "#dev": ChannelId("C2")}).splitlines()[1:] == [
        f"• *ship* in <#{OPS}>, <#C2> or a direct message to me: Ships",
        f"• *look* in <#{OPS}>",
    ]
