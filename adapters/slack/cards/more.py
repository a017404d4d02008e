"""What people do with a card besides deciding it: its last row, the forms, and what a submitted one says. Pure.

Everybody sees the same row, so it offers what somebody may do: a person who may not is refused when they try. A menu
holds five options, so what its requester does has buttons beside it; on a sheet, where a row has room for the menu
alone, the menu has Withdraw and the other button is left out.

https://docs.slack.dev/reference/block-kit/block-elements/overflow-menu-element
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from adapters.blockkit import limits
from adapters.slack.drawing import blocks
from adapters.slack.drawing.blocks import Block
from adapters.slack.forms.time_travel import Point
from engine.approvals.approval import Approval, State
from engine.approvals.events import Doing
from engine.ids import ApprovalId, UserId

MORE = "signoff_more"
BUTTONS = {Doing.NUDGE: "signoff_nudge", Doing.WITHDRAW: "signoff_withdraw"}
FORMS = {
    Doing.HAND_OVER: "signoff_hand_over",
    Doing.EXTEND: "signoff_extend",
    Doing.WITHDRAW: "signoff_withdraw",
}
"""The callbacks of the forms."""
WHO = "who"
DISALLOW = "disallow"
HISTORY = "history"
_LABELS = {
    Doing.LOOK: "I'm looking",
    Doing.HAND_OVER: "Hand over…",
    Doing.EXTEND: "Extend deadline…",
    Doing.WITHDRAW: "Withdraw…",
}
_SPANS = {"1": "1 hour", "4": "4 hours", "24": "1 day"}
"""How long a deadline can be put off, by hours."""
FIELD = "value"
NOT_THEM = "This person may not decide this request. Choose one of its approvers."
CHOOSE = "Please choose one."
WITHDRAWS = "The run stops, and nobody can decide this request any more."


@dataclass(frozen=True, slots=True)
class Wish:
    """What a button or an option says. `doing` is None for what has a flag of its own, and for who can approve."""

    approval: ApprovalId
    doing: Doing | None
    disallows: bool = False

    @classmethod
    def read(cls, spelled: str) -> "Wish":
        """Raises ValueError for what is none."""
        word, _, approval = spelled.partition(" ")
        if "#" not in approval:
            raise ValueError(spelled)
        return cls(ApprovalId(approval), None if word in (WHO, DISALLOW) else Doing(word), word == DISALLOW)


def row(approval: Approval, *, approvers_own: bool = False) -> Block:
    """The last row of a card; of one in an approver's own direct messages, without what only the requester does."""
    history = _option("History", f"{HISTORY} {Point(approval.thread)}")
    buttons = [] if approvers_own else _buttons(approval)
    return blocks.actions("menu", [*buttons, _menu([*_options(approval), history])])


def on_sheet(approval: Approval) -> list[Block]:
    """The menu of a row on a sheet."""
    options = _options(approval)
    if _is_withdrawable(approval):
        options.append(_option(_LABELS[Doing.WITHDRAW], f"{Doing.WITHDRAW} {approval.id}"))
    return [_menu(options)] if options else []


def _buttons(approval: Approval) -> list[Block]:
    """What the requester does."""
    made = []
    if others_decide(approval):
        made.append(blocks.button("Nudge", BUTTONS[Doing.NUDGE], f"{Doing.NUDGE} {approval.id}"))
    if _is_withdrawable(approval):
        button = blocks.button("Withdraw", BUTTONS[Doing.WITHDRAW], f"{Doing.WITHDRAW} {approval.id}")
        made.append(button | {"confirm": confirm("Withdraw this request?", WITHDRAWS, "Withdraw")})
    return made


def _options(approval: Approval) -> list[Block]:
    """What those who can decide do, and what everybody may know."""
    if approval.state is not State.PENDING:
        allowed = any(review.grant and review.revoked_by is None for review in approval.reviews)
        return [_option("Stop allowing this", f"{DISALLOW} {approval.id}")] if allowed else []
    who = "Who can answer?" if approval.ask.is_question else "Who can approve?"
    made = [_option(who, f"{WHO} {approval.id}")] if others_decide(approval) else []
    wanted = [Doing.LOOK, Doing.HAND_OVER] if others_decide(approval) else []
    wanted += [Doing.EXTEND] if approval.expires_at is not None else []
    return [*made, *(_option(_LABELS[each], f"{each} {approval.id}") for each in wanted)]


def others_decide(approval: Approval) -> bool:
    """Whether somebody besides the requester decides it."""
    open_ones = [review for review in approval.reviews if review.decision is None]
    if approval.state is not State.PENDING or not approval.ask.is_withdrawable:
        return False
    return any(not review.governing.is_requesters for review in open_ones)


def _is_withdrawable(approval: Approval) -> bool:
    """A question to its requester is answered; it is in nobody's way."""
    if approval.state is not State.PENDING or not approval.ask.is_withdrawable:
        return False
    return not approval.ask.is_question or others_decide(approval)


def _menu(options: Sequence[Block]) -> Block:
    return {"type": "overflow", "action_id": MORE, "options": list(options[: limits.OVERFLOW_OPTIONS])}


def _option(label: str, value: str) -> Block:
    return {"text": blocks.plain_text(label, limits.OPTION_TEXT), "value": value}


def confirm(title: str, text: str, button: str) -> Block:
    """The dialog in which somebody is asked whether they mean it."""
    return {
        "title": blocks.plain_text(title, limits.CONFIRM_TITLE),
        "text": blocks.plain_text(text, limits.CONFIRM_TEXT),
        "confirm": blocks.plain_text(button, limits.CONFIRM_CONFIRM),
        "deny": blocks.plain_text("Cancel", limits.CONFIRM_DENY),
    }


# Forms ----------------------------------------------------------------------------------------------------------------


def form(approval: Approval, doing: Doing) -> Block:
    """The modal of what needs one. Raises KeyError for what needs none."""
    match doing:
        case Doing.HAND_OVER:
            told = "They are called, and the card names them. Everybody who can decide still can."
            person = {"type": "users_select", "action_id": FIELD}
            body = [_input("Who should decide it?", person), blocks.context(told)]
            title = submit = "Hand over"
        case Doing.EXTEND:
            spans = [_option(label, hours) for hours, label in _SPANS.items()]
            span = {"type": "radio_buttons", "action_id": FIELD, "options": spans, "initial_option": spans[0]}
            body, title, submit = [_input("Put off the deadline by", span)], "Extend deadline", "Extend"
        case _:
            body, title, submit = [blocks.section(WITHDRAWS)], "Withdraw request?", "Withdraw"
    return blocks.modal(title, body, submit=submit, callback_id=FORMS[doing], private_metadata=f"{doing} {approval.id}")


def _input(label: str, element: Block) -> Block:
    return {"type": "input", "block_id": FIELD, "label": blocks.plain_text(label, 100), "element": element}


def chosen_person(state: Mapping[str, Any]) -> UserId | None:
    """The person who was chosen."""
    found = state.get(FIELD, {}).get(FIELD, {}).get("selected_user")
    return UserId(found) if isinstance(found, str) and found else None


def chosen_span(state: Mapping[str, Any]) -> timedelta | None:
    """How long the deadline is put off; None for what the form does not offer."""
    option = state.get(FIELD, {}).get(FIELD, {}).get("selected_option") or {}
    hours = option.get("value", "")
    return timedelta(hours=int(hours)) if hours in _SPANS else None
