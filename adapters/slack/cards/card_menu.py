"""The last row of a card: what people do with a request besides deciding it. Pure.

Everybody sees the same row, so it offers what anybody may do; the desk refuses those who may not. A menu holds five
options, so what the requester does has buttons beside it. A row of a sheet has room for the menu only: it has Withdraw,
and no Nudge.

https://docs.slack.dev/reference/block-kit/block-elements/overflow-menu-element
"""

from collections.abc import Sequence

from adapters.blockkit import limits
from adapters.slack.drawing import blocks
from adapters.slack.drawing.actions import MENU, MENU_BUTTONS, MENU_TIME_TRAVEL, STOP_ALLOWING, WHO_CAN_DECIDE, Point
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.sentences import menu
from engine.approvals.approval import Approval, State
from engine.approvals.events import Doing


def row(approval: Approval, *, approvers_own: bool = False) -> Block:
    """The last row of a card; in an approver's direct messages without the requester's buttons."""
    history = blocks.option(menu.HISTORY, f"{MENU_TIME_TRAVEL} {Point(approval.thread)}")
    buttons = [] if approvers_own else _buttons(approval)
    return blocks.actions("menu", [*buttons, _menu([*_options(approval), history])])


def on_sheet(approval: Approval) -> list[Block]:
    """The menu of a row on a sheet."""
    options = _options(approval)
    if _is_withdrawable(approval):
        options.append(blocks.option(menu.LABELS[Doing.WITHDRAW], f"{Doing.WITHDRAW} {approval.id}"))
    return [_menu(options)] if options else []


def _buttons(approval: Approval) -> list[Block]:
    """The buttons of the requester."""
    made = []
    if others_decide(approval):
        made.append(blocks.button(menu.NUDGE, MENU_BUTTONS[Doing.NUDGE], f"{Doing.NUDGE} {approval.id}"))
    if _is_withdrawable(approval):
        button = blocks.button(menu.WITHDRAW_BUTTON, MENU_BUTTONS[Doing.WITHDRAW], f"{Doing.WITHDRAW} {approval.id}")
        made.append(
            button | {"confirm": blocks.confirm(menu.WITHDRAW_CONFIRM[0], menu.WITHDRAWS, menu.WITHDRAW_CONFIRM[1])}
        )
    return made


def _options(approval: Approval) -> list[Block]:
    """The options of those who can decide, and of everybody."""
    if approval.state is not State.PENDING:
        allowed = any(review.grant and review.revoked_by is None for review in approval.reviews)
        return [blocks.option(menu.STOP_ALLOWING, f"{STOP_ALLOWING} {approval.id}")] if allowed else []
    made = (
        [blocks.option(menu.who_label(approval), f"{WHO_CAN_DECIDE} {approval.id}")] if others_decide(approval) else []
    )
    wanted = [Doing.LOOK, Doing.HAND_OVER] if others_decide(approval) else []
    wanted += [Doing.EXTEND] if approval.expires_at is not None else []
    return [*made, *(blocks.option(menu.LABELS[each], f"{each} {approval.id}") for each in wanted)]


def others_decide(approval: Approval) -> bool:
    """True if somebody other than the requester can decide it."""
    open_ones = [review for review in approval.reviews if review.decision is None]
    if approval.state is not State.PENDING or not approval.ask.is_withdrawable:
        return False
    return any(not review.governing.is_requesters for review in open_ones)


def _is_withdrawable(approval: Approval) -> bool:
    """True if withdrawing makes sense: a question to its own requester is simply answered."""
    if approval.state is not State.PENDING or not approval.ask.is_withdrawable:
        return False
    return not approval.ask.is_question or others_decide(approval)


def _menu(options: Sequence[Block]) -> Block:
    return {"type": "overflow", "action_id": MENU, "options": list(options[: limits.OVERFLOW_OPTIONS])}


# Forms ----------------------------------------------------------------------------------------------------------------
