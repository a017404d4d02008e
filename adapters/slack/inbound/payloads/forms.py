"""Submitted modals: `view_submission` payloads. None for one that is not the bot's.

https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload
"""

from dataclasses import dataclass
from typing import TypeAlias

from adapters.slack.drawing import actions
from adapters.slack.drawing.actions import MenuChoice, Point, Target
from adapters.slack.inbound.payloads.actor import Actor, actor
from adapters.slack.inbound.payloads.clicks import click
from adapters.slack.inbound.payloads.fields import Payload, objects, optional_object, optional_text, text
from engine.approvals.events import Click, Doing
from engine.asks.ask import Choice, Json
from engine.ids import TeamId

_CHOICES = {callback: choice for choice, callback in actions.CALLBACKS.items()}


@dataclass(frozen=True, slots=True)
class DecisionSent:
    """The modal of a choice; `values` is the view's state, `layout` the digest of its fields."""

    person: Actor
    target: Target
    choice: Choice
    values: Payload
    layout: str = ""

    def click(self, words: str, value: Json) -> Click:
        """The click, with what the form says."""
        return click(self.person, self.target, self.choice, words, value)


@dataclass(frozen=True, slots=True)
class MenuFormSent:
    """The modal of an option of a card's menu; `values` is the view's state."""

    person: Actor
    choice: MenuChoice
    doing: Doing
    values: Payload


@dataclass(frozen=True, slots=True)
class ConversationChosen:
    """The modal of time travel that asks which conversation."""

    person: Actor
    values: Payload


@dataclass(frozen=True, slots=True)
class RunFromSent:
    """The modal that runs from a checkpoint: its id, its state, and the digest of its fields."""

    person: Actor
    point: Point
    view: str
    values: Payload
    layout: str = ""


Form: TypeAlias = DecisionSent | MenuFormSent | ConversationChosen | RunFromSent


def form(payload: Payload, team: TeamId) -> Form | None:
    """The modal that somebody sent."""
    return time_travel(payload, team) or menu(payload, team) or decision(payload, team)


def decision(payload: Payload, team: TeamId) -> DecisionSent | None:
    """The modal of a choice."""
    view = optional_object(payload, "view")
    choice = _CHOICES.get(optional_text(view, "callback_id"))
    if choice is None:
        return None
    spelled, _, layout = str(view.get("private_metadata", "")).partition(" ")
    try:
        target = Target.read(spelled)
    except ValueError:
        return None
    return DecisionSent(actor(payload, team), target, choice, _values(view), layout)


def menu(payload: Payload, team: TeamId) -> MenuFormSent | None:
    """The modal of an option of a card's menu."""
    view = optional_object(payload, "view")
    if optional_text(view, "callback_id") not in actions.MENU_FORMS.values():
        return None
    try:
        choice = MenuChoice.read(optional_text(view, "private_metadata"))
    except ValueError:
        return None
    return None if choice.doing is None else MenuFormSent(actor(payload, team), choice, choice.doing, _values(view))


def time_travel(payload: Payload, team: TeamId) -> ConversationChosen | RunFromSent | None:
    """A modal of time travel."""
    view = optional_object(payload, "view")
    match view.get("callback_id"):
        case actions.TIME_TRAVEL:
            return ConversationChosen(actor(payload, team), _values(view))
        case actions.TIME_TRAVEL_RUN:
            page, checkpoint, thread, *layout = [*str(view.get("private_metadata", "")).split(" "), "", "", ""]
            try:
                point = Point.read(f"{page} {checkpoint} {thread}")
            except ValueError:
                return None
            return RunFromSent(actor(payload, team), point, optional_text(view, "id"), _values(view), layout[0])
    return None


def _values(view: Payload) -> Payload:
    """The state of a view: the entries by block and action id.

    https://docs.slack.dev/reference/views/modal-views - state.values
    """
    values = optional_object(optional_object(view, "state"), "values")
    for block_id in values:
        block = optional_object(values, block_id)
        for action_id in block:
            _check_entry(optional_object(block, action_id))
    return values


def _check_entry(element: Payload) -> None:
    """Raise MalformedError for an entry that no input of the bot's sends."""
    for key in ("type", "value", "selected_date", "selected_user"):
        optional_text(element, key)
    for option in (optional_object(element, "selected_option"), *objects(element, "selected_options")):
        if option:
            text(option, "value")
