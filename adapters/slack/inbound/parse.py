"""Slack's payloads as facts: a pressed button, a submitted form, something said. Pure; None stands for "not for us".

A payload whose fields are missing or of another type raises `MalformedError`; nothing below checks it again.

Sources: https://docs.slack.dev/reference/interaction-payloads, https://docs.slack.dev/reference/events/message,
https://docs.slack.dev/messaging/formatting-message-text#retrieving-messages
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from adapters.slack.cards import more
from adapters.slack.cards.card import ACTION_IDS, ALLOW, SEND_WORDS, SHOW, Target
from adapters.slack.cards.home import REVOKE, TURN, Pages, revocation
from adapters.slack.cards.more import Wish
from adapters.slack.cards.sheet import APPROVE_ALL, Shown
from adapters.slack.forms import time_travel
from adapters.slack.forms.modals import CALLBACKS
from adapters.slack.forms.time_travel import HISTORY, LOOK, PAGE, Point
from adapters.slack.inbound.changes import Change, change
from engine.approvals.approval import Place, PressedOn
from engine.approvals.events import Click, Doing
from engine.asks.ask import Choice, Json
from engine.ids import ChannelId, GrantId, MessageTs, TeamId, UserId
from engine.ports import IncomingMessage

Payload: TypeAlias = Mapping[str, Any]

_CHOICES = {action_id: choice for choice, action_id in ACTION_IDS.items()}
_CHOICES |= {SEND_WORDS: Choice.ANSWER, ALLOW: Choice.APPROVE}
_OPTION = ACTION_IDS[Choice.OPTION]
"""The menu of a node's further choices; their buttons are numbered."""
_SENT = {callback: choice for choice, callback in CALLBACKS.items()}
_SPOKEN_SUBTYPES = frozenset({"", "file_share", "thread_broadcast", "me_message"})
_TS = re.compile(r"\d{1,12}\.\d{1,9}")
_BRACKETS = re.compile(r"<([^<>]+)>")


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts, and where they did: `place` is None in a modal."""

    user: UserId
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button of a card; `choice` is None for Show all. `trigger` opens a modal within 3 s.

    `on` is the message that it stood on, None for a button of a modal or of the Home tab.
    """

    person: Person
    target: Target
    choice: Choice | None
    trigger: str
    on: PressedOn | None
    in_view: bool = False
    """It was pressed in a modal, above which another one opens."""
    said: MessageTs | None = None
    """The last of the offered words that it sends as the answer."""
    allows: bool = False
    """It allows calls like it, too."""

    def click(self) -> Click:
        """As a click, without words or values. Raises ValueError for Show all."""
        if self.choice is None:
            raise ValueError("Show all decides nothing")
        click = _click(self.person, self.target, self.choice)
        return replace(click, on=self.on, said=self.said, allows=self.allows)


@dataclass(frozen=True, slots=True)
class PressedAll:
    """Approve all, and what it was pressed on."""

    person: Person
    shown: Shown
    on: PressedOn | None


@dataclass(frozen=True, slots=True)
class Sent:
    """A submitted form; `values` is the view's state, `layout` what tells which form it was."""

    person: Person
    target: Target
    choice: Choice
    values: Payload
    layout: str = ""

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
    """Somebody wants to run from a point; `view` is the modal that was sent, `values` its state, `layout` its form."""

    person: Person
    point: Point
    view: str
    values: Payload
    layout: str = ""


@dataclass(frozen=True, slots=True)
class HomeOpened:
    """Somebody looks at the app's Home tab."""

    user: UserId


@dataclass(frozen=True, slots=True)
class HomeTurned:
    """Somebody turned a page of their Home."""

    user: UserId
    pages: Pages


@dataclass(frozen=True, slots=True)
class Revoked:
    """Somebody takes back a grant, on a Home that stands at `pages`."""

    user: UserId
    grant: GrantId
    pages: Pages


@dataclass(frozen=True, slots=True)
class Wanted:
    """A button or an option of a card's last row. `at_once`: it needs no form, as it asked whether it is meant."""

    person: Person
    wish: Wish
    trigger: str
    on: PressedOn | None
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Filled:
    """The form of what somebody does with a card besides deciding it; `values` is the view's state."""

    person: Person
    wish: Wish
    doing: Doing
    values: Payload


class MalformedError(ValueError):
    """A payload lacks `field`, or holds something else there."""

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} is missing or of another type")
        self.field = field


Incoming: TypeAlias = (
    Pressed
    | PressedAll
    | Sent
    | IncomingMessage
    | Commanded
    | HomeOpened
    | HomeTurned
    | Revoked
    | Looked
    | Chosen
    | Went
    | Wanted
    | Filled
    | Change
)


def _click(person: Person, target: Target, choice: Choice, text: str = "", value: Json = None) -> Click:
    return Click(
        target.approval, target.action, target.revision, person.user, choice, text, value, option=target.option
    )


