"""Slash commands. https://docs.slack.dev/interactivity/implementing-slash-commands."""

from dataclasses import dataclass

from adapters.slack.inbound.payloads.actor import Actor
from adapters.slack.inbound.payloads.fields import Payload, optional_text, text
from engine.approvals.approval import Place
from engine.ids import ChannelId, TeamId, UserId


@dataclass(frozen=True, slots=True)
class Commanded:
    """A slash command. `trigger` opens a modal within 3 s."""

    person: Actor
    text: str
    trigger: str = ""


def command(payload: Payload, team: TeamId) -> Commanded:
    """The command of a payload that has one."""
    place = Place(team, ChannelId(optional_text(payload, "channel_id")))
    person = Actor(UserId(text(payload, "user_id")), place)
    return Commanded(person, optional_text(payload, "text"), optional_text(payload, "trigger_id"))
