"""The last row of a card: its buttons, the options of its menu, and their modals."""

from engine.approvals.approval import Approval
from engine.approvals.events import Doing

NUDGE = "Nudge"
WITHDRAW_BUTTON = "Withdraw"
LABELS = {
    Doing.LOOK: "I'm looking",
    Doing.HAND_OVER: "Hand over…",
    Doing.EXTEND: "Extend deadline…",
    Doing.WITHDRAW: "Withdraw…",
}
STOP_ALLOWING = "Stop allowing this"
HISTORY = "History"
"""Opens time travel; the modals have the same title, and `/signoff history` is the command."""

WITHDRAW = ("Withdraw request?", "Withdraw")
WITHDRAW_CONFIRM = ("Withdraw this request?", "Withdraw")
WITHDRAWS = "The run stops, and nobody can decide this request any more."
HAND_OVER = "Hand over"
WHO_SHOULD_DECIDE = "Who should decide it?"
HANDS_OVER = "They get a mention, and the card names them. Everyone who can decide still can."
EXTEND = ("Extend deadline", "Extend")
EXTEND_BY = "Extend the deadline by"
NOT_THEM = "This person can't decide this request. Choose one of its approvers."
CHOOSE = "Please choose one."


def who_label(approval: Approval) -> str:
    """The option that shows who can decide, and the title of its modal."""
    return "Who can answer?" if approval.ask.is_question else "Who can approve?"
