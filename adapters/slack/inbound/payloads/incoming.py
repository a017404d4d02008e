"""Reads any payload of Slack's as one typed event.

https://docs.slack.dev/reference/interaction-payloads, https://docs.slack.dev/apis/events-api
"""

from dataclasses import dataclass
from typing import TypeAlias

from adapters.slack.inbound.payloads.buttons import Button, button
from adapters.slack.inbound.payloads.changes import Change, change
from adapters.slack.inbound.payloads.commands import Commanded, command
from adapters.slack.inbound.payloads.fields import Payload, optional_object, text
from adapters.slack.inbound.payloads.forms import Form, form
from adapters.slack.inbound.payloads.messages import said
from engine.ids import TeamId, UserId
from engine.ports import IncomingMessage


@dataclass(frozen=True, slots=True)
class HomeOpened:
    """The Home tab, opened by somebody."""

    user: UserId


Incoming: TypeAlias = Button | Form | IncomingMessage | Commanded | HomeOpened | Change


def incoming(payload: Payload, *, bot: UserId, team: TeamId) -> Incoming | None:
    """The event of a payload; None for one that is not for the bot. Raises MalformedError.

    `bot` and `team` are the bot's user id and its workspace.
    """
    match payload.get("type"):
        case "block_actions":
            return button(payload, bot, team)
        case "view_submission":
            return form(payload, team)
        case "event_callback":
            return _event(optional_object(payload, "event"), bot, team)
        case None if "command" in payload:
            return command(payload, team)
        case _:
            return None


def _event(event: Payload, bot: UserId, team: TeamId) -> IncomingMessage | HomeOpened | Change | None:
    match event.get("type"):
        case "app_home_opened" if event.get("tab") == "home":
            return HomeOpened(UserId(text(event, "user")))
        case "app_mention" | "message":
            return said(event, bot=bot, team=team) or change(event, bot, team)
        case _:
            return change(event, bot, team)
