"""What Slack tells of the bot's own messages and channels, as facts; whatever else it tells is none of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.slack_samples import approval

from adapters.slack.cards.card import card
from adapters.slack.inbound.payloads.changes import (
    CardGone,
    ChannelClosed,
    ChannelOpened,
    ChannelRenamed,
    GroupsChanged,
    PersonChanged,
    change,
)
from adapters.slack.inbound.payloads.incoming import incoming
from engine.ids import TeamId, UserId

Json = dict[str, Any]
BOT, TEAM = UserId("U0BOT"), TeamId("T1")
ONE = approval()
CARD: Json = {"type": "message", "user": BOT, "ts": "1.1", "blocks": card(ONE).blocks}
TOMBSTONE: Json = {"subtype": "tombstone", "user": "USLACKBOT", "ts": "1.1"}


def deleted(**more: Any) -> Json:
    event = {"type": "message", "subtype": "message_deleted", "hidden": True, "channel": "C1", "deleted_ts": "1.1"}
    return event | {"ts": "2.2", "previous_message": CARD} | more


def changed(**more: Any) -> Json:
    event = {"type": "message", "subtype": "message_changed", "hidden": True, "channel": "C1", "ts": "2.2"}
    return event | {"message": TOMBSTONE, "previous_message": CARD} | more


GONE = CardGone("C1", "1.1", (ONE.id,))  # type: ignore[arg-type]
FACTS: list[tuple[Json, object]] = [
    (deleted(), GONE),
    (changed(), GONE),
    (
        {"type": "member_joined_channel", "user": BOT, "channel": "C1", "event_ts": "9.9"},
        ChannelOpened("C1", "member_joined_channel/C1/9.9"),  # type: ignore[arg-type]
    ),
    (
        {"type": "channel_unarchive", "user": "U1", "channel": "C1", "event_ts": "9.9"},
        ChannelOpened("C1", "channel_unarchive/C1/9.9"),  # type: ignore[arg-type]
    ),
    (
        {"type": "group_unarchive", "actor_id": "U1", "channel": "G1", "event_ts": "9.9"},
        ChannelOpened("G1", "group_unarchive/G1/9.9"),  # type: ignore[arg-type]
    ),
    ({"type": "channel_archive", "channel": "C1"}, ChannelClosed("C1", "archived")),  # type: ignore[arg-type]
    ({"type": "group_left", "channel": "G1"}, ChannelClosed("G1", "removed")),  # type: ignore[arg-type]
    ({"type": "channel_deleted", "channel": "C1"}, ChannelClosed("C1", "deleted")),  # type: ignore[arg-type]
    (
        {"type": "channel_rename", "channel": {"id": "C1", "name": "ship-it", "created": 1}},
        ChannelRenamed("C1", "ship-it"),  # type: ignore[arg-type]
    ),
    ({"type": "subteam_created", "subteam": {"id": "S1", "team_id": TEAM}}, GroupsChanged(frozenset({"S1"}))),
    (
        {"type": "subteam_updated", "subteam": {"id": "S1", "team_id": TEAM, "enterprise_subteam_id": "S9"}},
        GroupsChanged(frozenset({"S1", "S9"})),
    ),
    (
        {"type": "subteam_members_changed", "subteam_id": "S1", "team_id": TEAM, "removed_users": ["U1"]},
        GroupsChanged(frozenset({"S1"})),
    ),
    # Of an organization, or of nothing that could be read: each group is looked at again.
    (
        {"type": "subteam_members_changed", "subteam_id": "S9", "team_id": "E1"},
        GroupsChanged(frozenset({"S9", "*"})),
    ),
    ({"type": "subteam_updated", "subteam": None}, GroupsChanged(frozenset({"*"}))),
    ({"type": "user_change", "user": {"id": "U1", "deleted": True}}, PersonChanged(UserId("U1"))),
    ({"type": "user_change", "user": {"id": "U1", "is_restricted": True}}, PersonChanged(UserId("U1"))),
]
NO_FACTS: list[Json] = [
    deleted(previous_message={**CARD, "user": "U1"}),  # somebody else's
    deleted(previous_message={**CARD, "blocks": []}),  # no card
    deleted(previous_message=None),
    changed(message=CARD),  # redrawn
    changed(previous_message={}),
    {"type": "member_joined_channel", "user": "U1", "channel": "C1"},
    {"type": "channel_archive"},
    {"type": "channel_rename", "channel": "C1"},
    {"type": "channel_created", "channel": {"id": "C1"}},
    {"type": "group_close", "channel": "G1"},
    {"type": "subteam_self_added", "subteam_id": "S1"},
    {"type": "user_change", "user": {"id": "U1", "deleted": False, "profile": {"status_text": "away"}}},
    {"type": "user_change", "user": None},
    {"type": "message", "subtype": "channel_join", "user": BOT, "channel": "C1", "ts": "1.1"},
]


@pytest.mark.promise("P8")
@pytest.mark.parametrize(("event", "fact"), FACTS)
def test_what_happened_is_a_fact(event: Json, fact: object) -> None:
    assert incoming({"type": "event_callback", "event": event}, bot=BOT, team=TEAM) == fact


@pytest.mark.parametrize("event", NO_FACTS)
def test_what_is_not_for_us_is_none(event: Json) -> None:
    assert incoming({"type": "event_callback", "event": event}, bot=BOT, team=TEAM) is None


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from([event for event, _ in FACTS]), st.data())
def test_what_is_not_as_documented_is_passed_over(event: Json, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(event)))
    change({**event, name: data.draw(junk)}, BOT, TEAM)
    change({key: value for key, value in event.items() if key != name}, BOT, TEAM)
    previous = {**CARD, data.draw(st.sampled_from(sorted(CARD))): data.draw(junk)}
    change(deleted(previous_message=previous), BOT, TEAM)
