"""What happens to the bot's own messages and to its channels, as facts. Pure; None stands for "not for us".

A deleted message is told of in two ways: as `message_deleted`, and where it has replies as a change into a tombstone.
Its buttons say which approvals it showed: an event carries no metadata that could be relied on.

Sources: https://docs.slack.dev/reference/events/message/message_deleted,
https://docs.slack.dev/reference/events/member_joined_channel, https://docs.slack.dev/reference/events/channel_archive
and its neighbours; what of a public channel is `channel_...` is `group_...` of a private one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from adapters.slack.cards import Target
from engine.ids import ApprovalId, ChannelId, MessageTs, UserId

Event: TypeAlias = Mapping[str, Any]

TOMBSTONE = "tombstone"


@dataclass(frozen=True, slots=True)
class CardGone:
    """Somebody deleted a message of the bot's that showed these approvals."""

    channel: ChannelId
    ts: MessageTs
    approvals: tuple[ApprovalId, ...]


@dataclass(frozen=True, slots=True)
class ChannelOpened:
    """The bot can post there again, or for the first time. `event` names what happened, so that it counts once."""

    channel: ChannelId
    event: str


@dataclass(frozen=True, slots=True)
class ChannelClosed:
    """The bot cannot post there any more; `why` is one word."""

    channel: ChannelId
    why: str


@dataclass(frozen=True, slots=True)
class ChannelRenamed:
    """The same channel has another name."""

    channel: ChannelId
    name: str


Change: TypeAlias = CardGone | ChannelOpened | ChannelClosed | ChannelRenamed

_CLOSED = {"archive": "archived", "deleted": "deleted", "left": "removed"}


def change(event: Event, bot: UserId) -> Change | None:
    """What an event says of the bot's messages and channels."""
    kind, channel = str(event.get("type")), event.get("channel")
    if kind == "message":
        return _card_gone(event, bot)
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
                    continue  # no button, or none of a card


def _objects(value: object) -> list[Event]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _dict(event: Event, name: str) -> Event:
    value = event.get(name)
    return value if isinstance(value, dict) else {}