def incoming(payload: Payload, *, bot: UserId, team: TeamId) -> Incoming | None:
    """What a payload says, for the bot's user id and workspace; None for what is not for us. Raises MalformedError."""
    match payload.get("type"):
        case "block_actions":
            found = pressed_all(payload, bot, team) or looked(payload, team) or at_home(payload)
            return found or wanted(payload, bot, team) or pressed(payload, bot, team)
        case "view_submission":
            return looked_back(payload, team) or filled(payload, team) or sent(payload, team)
        case "event_callback":
            return event(_part(payload, "event"), bot=bot, team=team)
        case None if "command" in payload:
            place = Place(team, ChannelId(_optional(payload, "channel_id")))
            person = Person(UserId(_word(payload, "user_id")), place)
            return Commanded(person, _optional(payload, "text"), _optional(payload, "trigger_id"))
        case _:
            return None


# Buttons and forms ----------------------------------------------------------------------------------------------------


def pressed(payload: Payload, bot: UserId, team: TeamId) -> Pressed | None:
    """The first of our buttons in a `block_actions` payload."""
    for action in _parts(payload, "actions"):
        action_id = _optional(action, "action_id")
        choice = Choice.OPTION if action_id.startswith(f"{_OPTION}_") else _CHOICES.get(action_id)
        if choice is None and action_id != SHOW:
            continue
        value = (_part(action, "selected_option") or action).get("value", "")
        said, _, spelled = str(value).rpartition(" ")
        try:
            target = Target.read(spelled)
        except ValueError:
            continue
        person, trigger = _person(payload, team), _optional(payload, "trigger_id")
        on, in_view = _pressed_on(payload, person, bot), bool(_part(payload, "view"))
        words = MessageTs(said) if said else None
        return Pressed(person, target, choice, trigger, on, in_view, words, allows=action_id == ALLOW)
    return None


def looked(payload: Payload, team: TeamId) -> Looked | None:
    """The menu of a card, or a button of the history, in a `block_actions` payload."""
    for action in _parts(payload, "actions"):
        name = _optional(action, "action_id")
        if name not in (HISTORY, LOOK, more.MORE) and not name.startswith(PAGE):
            continue
        spelled = str((_part(action, "selected_option") or action).get("value", ""))
        try:
            point = Point.read(spelled.removeprefix(f"{more.HISTORY} "))
        except ValueError:
            continue
        view = _optional(_part(payload, "view"), "id")
        return Looked(_person(payload, team), point, _optional(payload, "trigger_id"), view)
    return None


def at_home(payload: Payload) -> HomeTurned | Revoked | None:
    """A button of the Home tab, or of a list of grants, in a `block_actions` payload."""
    user = UserId(_optional(_part(payload, "user"), "id"))
    for action in _parts(payload, "actions"):
        name, value = _optional(action, "action_id"), str(action.get("value", ""))
        try:
            if name.startswith(f"{TURN}_"):
                return HomeTurned(user, Pages.read(value))
            if name.startswith(f"{REVOKE}_"):
                pages, grant = revocation(value)
                return Revoked(user, grant, pages)
        except ValueError:
            continue
    return None


def looked_back(payload: Payload, team: TeamId) -> Chosen | Went | None:
    """A modal of the history in a `view_submission` payload."""
    view = _part(payload, "view")
    match view.get("callback_id"):
        case time_travel.HISTORY:
            return Chosen(_person(payload, team), _values(view))
        case time_travel.TRAVEL:
            page, checkpoint, thread, *layout = [*str(view.get("private_metadata", "")).split(" "), "", "", ""]
            try:
                point = Point.read(f"{page} {checkpoint} {thread}")
            except ValueError:
                return None
            return Went(_person(payload, team), point, _optional(view, "id"), _values(view), layout[0])
    return None


def wanted(payload: Payload, bot: UserId, team: TeamId) -> Wanted | None:
    """The last row of a card in a `block_actions` payload."""
    for action in _parts(payload, "actions"):
        name = _optional(action, "action_id")
        if name != more.MORE and name not in more.BUTTONS.values():
            continue
        try:
            wish = Wish.read(str((_part(action, "selected_option") or action).get("value", "")))
        except ValueError:
            continue
        person, trigger = _person(payload, team), _optional(payload, "trigger_id")
        return Wanted(person, wish, trigger, _pressed_on(payload, person, bot), at_once=name != more.MORE)
    return None


def filled(payload: Payload, team: TeamId) -> Filled | None:
    """A form of `adapters.slack.cards.more` in a `view_submission` payload."""
    view = _part(payload, "view")
    if _optional(view, "callback_id") not in more.FORMS.values():
        return None
    try:
        wish = Wish.read(_optional(view, "private_metadata"))
    except ValueError:
        return None
    return None if wish.doing is None else Filled(_person(payload, team), wish, wish.doing, _values(view))


def pressed_all(payload: Payload, bot: UserId, team: TeamId) -> PressedAll | None:
    """Approve all in a `block_actions` payload."""
    for action in _parts(payload, "actions"):
        if action.get("action_id") == APPROVE_ALL:
            try:
                shown = Shown.read(str(action.get("value", "")))
            except ValueError:
                continue
            person = _person(payload, team)
            return PressedAll(person, shown, _pressed_on(payload, person, bot))
    return None


