"""Block Kit in a few words: constructors for the JSON that cards and modals are made of.

Untrusted text goes into `plain_text` (emoji codes off) and into `rich_text`, where nothing is markup.
https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from adapters.blockkit import limits
from adapters.slack.drawing import untrusted_text as texts

Block: TypeAlias = dict[str, Any]


def plain_text(text: str, at_most: int) -> Block:
    """An object of one visible line."""
    return {"type": "plain_text", "text": texts.plain(text, at_most), "emoji": False}


def header(text: str) -> Block:
    """A headline."""
    return {"type": "header", "text": plain_text(text, limits.HEADER_TEXT)}


def section(mrkdwn: str) -> Block:
    """A paragraph of our own words: trusted markup."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": texts.clipped(mrkdwn, limits.SECTION_TEXT)}}


def sections(mrkdwn: str) -> list[Block]:
    """Our own words, however many: cut between lines."""
    made, lines = [""], mrkdwn.split("\n")
    for line in lines:
        if len(made[-1]) + len(line) >= limits.SECTION_TEXT:
            made.append("")
        made[-1] = f"{made[-1]}\n{line}" if made[-1] else line
    return [section(each) for each in made if each.strip()]


def context(mrkdwn: str) -> Block:
    """Small print of our own words: trusted markup."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": texts.clipped(mrkdwn, limits.TEXT)}]}


def divider() -> Block:
    """A line."""
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
    """Text whose every space counts."""
    return {"type": "rich_text_preformatted", "elements": [span(text)]}


def rich_text(parts: Iterable[Block]) -> Block:
    """A block of sections, quotations and preformatted texts."""
    return {"type": "rich_text", "elements": list(parts)}


def button(label: str, action_id: str, value: str, *, style: str = "", described: str = "") -> Block:
    """A button. `described` says to a screen reader what it acts on."""
    made: Block = {
        "type": "button",
        "text": {"type": "plain_text", "text": label, "emoji": False},
        "action_id": action_id,
        "value": value,
    }
    if style:
        made["style"] = style
    if described:
        made["accessibility_label"] = texts.plain(described, limits.ACCESSIBILITY_LABEL)
    return made


def menu(label: str, action_id: str, options: Sequence[tuple[str, str]]) -> Block:
    """A menu of labels with their values; who chooses one is asked whether it is meant."""
    made = [{"text": plain_text(each, limits.OPTION_TEXT), "value": value} for each, value in options]
    confirm = {
        "title": plain_text("Send this choice?", limits.CONFIRM_TITLE),
        "text": plain_text("It counts as your decision.", limits.CONFIRM_TEXT),
        "confirm": plain_text("Send", limits.CONFIRM_CONFIRM),
        "deny": plain_text("Cancel", limits.CONFIRM_DENY),
    }
    placeholder = plain_text(label, limits.PLACEHOLDER)
    return {
        "type": "static_select",
        "action_id": action_id,
        "placeholder": placeholder,
        "options": made,
        "confirm": confirm,
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
