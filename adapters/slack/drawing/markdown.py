"""Markdown of an agent as parts of Slack's rich text. Pure.

Slack's `markdown` block would read it too, with links whose text shows another address. Parsed here it becomes
`rich_text`, in which nothing has a meaning that was not built here: every link shows its address, a mention is plain
text, and no entity spells a deceptive character.
https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

from adapters.blockkit import limits, texts_of
from adapters.slack.drawing import blocks
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.untrusted_text import CHUNK, chunks, plain_line, visible

_STYLES = {"strong": "bold", "em": "italic", "s": "strike"}
_DEEPEST = 8
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("reference")


def parts_of(text: str) -> list[Block]:
    """The parts of rich text in order, none longer than a block; `text` is already visible."""
    return list(_Reader(text).parts())


def merged(parts: Iterable[Block]) -> list[Block]:
    """The parts, with the items of one list merged into one element."""
    made: list[Block] = []
    for part in parts:
        if made and _same_list(made[-1], part):
            made[-1] = made[-1] | {"elements": [*made[-1]["elements"], *part["elements"]]}
        else:
            made.append(part)
    return made


def _same_list(before: Block, part: Block) -> bool:
    alike = all(before.get(name) == part.get(name) for name in ("type", "style", "indent"))
    return alike and part["type"] == "rich_text_list"


def words_of(parts: Iterable[Block]) -> str:
    """The words without styles, a line for each part: for notifications and headlines."""
    rows = [row for part in parts for row in (part["elements"] if part["type"] == "rich_text_list" else [part])]
    return "\n".join("".join(leaf.get("text") or leaf.get("url", "") for leaf in _leaves([row])) for row in rows)


def size_of(made: Sequence[Block]) -> int:
    """The number of characters of parts or blocks, addresses included."""
    return sum(map(len, texts_of(list(made)))) + sum(len(each.get("url", "")) for each in _leaves(made))


def filled(made: Iterable[Block], most: int) -> Iterator[list[Block]]:
    """Consecutive rows of at most `most` characters."""
    row: list[Block] = []
    used = 0
    for each in made:
        size = size_of([each])
        if row and used + size > most:
            yield row
            row, used = [], 0
        row.append(each)
        used += size
    if row:
        yield row


def _leaves(made: Sequence[Block]) -> Iterator[Block]:
    for each in made:
        if "elements" in each:
            yield from _leaves(each["elements"])
        else:
            yield each


@dataclass(slots=True)
class _Reader:
    """Reads the tokens of a text once. https://markdown-it-py.readthedocs.io/en/latest/using.html#the-token-stream."""

    text: str
    lists: list[str] = field(default_factory=list)
    item: Token | None = None
    """The list item whose first paragraph comes next."""
    quotes: int = 0

    def parts(self) -> Iterator[Block]:
        """The parts of rich text in order, none longer than a block."""
        tokens = _MARKDOWN.parse(self.text)
        index = 0
        while index < len(tokens):
            token = tokens[index]
            if token.type == "table_open" and token.map:
                yield from self._code("\n".join(self.text.split("\n")[token.map[0] : token.map[1]]))
                while tokens[index].type != "table_close":
                    index += 1
            else:
                yield from self._part(token, tokens[index - 1] if index else None)
            index += 1

    def _part(self, token: Token, before: Token | None) -> Iterator[Block]:
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                self.lists.append("bullet" if token.type.startswith("bullet") else "ordered")
            case "bullet_list_close" | "ordered_list_close":
                self.lists.pop()
            case "list_item_open":
                self.item = token
            case "blockquote_open":
                self.quotes += 1
            case "blockquote_close":
                self.quotes -= 1
            case "fence" | "code_block":
                yield from self._code(token.content.rstrip("\n"))
            case "hr":
                yield blocks.rich_section(blocks.span("———"))
            case "inline":
                heading = before is not None and before.type == "heading_open"
                for row in _split(_spans(token.children or (), bold=heading)):
                    yield self._paragraph(row)

    def _code(self, text: str) -> Iterator[Block]:
        for part in chunks(text):
            yield blocks.preformatted(part or " ")

    def _paragraph(self, row: list[Block]) -> Block:
        item, self.item = self.item, None
        if item is not None and self.lists:
            depth, number = min(len(self.lists) - 1, _DEEPEST), int(item.info) if item.info.isdigit() else 1
            made = {"type": "rich_text_list", "style": self.lists[-1], "elements": [blocks.rich_section(*row)]}
            return made | ({"indent": depth} if depth else {}) | ({"offset": number - 1} if number > 1 else {})
        if self.quotes:
            return {"type": "rich_text_quote", "elements": row}
        return blocks.rich_section(*row)


def _spans(children: Iterable[Token], *, bold: bool) -> Iterator[Block]:
    styles = {"bold"} if bold else set[str]()
    links: list[tuple[str, list[str]]] = []
    for token in children:
        name = token.type.removesuffix("_open").removesuffix("_close")
        if name in _STYLES:
            (styles.add if token.nesting > 0 else styles.discard)(_STYLES[name])
        elif token.type == "link_open":
            links.append((str(token.attrs.get("href", "")), []))
        elif token.type == "link_close":
            address, label = links.pop()
            yield from _address(address, "".join(label))
        else:
            text = _text(token)
            if links:
                links[-1][1].append(text)
            if text:
                style = {**dict.fromkeys(sorted(styles), True), **({"code": True} if name == "code_inline" else {})}
                yield blocks.span(text, **style)


def _text(token: Token) -> str:
    match token.type:
        case "softbreak" | "hardbreak":
            return "\n"
        case "image":
            return visible(f"{token.content or 'image'} ({token.attrs.get('src', '')})")
        case _:
            return visible(token.content)


def _address(address: str, label: str) -> Iterator[Block]:
    """A link's address in brackets, if its label differs."""
    if label == address or not address:
        return
    yield blocks.span(" (")
    if address.startswith(("https://", "http://")) and len(address) < limits.BUTTON_URL:
        yield {"type": "link", "url": address}
    else:
        yield blocks.span(plain_line(address, limits.TEXT))
    yield blocks.span(")")


def _split(spans: Iterable[Block]) -> Iterator[list[Block]]:
    return filled((part for span in spans for part in _short(span)), CHUNK)


def _short(span: Block) -> list[Block]:
    if span["type"] != "text" or len(span["text"]) <= CHUNK:
        return [span]
    return [span | {"text": part or " "} for part in chunks(span["text"])]
