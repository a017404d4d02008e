"""The buttons of an action: its choices, a grant, and the node's own options. Pure."""

from collections.abc import Iterable

from adapters.slack.cards.fitting import ROWS, fitted_action, fitted_prompt, open_rows
from adapters.slack.drawing import blocks
from adapters.slack.drawing.actions import ACTION_IDS, ALLOW, Target
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.sentences import choices, outcomes
from engine.approvals.approval import Approval
from engine.asks.ask import Choice
from engine.rules import grants

_STYLES = {Choice.APPROVE: "primary", Choice.REJECT: "danger"}
_OPTION_BUTTONS = 4
"""Options with a button each; more of them share a menu."""


def buttons(approval: Approval, index: int) -> list[Block]:
    """All buttons of an undecided action."""
    action, review = approval.ask.actions[index], approval.reviews[index]
    value = str(Target(approval.id, index, review.revision))
    made = [
        blocks.button(
            choices.choice_words(approval.ask.kind, choice).button,
            ACTION_IDS[choice],
            value,
            style=_STYLES.get(choice, ""),
            described=f"{choices.choice_words(approval.ask.kind, choice).button} {action.name}"
            if len(approval.reviews) > 1
            else "",
        )
        for choice in offered_choices(approval, index)
        if choice is not Choice.OPTION
    ]
    return [*made, *_allow_button(approval, index), *_option_buttons(approval, index)]


def without_grants(made: Iterable[Block]) -> list[Block]:
    """The same buttons for a place that does not show everything."""
    return [each for each in made if each["action_id"] != ALLOW]


def _allow_button(approval: Approval, index: int) -> list[Block]:
    """The approval with a grant, if the card shows everything that it would allow."""
    terms = approval.reviews[index].policy.grants
    if terms is None:
        return []
    prompt, action = fitted_prompt(approval), fitted_action(approval, index, len(open_rows(approval)[:ROWS]))
    if not grants.is_offered(approval, index, whole=not prompt[1] and not action[1]):
        return []
    value = str(Target(approval.id, index, approval.reviews[index].revision))
    button = blocks.button(outcomes.allow_button(terms), ALLOW, value)
    return [button | {"confirm": blocks.confirm(*outcomes.allow_confirm(approval, index))}]


def _option_buttons(approval: Approval, index: int) -> list[Block]:
    """The node's options under its own words: a button each, or a menu with a confirmation."""
    action, revision = approval.ask.actions[index], approval.reviews[index].revision
    if Choice.OPTION not in action.choices or not action.options:
        return []
    name = ACTION_IDS[Choice.OPTION]
    targets = [str(Target(approval.id, index, revision, place)) for place in range(len(action.options))]
    labels = [choices.option_label(each.word) for each in action.options]
    if len(labels) > _OPTION_BUTTONS:
        return [blocks.menu(choices.OTHER_CHOICES, name, list(zip(labels, targets, strict=True)))]
    pairs = enumerate(zip(labels, targets, strict=True))
    return [blocks.button(label, f"{name}_{place}", target) for place, (label, target) in pairs]


def offered_choices(approval: Approval, index: int) -> list[Choice]:
    """The choices that have a button. A quorum takes no answer of one person, unless nothing else is offered."""
    found = list(dict.fromkeys(approval.ask.actions[index].choices))
    several = approval.reviews[index].policy.quorum > 1 and not approval.ask.is_question
    return [each for each in found if each is not Choice.ANSWER] if several and len(found) > 1 else found
