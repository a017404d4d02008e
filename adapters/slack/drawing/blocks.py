"""Constructors for Block Kit: the JSON that cards and modals are made of.

Untrusted text goes into `plain_text` (emoji codes off) and into `rich_text`, where nothing is markup.
https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from adapters.blockkit import limits
from adapters.slack.drawing.untrusted_text import clipped, plain_line

Block: TypeAlias = dict[str, Any]


def plain_text(text: str, at_most: int) -> Block:
    """A plain text object of one visible line."""
    return {"type": "plain_text", "text": plain_line(text, at_most), "emoji": False}


def header(text: str) -> Block:
    """A headline."""
    return {"type": "header", "text": plain_text(text, limits.HEADER_TEXT)}


def section(mrkdwn: str) -> Block:
    """A paragraph of our own words, in trusted markup."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": clipped(mrkdwn, limits.SECTION_TEXT)}}


def sections(mrkdwn: str) -> list[Block]:
    """Paragraphs of our own words, cut between lines."""
    made, lines = [""], mrkdwn.split("\n")
    for line in lines:
        if len(made[-1]) + len(line) >= limits.SECTION_TEXT:
            made.append("")
        made[-1] = f"{made[-1]}\n{line}" if made[-1] else line
    return [section(each) for each in made if each.strip()]


def context(mrkdwn: str) -> Block:
    """Small print of our own words, in trusted markup."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": clipped(mrkdwn, limits.TEXT)}]}


def divider() -> Block:
    """A divider line."""
    return {"type": "divider"}


def span(text: str, **style: bool) -> Block:
    """Literal text in rich text. `text` is not empty."""
    return {"type": "text", "text": text, "style": style} if style else {"type": "text", "text": text}


def user(user_id: str) -> Block:
    """A mention in rich text."""
    return {"type": "user", "user_id": user_id}


def rich_section(*elements: Block) -> Block:
    """A paragraph of rich text."""
    return {"type": "rich_text_section", "elements": list(elements)}


def rich_quote(text: str) -> Block:
    """A quotation of rich text."""
    return {"type": "rich_text_quote", "elements": [span(text)]}


def preformatted(text: str) -> Block:
    """Preformatted text."""
    return {"type": "rich_text_preformatted", "elements": [span(text)]}


def rich_text(parts: Iterable[Block]) -> Block:
    """A block of sections, quotations and preformatted texts."""
    return {"type": "rich_text", "elements": list(parts)}


def button(label: str, action_id: str, value: str, *, style: str = "", described: str = "") -> Block:
    """A button. `described` tells a screen reader what it acts on."""
    made: Block = {
        "type": "button",
        "text": {"type": "plain_text", "text": label, "emoji": False},
        "action_id": action_id,
        "value": value,
    }
    if style:
        made["style"] = style
    if described:
        made["accessibility_label"] = plain_line(described, limits.ACCESSIBILITY_LABEL)
    return made


def confirm(title: str, text: str, button: str) -> Block:
    """The dialog that asks for confirmation before a button's action is sent."""
    return {
        "title": plain_text(title, limits.CONFIRM_TITLE),
        "text": plain_text(text, limits.CONFIRM_TEXT),
        "confirm": plain_text(button, limits.CONFIRM_CONFIRM),
        "deny": plain_text("Cancel", limits.CONFIRM_DENY),
    }


def option(label: str, value: str) -> Block:
    """An option of a menu."""
    return {"text": plain_text(label, limits.OPTION_TEXT), "value": value}


def menu(label: str, action_id: str, options: Sequence[tuple[str, str]]) -> Block:
    """A select menu of labels and their values, with a confirmation dialog."""
    return {
        "type": "static_select",
        "action_id": action_id,
        "placeholder": plain_text(label, limits.PLACEHOLDER),
        "options": [option(each, value) for each, value in options],
        "confirm": confirm("Send this choice?", "It counts as your decision.", "Send"),
    }


def actions(block_id: str, elements: Sequence[Block]) -> Block:
    """A row of buttons."""
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def modal(title: str, blocks: Sequence[Block], *, submit: str = "", **more: str) -> Block:
    """A modal; without `submit` it can only be closed. `more` are `callback_id` and `private_metadata`."""
    view: Block = {
        "type": "modal",
        "title": plain_text(title, limits.VIEW_TITLE),
        "close": {"type": "plain_text", "text": "Cancel" if submit else "Close"},
        "blocks": list(blocks),
        **more,
    }
    if submit:
        view["submit"] = plain_text(submit, limits.VIEW_SUBMIT)
    return view


def sentence_modal(title: str, mrkdwn: str) -> Block:
    """A modal with one sentence of our own."""
    return modal(title, [section(mrkdwn)])
