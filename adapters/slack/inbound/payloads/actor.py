"""The person who acted, the place, and the message that carried the button."""

import re
from dataclasses import dataclass

from adapters.slack.inbound.payloads.fields import MalformedError, Payload, optional_object, optional_text, text
from engine.approvals.approval import Place, PressedOn
from engine.ids import ChannelId, MessageTs, TeamId, UserId

_TS = re.compile(r"\d{1,12}\.\d{1,9}")


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, and the place they acted in: None in a modal."""

    user: UserId
    place: Place | None = None


def actor(payload: Payload, team: TeamId) -> Actor:
    """The person of an interaction."""
    user, container, message = (optional_object(payload, key) for key in ("user", "container", "message"))
    channel = optional_text(container, "channel_id") or optional_text(optional_object(payload, "channel"), "id")
    thread_ts = optional_text(container, "thread_ts") or optional_text(message, "thread_ts")
    place = Place(team, ChannelId(channel), MessageTs(thread_ts) if thread_ts else None) if channel else None
    return Actor(UserId(text(user, "id")), place)


def pressed_on(payload: Payload, person: Actor, bot: UserId) -> PressedOn | None:
    """The message that carried a button; None for a view or an ephemeral message, which only one person sees.

    `own` is false for a message that somebody shared or that shows another message's buttons: then the container is an
    attachment, or the bot is not the author. Raises MalformedError for a timestamp that is none.
    https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
    """
    container, message = optional_object(payload, "container"), optional_object(payload, "message")
    ts = optional_text(container, "message_ts") or optional_text(message, "ts")
    if person.place is None or not ts or container.get("is_ephemeral") is True:
        return None
    if not _TS.fullmatch(ts):
        raise MalformedError("container.message_ts")
    attached = optional_text(container, "type") not in ("", "message")
    app = optional_text(message, "app_id")
    ours = message.get("user") == bot or (app != "" and app == payload.get("api_app_id"))
    return PressedOn(person.place, MessageTs(ts), own=ours and not attached)
