"""Slack's payloads, as its documentation shows them, become facts."""

from typing import Any

import pytest
from support.slack_samples import NOW

from adapters.slack.drawing.actions import Target
from adapters.slack.inbound.payloads.actor import Actor
from adapters.slack.inbound.payloads.buttons import Pressed
from adapters.slack.inbound.payloads.commands import Commanded
from adapters.slack.inbound.payloads.fields import MalformedError
from adapters.slack.inbound.payloads.forms import DecisionSent
from adapters.slack.inbound.payloads.incoming import HomeOpened, incoming
from adapters.slack.inbound.payloads.messages import as_written
from engine.approvals.approval import Place, PressedOn
from engine.asks.ask import Choice
from engine.ids import ApprovalId, ChannelId, MessageTs, TeamId, UserId
from engine.ports import IncomingMessage

BOT, TEAM, CARD = UserId("U0BOT"), TeamId("T1"), MessageTs("5.0")
VALUE = "1.3.T1:C1:1700000000.000100#0123456789abcdef"
TARGET = Target(ApprovalId("T1:C1:1700000000.000100#0123456789abcdef"), 1, 3)


def read(payload: dict[str, Any]) -> Any:
    return incoming(payload, bot=BOT, team=TEAM)


def button(action_id: str, value: str = VALUE, **more: Any) -> dict[str, Any]:
    return {
        "type": "block_actions",
        "user": {"id": "U1", "team_id": "T2"},
        "trigger_id": "trigger",
        "container": {"type": "message", "message_ts": "5.0", "channel_id": "C1", "thread_ts": "4.0"},
        "message": {"type": "message", "user": "U0BOT", "bot_id": "B0BOT", "ts": "5.0", "thread_ts": "4.0"},
        "actions": [{"type": "button", "action_id": action_id, "block_id": "action:1", "value": value}],
        **more,
    }


def message(text: str, **more: Any) -> dict[str, Any]:
    event = {"type": "message", "channel": "C1", "channel_type": "channel", "user": "U1", "text": text, "ts": "9.1"}
    return {"type": "event_callback", "team_id": "T1", "event": {**event, **more}}


def test_a_pressed_button_says_who_what_and_which_revision() -> None:
    pressed = read(button("signoff_reject"))
    place = Place(TEAM, ChannelId("C1"), MessageTs("4.0"))
    person = Actor(UserId("U1"), place)
    assert pressed == Pressed(person, TARGET, Choice.REJECT, "trigger", PressedOn(place, CARD, own=True))
    click = pressed.click()
    assert (click.approval, click.action, click.revision, click.by) == (TARGET.approval, 1, 3, "U1")
    assert read(button("signoff_show")).choice is None


SHARED = {"type": "message_attachment", "message_ts": "6.0", "attachment_id": 1, "channel_id": "C2"}
"""https://docs.slack.dev/reference/interaction-payloads/block_actions-payload - container."""


@pytest.mark.parametrize(
    ("more", "on"),
    [
        ({"container": SHARED}, PressedOn(Place(TEAM, ChannelId("C2"), MessageTs("4.0")), MessageTs("6.0"), own=False)),
        (
            {"message": {"user": "U1", "ts": "5.0"}},
            PressedOn(Place(TEAM, ChannelId("C1"), MessageTs("4.0")), CARD, own=False),
        ),
        (
            {"message": {"bot_id": "B0BOT", "app_id": "A1", "ts": "5.0"}, "api_app_id": "A1"},
            PressedOn(Place(TEAM, ChannelId("C1"), MessageTs("4.0")), CARD, own=True),
        ),
        ({"container": {"type": "view", "view_id": "V1"}, "message": {}}, None),
        ({"container": {"type": "message", "message_ts": "5.0", "channel_id": "C1", "is_ephemeral": True}}, None),
    ],
    ids=["shared", "of somebody else", "without its user", "of a view", "ephemeral"],
)
@pytest.mark.parametrize("action", ["signoff_approve", "signoff_show", "signoff_approve_all"])
def test_a_button_says_on_which_message_it_stood(action: str, more: dict[str, Any], on: PressedOn | None) -> None:
    value = "s1 a.1 T1:C1:4.0" if action == "signoff_approve_all" else VALUE
    assert read(button(action, value, **more)).on == on


