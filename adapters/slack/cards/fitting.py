"""The part of an approval that fits its card (P4). Pure."""

from adapters.slack.drawing import contents, layout
from adapters.slack.drawing.layout import Piece
from adapters.slack.drawing.sentences import titles
from engine.approvals.approval import Approval, Review

BUDGET = 8_200
"""Characters of values on a card; the rest of `MESSAGE_BLOCKS_TEXT` is for our own words."""
ROWS = 10
"""Open actions of a batch that are shown at once: with their buttons they fit 50 blocks."""


def fitted_prompt(approval: Approval) -> tuple[list[Piece], int]:
    """The pieces of the prompt that fit, and the number of characters that do not."""
    told = [] if approval.ask.prompt in ("", titles.title(approval)) else [contents.prompt_piece(approval)]
    return layout.fitted(told, BUDGET // 3)


def fitted_action(approval: Approval, index: int, rows: int) -> tuple[list[Piece], int]:
    """The pieces of an action that fit on a card with so many rows, and the number of characters that do not."""
    return layout.fitted(contents.action_pieces(approval, index), BUDGET * 2 // 3 // max(1, rows))


def open_rows(approval: Approval) -> list[tuple[int, Review]]:
    """The undecided actions, by index."""
    return [(index, review) for index, review in enumerate(approval.reviews) if review.decision is None]
