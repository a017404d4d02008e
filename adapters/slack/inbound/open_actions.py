"""Checks whether an action of an approval still takes a choice, before a form opens or is read.

The engine decides; these checks only save somebody from filling in a form that would be refused.
"""

from adapters.slack.drawing.actions import Target
from adapters.slack.inbound.payloads.buttons import Pressed
from engine.approvals.approval import Approval, State
from engine.asks.ask import Choice
from engine.authority.eligibility import may_open
from engine.machine import is_on_card


def may_open_form(approval: Approval, pressed: Pressed, choice: Choice) -> bool:
    """True if a form is worth opening: neither the card, the action nor the person would be refused."""
    if not is_on_card(approval, pressed.on) or not is_open(approval, pressed.target, choice):
        return False
    policy = approval.reviews[pressed.target.action].governing
    return may_open(policy, approval.requester, pressed.person.user, approval.ask.subject) is None


def is_open(approval: Approval, target: Target, choice: Choice) -> bool:
    """True if the action is undecided, unchanged since it was shown, and offers the choice."""
    if approval.state is not State.PENDING or not 0 <= target.action < len(approval.reviews):
        return False
    review, action = approval.reviews[target.action], approval.ask.actions[target.action]
    offered = choice in action.choices and (choice is not Choice.OPTION or action.option(target.option) is not None)
    return review.decision is None and review.revision == target.revision and offered
