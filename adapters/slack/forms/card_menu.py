"""The modals of a card's last row: hand over, extend the deadline, withdraw; and what was entered in them. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from adapters.slack.drawing import blocks
from adapters.slack.drawing.actions import MENU_FORMS
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.sentences import menu as sentences
from engine.approvals.approval import Approval
from engine.approvals.events import Doing
from engine.ids import UserId

_SPANS = {"1": "1 hour", "4": "4 hours", "24": "1 day"}
"""The extensions that the form offers, by hours."""


FIELD = "value"


def form(approval: Approval, doing: Doing) -> Block:
    """The modal of an option. Raises KeyError for one that needs none."""
    match doing:
        case Doing.HAND_OVER:
            person = {"type": "users_select", "action_id": FIELD}
            body = [_input(sentences.WHO_SHOULD_DECIDE, person), blocks.context(sentences.HANDS_OVER)]
            title = submit = sentences.HAND_OVER
        case Doing.EXTEND:
            spans = [blocks.option(label, hours) for hours, label in _SPANS.items()]
            span = {"type": "radio_buttons", "action_id": FIELD, "options": spans, "initial_option": spans[0]}
            body, title, submit = [_input(sentences.EXTEND_BY, span)], *sentences.EXTEND
        case _:
            body, title, submit = [blocks.section(sentences.WITHDRAWS)], *sentences.WITHDRAW
    return blocks.modal(
        title, body, submit=submit, callback_id=MENU_FORMS[doing], private_metadata=f"{doing} {approval.id}"
    )


def _input(label: str, element: Block) -> Block:
    return {"type": "input", "block_id": FIELD, "label": blocks.plain_text(label, 100), "element": element}


def chosen_person(state: Mapping[str, Any]) -> UserId | None:
    """The chosen person."""
    found = state.get(FIELD, {}).get(FIELD, {}).get("selected_user")
    return UserId(found) if isinstance(found, str) and found else None


def chosen_span(state: Mapping[str, Any]) -> timedelta | None:
    """The chosen extension; None for one that the form does not offer."""
    option = state.get(FIELD, {}).get(FIELD, {}).get("selected_option") or {}
    hours = option.get("value", "")
    return timedelta(hours=int(hours)) if hours in _SPANS else None
