"""Slack's payloads as facts: a pressed button, a submitted form, something said. Pure; None stands for "not for us".

Sources: https://docs.slack.dev/reference/interaction-payloads, https://docs.slack.dev/reference/events/message,
https://docs.slack.dev/messaging/formatting-message-text#retrieving-messages
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from adapters.slack import history
from adapters.slack.cards import ACTION_IDS, SHOW, Target
from adapters.slack.forms import CALLBACKS
from adapters.slack.history import HISTORY, LOOK, PAGE, Point
from adapters.slack.sheets import APPROVE_ALL, Shown
from engine.approval import Place
from engine.ask import Choice, Json
from engine.ids import ChannelId, MessageTs, TeamId, UserId
from engine.ports import Click, Said

Payload: TypeAlias = Mapping[str, Any]

_CHOICES = {action_id: choice for choice, action_id in ACTION_IDS.items()}
_SENT = {callback: choice for choice, callback in CALLBACKS.items()}
_SPOKEN_SUBTYPES = frozenset({None, "file_share", "thread_broadcast", "me_message"})
_BRACKETS = re.compile(r"<([^<>]+)>")


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts, in their own workspace, and where they did: `place` is None in a modal."""

    user: UserId
    team: TeamId
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button of a card; `choice` is None for Show all. `trigger` opens a modal within 3 s."""

    person: Person
    target: Target
    choice: Choice | None
    trigger: str

    def click(self) -> Click:
        """As a click, without words or values. Raises ValueError for Show all."""
        if self.choice is None:
            raise ValueError("Show all decides nothing")
        return _click(self.person, self.target, self.choice)


@dataclass(frozen=True, slots=True)
class PressedAll:
    """Approve all, and what it was pressed on."""

    person: Person
    shown: Shown


@dataclass(frozen=True, slots=True)
class Sent:
    """A submitted form; `values` is the view's state."""

    person: Person
    target: Target
    choice: Choice
    values: Payload

    def click(self, text: str, value: Json) -> Click:
        """With what the form says."""
        return _click(self.person, self.target, self.choice, text, value)


@dataclass(frozen=True, slots=True)
class Commanded:
    """A slash command. `trigger` opens a modal within 3 s."""

    person: Person
    text: str
    trigger: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """Somebody wants to see a conversation's points, or one of them. `view` is the modal in which they pressed."""

    person: Person
    point: Point
    trigger: str
    view: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The conversation that somebody wants to look back in."""

    person: Person
    values: Payload


@dataclass(frozen=True, slots=True)
class Went:
    """Somebody wants to run from a point; `view` is the modal that was sent, `values` its state."""

    person: Person
    point: Point
    view: str
    values: Payload


@dataclass(frozen=True, slots=True)
class HomeOpened:
    """Somebody looks at the app's Home tab."""

    user: UserId


Incoming: TypeAlias = Pressed | PressedAll | Sent | Said | Commanded | HomeOpened | Looked | Chosen | Went


def _click(person: Person, target: Target, choice: Choice, text: str = "", value: Json = None) -> Click:
    return Click(target.approval, target.action, target.revision, person.user, person.team, choice, text, value)


def incoming(payload: Payload, *, bot: UserId, team: TeamId) -> Incoming | None:
    """What a payload says, for the bot's user id and workspace; None for what is not for us."""
    match payload.get("type"):
        case "block_actions":
            return pressed_all(payload, team) or looked(payload, team) or pressed(payload, team)
        case "view_submission":
            return looked_back(payload, team) or sent(payload, team)
        case "event_callback":
            return event(payload.get("event") or {}, bot=bot, team=team)
        case None if "command" in payload:
            place = Place(team, ChannelId(payload.get("channel_id", "")))
            person = Person(UserId(payload["user_id"]), TeamId(payload.get("team_id") or team), place)
            return Commanded(person, str(payload.get("text", "")), str(payload.get("trigger_id", "")))
        case _:
            return None


# Buttons and forms ----------------------------------------------------------------------------------------------------


def pressed(payload: Payload, team: TeamId) -> Pressed | None:
    """The first of our buttons in a `block_actions` payload."""
    for action in payload.get("actions", ()):
        action_id = action.get("action_id")
        if action_id not in _CHOICES and action_id != SHOW:
            continue
        try:
            target = Target.read(str(action.get("value", "")))
        except ValueError:
            continue
        return Pressed(_person(payload, team), target, _CHOICES.get(action_id), payload.get("trigger_id", ""))
    return None


def looked(payload: Payload, team: TeamId) -> Looked | None:
    """The menu of a card, or a button of the history, in a `block_actions` payload."""
    for action in payload.get("actions", ()):
        name = str(action.get("action_id", ""))
        if name not in (HISTORY, LOOK) and not name.startswith(PAGE):
            continue
        spelled = (action.get("selected_option") or action).get("value", "")
        try:
            point = Point.read(str(spelled))
        except ValueError:
            continue
        view = str((payload.get("view") or {}).get("id", ""))
        return Looked(_person(payload, team), point, payload.get("trigger_id", ""), view)
    return None


