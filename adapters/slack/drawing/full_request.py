"""The full request, if it does not fit a card: the modal behind Show all, or a file in the thread. Pure.

A card that fits shows everything (`adapters.slack.cards.card`). Otherwise the modal does; if that is too small as well,
a file in the thread. Each place says where the rest is (P4).
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from adapters.blockkit import limits
from adapters.slack.drawing import blocks, layout
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.contents import everything
from adapters.slack.drawing.layout import Piece
from adapters.slack.drawing.sentences.cards import see_file
from adapters.slack.drawing.untrusted_text import document
from engine.approvals.approval import Approval

_MODAL_BLOCKS = 90
_MODAL_BYTES = 230_000


def full_request(approval: Approval) -> Block:
    """The modal behind Show all: everything, or what a modal holds and where the rest is."""
    body = layout.drawn(everything(approval)) or [blocks.context("There is nothing more to show.")]
    fits = _within_modal(body)
    note = [] if len(fits) == len(body) else [blocks.context(f"Too long for Slack: {see_file(file_name(approval))}.")]
    return blocks.modal("Full request", [*note, *fits])


def needs_file(approval: Approval) -> bool:
    """True if the request is too long for a modal, so that the thread needs a file."""
    pieces = tuple(everything(approval))
    length = layout.length(pieces)
    return length >= limits.MESSAGE_BLOCKS_TEXT and (length > _MODAL_BYTES or not _fits_modal(pieces))


@lru_cache(maxsize=64)
def _fits_modal(pieces: tuple[Piece, ...]) -> bool:
    """Draw the modal to learn whether it holds everything. Each redraw of the card asks again."""
    body = layout.drawn(pieces)
    return len(_within_modal(body)) == len(body)


def _within_modal(body: Sequence[Block]) -> list[Block]:
    fits: list[Block] = []
    used = 0
    for block in body[:_MODAL_BLOCKS]:
        used += len(json.dumps(block))
        if used > _MODAL_BYTES:
            break
        fits.append(block)
    return fits


def file_name(approval: Approval) -> str:
    """The name of the file, which includes the revisions that it shows."""
    mark = approval.id.rpartition("#")[2][:8]
    return f"request-{mark}-{'-'.join(str(review.revision) for review in approval.reviews[:20])}.json"


def file_content(approval: Approval) -> str:
    """The content of the file: JSON in which nothing hides."""
    named: list[dict[str, Any]] = [
        {"name": action.name, "value": review.value, "proposed": action.value}
        if review.edited_by
        else {"name": action.name, "value": review.value}
        for action, review in zip(approval.ask.actions, approval.reviews, strict=True)
    ]
    return document({"prompt": approval.ask.prompt, "actions": list(named)})
