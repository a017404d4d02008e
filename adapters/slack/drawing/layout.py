"""Long values over blocks: complete while they fit, otherwise with a note on how much is shown (P4).

A value becomes `Piece`s, one for each field; pieces become `rich_text` blocks of at most 3,000 characters. Slack gives
no limit for `rich_text`, so the one of sections is used; a message has its own (`limits.MESSAGE_BLOCKS_TEXT`).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from adapters.blockkit import limits
from adapters.slack.drawing import blocks, markdown
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.untrusted_text import chunks, edged, pretty, scalar, visible
from engine.asks.ask import Json

SHORT = 200
PREVIEW = 2_000
MARKDOWN = 20_000
"""Characters that are read as Markdown in one message or modal. What follows is shown as it was written: reading costs
up to 30 microseconds a character, during which no click is answered."""
_FEWEST = 40
"""Fewer characters of a piece are not shown at all; Show all has them."""


_ADDRESS = re.compile(r"https?://[\x21-\x7e]+")


class Style(Enum):
    """The way a piece is drawn."""

    INLINE = auto()
    """Beside its label, in one line."""
    NAME = auto()
    """A headline within a card."""
    PROSE = auto()
    """An agent's words, in Markdown."""
    SENTENCE = auto()
    """Words that are not Markdown: ours, or an error's."""
    QUOTE = auto()
    """A text to review, a reason, an answer."""
    PREFORMATTED = auto()
    """JSON, diffs, long values."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A labelled text, already `visible`; `hidden` is the number of characters that are not shown.

    `edge` names what the text ends with and nobody would see, such as a line break. A web address becomes a link that
    shows where it leads.
    """

    text: str
    style: Style
    label: str = ""
    hidden: int = 0
    edge: str = ""


def pieces_of(value: Json, *, prose: bool = False) -> list[Piece]:
    """A value as pieces: an object field by field, everything else as one. With `prose` a string is a text to read."""
    if isinstance(value, dict) and value:
        return [_field(visible(name) or '""', each) for name, each in value.items()]
    if isinstance(value, str) and value.strip():
        text, edge = edged(value)
        return [Piece(text, Style.QUOTE if prose else Style.PREFORMATTED, edge=edge)]
    shown = scalar(value)
    return [Piece(shown, Style.INLINE if len(shown) <= SHORT else Style.PREFORMATTED)]


def _field(name: str, value: Json) -> Piece:
    shown, edge = _spelled(value)
    if len(name) > SHORT:
        return Piece(f"{name}:\n{shown}", Style.PREFORMATTED, edge=edge)
    style = Style.PREFORMATTED if "\n" in shown or len(shown) > SHORT else Style.INLINE
    return Piece(shown, style, name, edge=edge)


def _spelled(value: Json) -> tuple[str, str]:
    """A field's value, and what it ends with. A text has no quotes, unless it would pass for another value."""
    if isinstance(value, dict | list) and value:
        return visible(pretty(value)), ""
    if isinstance(value, str):
        text, edge = edged(value)
        if "\n" in text or scalar(text) == text:
            return text, edge
    return scalar(value), ""


def length(pieces: Iterable[Piece]) -> int:
    """The number of characters, labels included."""
    return sum(len(piece.text) + len(piece.label) for piece in pieces)


def fitted(pieces: Sequence[Piece], budget: int) -> tuple[list[Piece], int]:
    """The pieces that fit `budget` characters, and the number of characters that were left out."""
    if length(pieces) <= budget:
        return list(pieces), 0
    shown: list[Piece] = []
    left = budget
    for piece in pieces:
        room = min(left - len(piece.label), PREVIEW)
        if len(piece.text) <= room:
            shown.append(piece)
        elif room >= _FEWEST:
            shown.append(replace(piece, text=piece.text[:room], hidden=len(piece.text) - room))
        else:
            continue
        left -= length(shown[-1:])
    return shown, length(pieces) - (budget - left)


def drawn(pieces: Sequence[Piece]) -> list[Block]:
    """The pieces as `rich_text` blocks, in order."""
    made: list[Block] = []
    row: list[Block] = []
    used = 0
    for part, size in (each for piece in _within_markdown(pieces) for each in _parts(piece)):
        if row and used + size > limits.SECTION_TEXT:
            made.append(blocks.rich_text(markdown.merged(row)))
            row, used = [], 0
        row.append(part)
        used += size
    if row:
        made.append(blocks.rich_text(markdown.merged(row)))
    return made


def _within_markdown(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The pieces, of which no more is Markdown than is read."""
    left = MARKDOWN
    for piece in pieces:
        if piece.style is not Style.PROSE:
            yield piece
        elif len(piece.text) > left:
            yield replace(piece, style=Style.SENTENCE)
        else:
            left -= len(piece.text)
            yield piece


def _parts(piece: Piece) -> Iterator[tuple[Block, int]]:
    label = piece.label
    if piece.style is Style.INLINE:
        elements = [blocks.span(f"{label}: ", bold=True)] if label else []
        if _ADDRESS.fullmatch(piece.text):
            value: Block = {"type": "link", "url": piece.text, "text": piece.text}
        else:
            value = blocks.span(piece.text or '""', code=True)
        ending = [blocks.span(f" ({piece.edge})", italic=True)] if piece.edge and not piece.hidden else []
        yield blocks.rich_section(*elements, value, *ending), len(label) + len(piece.text)
    else:
        if label:
            yield blocks.rich_section(blocks.span(f"{label}:", bold=True)), len(label)
        yield from ((part, markdown.size_of([part])) for part in _long(piece))
    note = f"first {len(piece.text):,} of {len(piece.text) + piece.hidden:,} characters" if piece.hidden else piece.edge
    if note and (piece.hidden or piece.style is not Style.INLINE):
        yield blocks.rich_section(blocks.span(f"({note})", italic=True)), len(note)


def _long(piece: Piece) -> list[Block]:
    found = markdown.parts_of(piece.text) if piece.style is Style.PROSE else []
    return found or [_chunk(chunk or " ", piece.style) for chunk in chunks(piece.text)]


def _chunk(text: str, style: Style) -> Block:
    match style:
        case Style.NAME:
            return blocks.rich_section(blocks.span(text, bold=True))
        case Style.PROSE | Style.SENTENCE:
            return blocks.rich_section(blocks.span(text))
        case Style.QUOTE:
            return blocks.rich_quote(text)
        case _:
            return blocks.preformatted(text)