def looked_back(payload: Payload, team: TeamId) -> Chosen | Went | None:
    """A modal of the history in a `view_submission` payload."""
    view = payload.get("view") or {}
    values = (view.get("state") or {}).get("values") or {}
    match view.get("callback_id"):
        case history.HISTORY:
            return Chosen(_person(payload, team), values)
        case history.TRAVEL:
            try:
                point = Point.read(str(view.get("private_metadata", "")))
            except ValueError:
                return None
            return Went(_person(payload, team), point, str(view.get("id", "")), values)
    return None


def pressed_all(payload: Payload, team: TeamId) -> PressedAll | None:
    """Approve all in a `block_actions` payload."""
    for action in payload.get("actions", ()):
        if action.get("action_id") == APPROVE_ALL:
            try:
                return PressedAll(_person(payload, team), Shown.read(str(action.get("value", ""))))
            except ValueError:
                continue
    return None


def sent(payload: Payload, team: TeamId) -> Sent | None:
    """One of our forms in a `view_submission` payload."""
    view = payload.get("view") or {}
    choice = _SENT.get(view.get("callback_id", ""))
    if choice is None:
        return None
    try:
        target = Target.read(str(view.get("private_metadata", "")))
    except ValueError:
        return None
    return Sent(_person(payload, team), target, choice, (view.get("state") or {}).get("values") or {})


def _person(payload: Payload, team: TeamId) -> Person:
    user, container = payload["user"], payload.get("container") or {}
    channel = container.get("channel_id") or (payload.get("channel") or {}).get("id")
    thread_ts = container.get("thread_ts") or (payload.get("message") or {}).get("thread_ts")
    place = Place(team, ChannelId(channel), MessageTs(thread_ts) if thread_ts else None) if channel else None
    return Person(UserId(user["id"]), TeamId(user.get("team_id") or team), place)


# Events ---------------------------------------------------------------------------------------------------------------


def event(what: Payload, *, bot: UserId, team: TeamId) -> Said | HomeOpened | None:
    """An event of the Events API."""
    match what.get("type"):
        case "app_home_opened" if what.get("tab") == "home":
            return HomeOpened(UserId(what["user"]))
        case "app_mention" | "message":
            return said(what, bot=bot, team=team)
        case _:
            return None


def said(message: Payload, *, bot: UserId, team: TeamId) -> Said | None:
    """A person's message: not a bot's, not an edit, and in a channel only a mention or what stands in a thread."""
    user = message.get("user")
    if message.get("subtype") not in _SPOKEN_SUBTYPES or message.get("bot_id") or not user or user == bot:
        return None
    raw, ts, thread_ts = str(message.get("text") or ""), message["ts"], message.get("thread_ts")
    direct = message.get("channel_type") == "im" or str(message["channel"]).startswith("D")
    mentioned = message.get("type") == "app_mention" or re.search(rf"<@{bot}(\|[^>]*)?>", raw) is not None
    if not (direct or mentioned or thread_ts):
        return None
    return Said(
        place=Place(team, ChannelId(message["channel"]), _thread(thread_ts, ts, direct=direct)),
        user=UserId(user),
        team=TeamId(message.get("user_team") or message.get("team") or team),
        text=as_written(raw, bot),
        ts=MessageTs(ts),
        mentioned=mentioned,
        direct=direct,
    )


def _thread(thread_ts: str | None, ts: str, *, direct: bool) -> MessageTs | None:
    """In a channel a message at the root starts a thread of its own; in a direct message it does not."""
    if thread_ts:
        return MessageTs(thread_ts)
    return None if direct else MessageTs(ts)


def as_written(raw: str, bot: UserId) -> str:
    """The text as the person wrote it: without mentions of the bot, links as addresses, entities as characters.

    Mentions of people stay as Slack spells them (`<@U1>`).
    """
    without = re.sub(rf"[ \t]{{0,8}}<@{bot}(\|[^>]{{0,128}})?>[ \t]{{0,8}}", " ", raw)
    text = _BRACKETS.sub(_spelled, without)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()


def _spelled(found: re.Match[str]) -> str:
    target, _, label = found.group(1).partition("|")
    match target[:1]:
        case "@":
            return f"<{target}>"
        case "#":
            return f"#{label}" if label else f"<{target}>"
        case "!":
            return label or f"@{target[1:].split('^')[0]}"
        case _:
            return _link(target, label)


def _link(address: str, label: str) -> str:
    """Slack makes links of bare addresses, and of names such as example.com: these become what was typed."""
    if not label:
        return address
    return label if address.removeprefix("mailto:").endswith(label) else f"{label} ({address})"