def sent(payload: Payload, team: TeamId) -> Sent | None:
    """One of our forms in a `view_submission` payload."""
    view = _part(payload, "view")
    choice = _SENT.get(_optional(view, "callback_id"))
    if choice is None:
        return None
    spelled, _, layout = str(view.get("private_metadata", "")).partition(" ")
    try:
        target = Target.read(spelled)
    except ValueError:
        return None
    return Sent(_person(payload, team), target, choice, _values(view), layout)


def _person(payload: Payload, team: TeamId) -> Person:
    user, container, message = (_part(payload, key) for key in ("user", "container", "message"))
    channel = _optional(container, "channel_id") or _optional(_part(payload, "channel"), "id")
    thread_ts = _optional(container, "thread_ts") or _optional(message, "thread_ts")
    place = Place(team, ChannelId(channel), MessageTs(thread_ts) if thread_ts else None) if channel else None
    return Person(UserId(_word(user, "id")), place)


def _pressed_on(payload: Payload, person: Person, bot: UserId) -> PressedOn | None:
    """The message that a button stood on; None for a view or an ephemeral message: one person's, which none can copy.

    A message that somebody shared, or that shows another one's buttons, is not the bot's own: its container is an
    attachment, or somebody else wrote it. https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
    """
    container, message = _part(payload, "container"), _part(payload, "message")
    ts = _optional(container, "message_ts") or _optional(message, "ts")
    if person.place is None or not ts or container.get("is_ephemeral") is True:
        return None
    if not _TS.fullmatch(ts):
        raise MalformedError("container.message_ts")
    attached, app = _optional(container, "type") not in ("", "message"), _optional(message, "app_id")
    ours = message.get("user") == bot or (app != "" and app == payload.get("api_app_id"))
    return PressedOn(person.place, MessageTs(ts), own=ours and not attached)


def _values(view: Payload) -> Payload:
    """The state of a view: what was entered, by block and action id.

    https://docs.slack.dev/reference/views/modal-views - state.values
    """
    values = _part(_part(view, "state"), "values")
    for block_id in values:
        block = _part(values, block_id)
        for action_id in block:
            _check_entered(_part(block, action_id))
    return values


def _check_entered(element: Payload) -> None:
    """Raise MalformedError for what no input of ours sends."""
    for key in ("type", "value", "selected_date", "selected_user"):
        _optional(element, key)
    for option in (_part(element, "selected_option"), *_parts(element, "selected_options")):
        if option:
            _word(option, "value")


# Events ---------------------------------------------------------------------------------------------------------------


def event(what: Payload, *, bot: UserId, team: TeamId) -> IncomingMessage | HomeOpened | Change | None:
    """An event of the Events API."""
    match what.get("type"):
        case "app_home_opened" if what.get("tab") == "home":
            return HomeOpened(UserId(_word(what, "user")))
        case "app_mention" | "message":
            return said(what, bot=bot, team=team) or change(what, bot, team)
        case _:
            return change(what, bot, team)


def said(message: Payload, *, bot: UserId, team: TeamId) -> IncomingMessage | None:
    """A person's message: not a bot's, not an edit, and in a channel only a mention or what stands in a thread."""
    user = _optional(message, "user")
    if _optional(message, "subtype") not in _SPOKEN_SUBTYPES or message.get("bot_id") or user in ("", bot):
        return None
    raw, ts, thread_ts = _optional(message, "text"), _word(message, "ts"), _optional(message, "thread_ts")
    channel = _word(message, "channel")
    direct = message.get("channel_type") == "im" or channel.startswith("D")
    mentioned = message.get("type") == "app_mention" or re.search(rf"<@{bot}(\|[^>]*)?>", raw) is not None
    if not (direct or mentioned or thread_ts):
        return None
    return IncomingMessage(
        place=Place(team, ChannelId(channel), _thread(thread_ts, ts, direct=direct)),
        user=UserId(user),
        team=TeamId(_optional(message, "user_team") or _optional(message, "team") or team),
        text=as_written(raw, bot),
        ts=MessageTs(ts),
        mentioned=mentioned,
        direct=direct,
    )


def _thread(thread_ts: str, ts: str, *, direct: bool) -> MessageTs | None:
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


# Fields ---------------------------------------------------------------------------------------------------------------


def _part(payload: Payload, key: str) -> Payload:
    """The object under a key; an empty one where there is none."""
    found = payload.get(key)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise MalformedError(key)
    return found


def _parts(payload: Payload, key: str) -> Sequence[Payload]:
    """The objects in a list under a key; none where there is none."""
    found = payload.get(key)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise MalformedError(key)
    return found


def _optional(payload: Payload, key: str) -> str:
    """The text under a key; "" where there is none."""
    found = payload.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise MalformedError(key)
    return found


def _word(payload: Payload, key: str) -> str:
    """The text under a key that has to have one."""
    found = _optional(payload, key)
    if not found:
        raise MalformedError(key)
    return found
