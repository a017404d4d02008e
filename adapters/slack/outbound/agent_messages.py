"""Splits what an agent says into Slack messages. Pure. `adapters.slack.drawing.markdown` reads the Markdown."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from adapters.blockkit import check_message
from adapters.slack.drawing import blocks, markdown
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.untrusted_text import CHUNK, chunks, escaped, visible
from engine.ids import UserId

_MOST_CHARACTERS = 9_000
_MOST_BLOCKS = 45


@dataclass(frozen=True, slots=True)
class Spoken:
    """One of the messages."""

    text: str
    blocks: list[Block]


def by_person(user: UserId, text: str) -> list[Spoken]:
    """The message that says what a person did, such as `@bob restarted from an earlier step`."""
    clean = visible(text)
    section = blocks.rich_section(blocks.user(user), blocks.span(f" {clean}"))
    return [Spoken(f"<@{user}> {escaped(clean)}", [blocks.rich_text([section])])]


def spoken(text: str, speaker: str = "") -> list[Spoken]:
    """The messages, at least one. The first has the speaker's name above it."""
    clean = visible(text).strip()
    found = list(_messages(clean)) or list(_plainly(clean or "(no words)"))
    if speaker:
        name = {"type": "context", "elements": [blocks.plain_text(speaker, 200)]}
        found[0] = Spoken(found[0].text, [name, *found[0].blocks])
    return found


def _messages(text: str) -> Iterator[Spoken]:
    for group in _grouped(_packed(markdown.parts_of(text))):
        said = markdown.words_of(part for block in group for part in block["elements"])
        if check_message({"text": escaped(said), "blocks": group}):
            yield from _plainly(said)
        else:
            yield Spoken(escaped(said), group)


def _plainly(text: str) -> Iterator[Spoken]:
    """The same words without styles, if Slack would refuse the styled ones."""
    for part in chunks(text):
        yield Spoken(escaped(part) or "…", [blocks.rich_text([blocks.rich_section(blocks.span(part or " "))])])


def _packed(parts: Iterable[Block]) -> Iterator[Block]:
    return (blocks.rich_text(markdown.merged(row)) for row in markdown.filled(parts, CHUNK))


def _grouped(made: Iterable[Block]) -> Iterator[list[Block]]:
    for group in markdown.filled(made, _MOST_CHARACTERS):
        for start in range(0, len(group), _MOST_BLOCKS):
            yield group[start : start + _MOST_BLOCKS]
