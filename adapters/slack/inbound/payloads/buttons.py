"""Pressed buttons and chosen menu options: `block_actions` payloads.

A payload names the buttons of one press; each parser takes the first that is its own, or gives None. https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from adapters.slack.drawing import actions
from adapters.slack.drawing.actions import MenuChoice, Pages, Point, ShownRows, Target, revocation
from adapters.slack.inbound.payloads.actor import Actor, actor, pressed_on
from adapters.slack.inbound.payloads.clicks import click
from adapters.slack.inbound.payloads.fields import Payload, objects, optional_object, optional_text
from engine.approvals.approval import PressedOn
from engine.approvals.events import Click
from engine.asks.ask import Choice
from engine.ids import GrantId, MessageTs, TeamId, UserId

_CHOICES = {action_id: choice for choice, action_id in actions.ACTION_IDS.items()}
_CHOICES |= {actions.SEND_WORDS: Choice.ANSWER, actions.ALLOW: Choice.APPROVE}
_OPTION = actions.ACTION_IDS[Choice.OPTION]


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button of a card; `choice` is None for Show all. `trigger` opens a modal within 3 s.

    `on` is the message that carried it, None in a modal or on Home.
    """

    person: Actor
    target: Target
    choice: Choice | None
    trigger: str
    on: PressedOn | None
    in_view: bool = False
    """It was pressed in a modal, on top of which another one opens."""
    said: MessageTs | None = None
    """The last of the offered words that it sends as the answer."""
    allows: bool = False
    """It also allows calls like this one."""
    unshown: bool = False
    """It stood on a message that shows nothing of the request, because Slack refused to show it."""

    def click(self) -> Click:
        """The click, without words or values. Raises ValueError for Show all."""
        if self.choice is None:
            raise ValueError("Show all decides nothing")
        made = click(self.person, self.target, self.choice)
        return replace(made, on=self.on, said=self.said, allows=self.allows)


@dataclass(frozen=True, slots=True)
class PressedAll:
    """Approve all, and the message that carried it."""

    person: Actor
    shown: ShownRows
    on: PressedOn | None


@dataclass(frozen=True, slots=True)
class PressedMenu:
    """A button or an option of a card's last row. `at_once`: it asked for confirmation, so it needs no form."""

    person: Actor
    choice: MenuChoice
    trigger: str
    on: PressedOn | None
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class TimeTravelOpened:
    """A request to see a conversation's checkpoints, or one of them. `view` is the modal that carried the button."""

    person: Actor
    point: Point
    trigger: str
    view: str = ""


@dataclass(frozen=True, slots=True)
class HomePageTurned:
    """Another page of somebody's Home."""

    user: UserId
    pages: Pages


@dataclass(frozen=True, slots=True)
class RevokePressed:
    """Revoke beside a grant, on a Home that shows `pages`."""

    user: UserId
    grant: GrantId
    pages: Pages


Button: TypeAlias = Pressed | PressedAll | PressedMenu | TimeTravelOpened | HomePageTurned | RevokePressed


def button(payload: Payload, bot: UserId, team: TeamId) -> Button | None:
    """The button or menu option that somebody pressed; None for one that is not the bot's."""
    return (
        pressed_all(payload, bot, team)
        or time_travel(payload, team)
        or home(payload)
        or menu(payload, bot, team)
        or pressed(payload, bot, team)
    )


def pressed(payload: Payload, bot: UserId, team: TeamId) -> Pressed | None:
    """A button of a card."""
    unshown = _is_unshown(payload)
    for action_id, value in _pressed(payload):
        choice = Choice.OPTION if action_id.startswith(f"{_OPTION}_") else _CHOICES.get(action_id)
        if choice is None and action_id != actions.SHOW:
            continue
        said, _, spelled = value.rpartition(" ")
        try:
            target = Target.read(spelled)
        except ValueError:
            continue
        person, trigger = actor(payload, team), optional_text(payload, "trigger_id")
        on, in_view = pressed_on(payload, person, bot), bool(optional_object(payload, "view"))
        words = MessageTs(said) if said else None
        allows = action_id == actions.ALLOW
        return Pressed(person, target, choice, trigger, on, in_view, words, allows=allows, unshown=unshown)
    return None


def _is_unshown(payload: Payload) -> bool:
    pressed = objects(payload, "actions")
    return any(optional_text(each, "block_id").startswith(actions.UNSHOWN) for each in pressed)


def pressed_all(payload: Payload, bot: UserId, team: TeamId) -> PressedAll | None:
    """Approve all."""
    for action_id, value in _pressed(payload):
        if action_id != actions.APPROVE_ALL:
            continue
        try:
            shown = ShownRows.read(value)
        except ValueError:
            continue
        person = actor(payload, team)
        return PressedAll(person, shown, pressed_on(payload, person, bot))
    return None


def menu(payload: Payload, bot: UserId, team: TeamId) -> PressedMenu | None:
    """A button or an option of a card's last row."""
    for action_id, value in _pressed(payload):
        if action_id != actions.MENU and action_id not in actions.MENU_BUTTONS.values():
            continue
        try:
            choice = MenuChoice.read(value)
        except ValueError:
            continue
        person, trigger = actor(payload, team), optional_text(payload, "trigger_id")
        on, at_once = pressed_on(payload, person, bot), action_id != actions.MENU
        return PressedMenu(person, choice, trigger, on, at_once=at_once)
    return None


_TIME_TRAVEL = (actions.TIME_TRAVEL, actions.TIME_TRAVEL_VIEW, actions.MENU)


def time_travel(payload: Payload, team: TeamId) -> TimeTravelOpened | None:
    """History in a card's menu, or a button of a time travel modal."""
    for action_id, value in _pressed(payload):
        if action_id not in _TIME_TRAVEL and not action_id.startswith(actions.TIME_TRAVEL_PAGE):
            continue
        try:
            point = Point.read(value.removeprefix(f"{actions.MENU_TIME_TRAVEL} "))
        except ValueError:
            continue
        view = optional_text(optional_object(payload, "view"), "id")
        return TimeTravelOpened(actor(payload, team), point, optional_text(payload, "trigger_id"), view)
    return None


def home(payload: Payload) -> HomePageTurned | RevokePressed | None:
    """A button of the Home tab, or of a list of grants."""
    user = UserId(optional_text(optional_object(payload, "user"), "id"))
    for action_id, value in _pressed(payload):
        try:
            if action_id.startswith(f"{actions.HOME_PAGE}_"):
                return HomePageTurned(user, Pages.read(value))
            if action_id.startswith(f"{actions.REVOKE}_"):
                pages, grant = revocation(value)
                return RevokePressed(user, grant, pages)
        except ValueError:
            continue
    return None


def _pressed(payload: Payload) -> Iterator[tuple[str, str]]:
    """The action id of each button, and its value or that of the chosen option."""
    for action in objects(payload, "actions"):
        chosen = optional_object(action, "selected_option") or action
        yield optional_text(action, "action_id"), str(chosen.get("value", ""))