def test_a_message_without_a_proper_time_is_malformed() -> None:
    with pytest.raises(MalformedError):
        read(button("signoff_approve", container={"type": "message", "message_ts": "now", "channel_id": "C1"}))


@pytest.mark.parametrize(
    "payload", [button("another_app"), button("signoff_approve", "nonsense"), {"type": "view_closed"}]
)
def test_what_is_not_ours_is_nothing(payload: dict[str, Any]) -> None:
    assert read(payload) is None


def test_a_submitted_form_says_what_it_is_about() -> None:
    view = {"callback_id": "signoff_edit", "private_metadata": VALUE, "state": {"values": {"field:0": {}}}}
    payload = {"type": "view_submission", "user": {"id": "U1", "team_id": "T1"}, "view": view}
    assert read(payload) == DecisionSent(Actor(UserId("U1"), None), TARGET, Choice.EDIT, {"field:0": {}})
    assert read({**payload, "view": {**view, "callback_id": "other"}}) is None
    assert read({**payload, "view": {**view, "private_metadata": "?"}}) is None


def test_a_mention_and_its_message_are_the_same() -> None:
    mention = read(message("<@U0BOT> ship it", type="app_mention"))
    assert mention == IncomingMessage(
        Place(TEAM, ChannelId("C1"), MessageTs("9.1")),
        UserId("U1"),
        TEAM,
        "ship it",
        MessageTs("9.1"),
        mentioned=True,
        direct=False,
    )
    assert read(message("<@U0BOT> ship it")) == mention


def test_a_message_in_a_thread_belongs_to_the_thread() -> None:
    said = read(message("yes please", thread_ts="4.0"))
    assert (said.place.thread_ts, said.mentioned, said.direct) == ("4.0", False, False)


def test_a_direct_message_stands_at_the_root_or_in_its_thread() -> None:
    assert read(message("hi", channel="D1", channel_type="im")).place == Place(TEAM, ChannelId("D1"), None)
    assert read(message("hi", channel="D1", channel_type="im", thread_ts="4.0")).place.thread_ts == "4.0"
    assert read(message("hi", channel="D1", channel_type="im")).direct


@pytest.mark.parametrize(
    "more",
    [
        {"subtype": "message_changed"},
        {"subtype": "bot_message"},
        {"subtype": "channel_join"},
        {"bot_id": "B1"},
        {"user": "U0BOT"},
        {"user": None},
        {},
    ],
)
def test_edits_bots_and_talk_among_people_are_nothing(more: dict[str, Any]) -> None:
    text = "hello" if not more else "<@U0BOT> hello"
    assert read(message(text, **more)) is None


def test_a_file_with_words_is_words() -> None:
    assert read(message("<@U0BOT> see", subtype="file_share")).text == "see"


def test_a_person_of_another_workspace_keeps_their_team() -> None:
    assert read(message("<@U0BOT> hi", user_team="T9", team="T1")).team == "T9"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("<@U0BOT> ship billing", "ship billing"),
        ("hey <@U0BOT|signoff>, ship", "hey , ship"),
        ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
        ("see <https://example.com>", "see https://example.com"),
        ("see <http://example.com|example.com>", "see example.com"),
        ("<mailto:a@example.com|a@example.com>", "a@example.com"),
        ("<https://example.com|click here>", "click here (https://example.com)"),
        ("<@U2> and <#C1|deploys> and <!here>", "<@U2> and #deploys and @here"),
        ("<!date^1^{date}|yesterday>", "yesterday"),
        ("line one\n<@U0BOT> line two", "line one\n line two"),
    ],
)
def test_text_is_what_the_person_wrote(raw: str, text: str) -> None:
    assert as_written(raw, BOT) == text


def test_commands_and_the_home_tab() -> None:
    command = {"command": "/signoff", "text": "help", "user_id": "U1", "team_id": "T1", "channel_id": "C1"}
    assert read(command) == Commanded(Actor(UserId("U1"), Place(TEAM, ChannelId("C1"))), "help")
    opened = {"type": "event_callback", "event": {"type": "app_home_opened", "user": "U1", "tab": "home"}}
    assert read(opened) == HomeOpened(UserId("U1"))
    assert (
        read({"type": "event_callback", "event": {"type": "app_home_opened", "user": "U1", "tab": "messages"}}) is None
    )


def test_a_target_survives_its_spelling() -> None:
    assert Target.read(str(TARGET)) == TARGET
    assert NOW.tzinfo is not None
