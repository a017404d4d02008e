"""Changes of the bot's messages and channels, of people and user groups. Pure; None for any other event.

Slack reports a deleted message as `message_deleted`, or, if it has replies, as a change into a tombstone. The values of
its buttons name the approvals that it showed: an event carries no metadata that could be relied on.

Sources: https://docs.slack.dev/reference/events/message/message_deleted,
https://docs.slack.dev/reference/events/member_joined_channel, https://docs.slack.dev/reference/events/channel_archive
and its neighbours; `channel_...` of a public channel is `group_...` of a private one;
https://docs.slack.dev/reference/events/subteam_updated and its neighbours,
https://docs.slack.dev/reference/events/user_change
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from adapters.slack.drawing.actions import Target
from engine.ids import ApprovalId, ChannelId, MessageTs, TeamId, UserId

Event: TypeAlias = Mapping[str, Any]

TOMBSTONE = "tombstone"


@dataclass(frozen=True, slots=True)
class CardGone:
    """A message of the bot that showed these approvals was deleted."""

    channel: ChannelId
    ts: MessageTs
    approvals: tuple[ApprovalId, ...]


@dataclass(frozen=True, slots=True)
class ChannelOpened:
    """The bot can post in a channel. `event` identifies the event, so that it counts once."""

    channel: ChannelId
    event: str


@dataclass(frozen=True, slots=True)
class ChannelClosed:
    """The bot can no longer post in a channel; `why` is one word."""

    channel: ChannelId
    why: str


@dataclass(frozen=True, slots=True)
class ChannelRenamed:
    """A channel was renamed."""

    channel: ChannelId
    name: str


@dataclass(frozen=True, slots=True)
class GroupsChanged:
    """User groups changed, by id; `*` stands for all. Nothing else of the event is used: they are read again."""

    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class PersonChanged:
    """A person may no longer decide. Nothing else of the event is used: the person is looked up again."""

    user: UserId


Change: TypeAlias = CardGone | ChannelOpened | ChannelClosed | ChannelRenamed | GroupsChanged | PersonChanged

_CLOSED = {"archive": "archived", "deleted": "deleted", "left": "removed"}


def change(event: Event, bot: UserId, team: TeamId) -> Change | None:
    """The change that an event reports."""
    match event.get("type"):
        case "message":
            return _card_gone(event, bot)
        case "user_change":
            return _person_changed(event)
        case "subteam_created" | "subteam_updated" | "subteam_members_changed":
            return _group_changed(event, team)
        case _:
            return _channel_changed(event, bot)


def _channel_changed(event: Event, bot: UserId) -> Change | None:
    kind, channel = str(event.get("type")), event.get("channel")
    family, _, what = kind.partition("_")
    if kind == "member_joined_channel" and event.get("user") == bot and isinstance(channel, str):
        return ChannelOpened(ChannelId(channel), _name(event))
    if family not in ("channel", "group"):
        return None
    if what == "rename" and isinstance(channel, dict):
        return ChannelRenamed(ChannelId(str(channel.get("id"))), str(channel.get("name")))
    if not isinstance(channel, str):
        return None
    if what == "unarchive":
        return ChannelOpened(ChannelId(channel), _name(event))
    return ChannelClosed(ChannelId(channel), _CLOSED[what]) if what in _CLOSED else None


def _name(event: Event) -> str:
    return f"{event.get('type')}/{event.get('channel')}/{event.get('event_ts')}"


def _group_changed(event: Event, team: TeamId) -> GroupsChanged:
    """The groups of an event. The event of an organization's group lacks the ids per workspace: read all."""
    group = _dict(event, "subteam")
    ids = (event.get("subteam_id"), group.get("id"), group.get("enterprise_subteam_id"))
    known = frozenset(each for each in ids if isinstance(each, str) and each)
    own = (event.get("team_id") or group.get("team_id") or team) == team
    return GroupsChanged(known if own and known else known | {"*"})


def _person_changed(event: Event) -> PersonChanged | None:
    """A person who may no longer decide. Changes of full members are ignored: each status is one."""
    user = _dict(event, "user")
    name = user.get("id")
    lesser = any(user.get(key) for key in ("deleted", "is_restricted", "is_ultra_restricted", "is_bot", "is_stranger"))
    return PersonChanged(UserId(name)) if lesser and isinstance(name, str) and name else None


def _card_gone(event: Event, bot: UserId) -> CardGone | None:
    before, now = _dict(event, "previous_message"), _dict(event, "message")
    became_tombstone = event.get("subtype") == "message_changed" and now.get("subtype") == TOMBSTONE
    if event.get("subtype") != "message_deleted" and not became_tombstone:
        return None
    ts, channel = event.get("deleted_ts") or before.get("ts"), event.get("channel")
    if before.get("user") != bot or not isinstance(ts, str) or not isinstance(channel, str):
        return None
    approvals = tuple(dict.fromkeys(_approvals(before)))
    return CardGone(ChannelId(channel), MessageTs(ts), approvals) if approvals else None


def _approvals(message: Event) -> Iterator[ApprovalId]:
    for block in _objects(message.get("blocks")):
        for element in _objects([*_objects(block.get("elements")), block.get("accessory")]):
            for pressed in (element, *_objects(element.get("options"))):
                try:
                    yield Target.read(str(pressed.get("value", ""))).approval
                except ValueError:
                    continue  # not a button of a card


def _objects(value: object) -> list[Event]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _dict(event: Event, name: str) -> Event:
    value = event.get(name)
    return value if isinstance(value, dict) else {}
