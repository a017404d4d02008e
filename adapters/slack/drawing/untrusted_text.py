"""Untrusted text, made fit to be shown: what an agent or a person wrote can neither style, link, notify nor hide.

Blocks of ours carry such text as `rich_text` and `plain_text`, where Slack reads no markup at all; `mrkdwn` is for the
places that know only markup, such as a message's `text`. Nothing is dropped: a character that deceives a reader is
written as its code point (`⟦U+202E⟧`, see `adapters.slack.drawing.unseen`), because what was shown is what runs (P4).

Source: https://docs.slack.dev/messaging/formatting-message-text.
"""

import difflib
import json
import re
from dataclasses import dataclass

from adapters.blockkit import limits
from adapters.slack.drawing.unseen import written_out
from engine.asks.ask import Json

CHUNK = limits.SECTION_TEXT - 100
"""Characters of a text that stand in one block."""
_MARK = re.compile(r"⟦U\+([0-9A-F]{4,6})⟧")
_STYLE = str.maketrans({"*": "\u2217", "_": "\uff3f", "~": "\u223c", "`": "\u02cb", ":": "\ua789"})
_STYLING = re.compile(r"[*~`]|(?<!\w)_|_(?!\w)|:(?=[a-z0-9_+'-]+:)")


def visible(text: str) -> str:
    """The text with every character that deceives a reader written out; line ends become newlines."""
    return written_out(text.replace("\r\n", "\n"), _mark)


def _mark(character: str) -> str:
    return f"⟦U+{ord(character):04X}⟧"


def unmarked(text: str, original: str) -> str:
    """Undo `visible` in a text that a person edited, for the characters that the original had."""

    def restored(found: re.Match[str]) -> str:
        code = int(found.group(1), 16)
        return chr(code) if code < 0x110000 and chr(code) in original else found.group()  # noqa: PLR2004 - Unicode's end

    return _MARK.sub(restored, text)


def escaped(text: str) -> str:
    """Visible, and with Slack's three control characters escaped: no mention, no broadcast, no disguised link."""
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def mrkdwn(text: str) -> str:
    """Escaped, and with `*_~`, backticks and emoji codes replaced by their likenesses where they would style.

    Slack has no escape for them, so this changes letters: it stands only in notifications, beside the truth in blocks.
    """
    return _STYLING.sub(lambda found: found.group().translate(_STYLE), escaped(text))


def clipped(text: str, at_most: int) -> str:
    """At most so many characters, an ellipsis for the rest. Only for what is shown whole elsewhere."""
    return text if len(text) <= at_most else f"{text[: at_most - 1]}…"


def plain(text: str, at_most: int) -> str:
    """One visible line for titles and labels; never empty, which Slack would refuse."""
    return clipped(" ".join(visible(text).split()), at_most) or "(empty)"


def chunks(text: str, size: int = CHUNK) -> list[str]:
    """The text in parts of at most `size` characters, cut after a line where there is one.

    Where it is cut at a newline, that newline is left out: the next part starts on a line of its own.
    """
    found: list[str] = []
    start = 0
    while len(text) - start > size:
        cut = text.rfind("\n", start + size // 2, start + size + 1)
        if cut == -1:
            found.append(text[start : start + size])
            start += size
        else:
            found.append(text[start:cut])
            start = cut + 1
    found.append(text[start:])
    return found


# JSON -----------------------------------------------------------------------------------------------------------------


def pretty(value: Json) -> str:
    """JSON as people read it, keys in the order given; a string stands for itself. Not yet `visible`."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def scalar(value: Json) -> str:
    """A short value on one line. Strings stand without quotes, except where they would pass for something else."""
    if not isinstance(value, str):
        return visible(json.dumps(value, ensure_ascii=False))
    if value != value.strip() or not value or _is_json(value):
        return visible(json.dumps(value, ensure_ascii=False))
    return visible(value)


def edged(text: str) -> tuple[str, str]:
    """A visible text without the blanks that it ends with, and these in words: `ends with a line break`.

    Nobody sees them, and a command or a file may hang on them: so they are told, and never left out.
    """
    shown = visible(text)
    core = shown.rstrip(" \t\n")
    tail = shown[len(core) :]
    counted = [(tail.count(each), name) for each, name in ((" ", "space"), ("\t", "tab"), ("\n", "line break"))]
    told = [f"a {name}" if count == 1 else f"{count} {name}s" for count, name in counted if count]
    return core, f"ends with {' and '.join(told)}" if told else ""


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def document(value: Json) -> str:
    """A file of JSON in which nothing hides: what cannot be seen is written as JSON's own escapes."""

    def spelled(character: str) -> str:
        code = ord(character)
        if code < 0x10000:  # noqa: PLR2004 - beyond it JSON takes a pair
            return f"\\u{code:04x}"
        return f"\\u{0xD800 + ((code - 0x10000) >> 10):04x}\\u{0xDC00 + ((code - 0x10000) & 0x3FF):04x}"

    return written_out(json.dumps(value, indent=2, ensure_ascii=False), spelled) + "\n"


# Before and after -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Changed:
    """One field before and after; None: it was or is not there. `field` is "" for the whole value."""

    field: str
    before: str | None
    after: str | None


_MOST_LINES = 2_000
"""Above it the comparison, which may take quadratic time, is left out: the new text is shown whole anyway."""


def changes(before: Json, after: Json) -> list[Changed]:
    """What differs: field by field between two objects, else the whole."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = list(dict.fromkeys([*before, *after]))
        found = [Changed(name, _shown(before, name), _shown(after, name)) for name in names]
        return [each for each in found if each.before != each.after]
    return [] if _same(before, after) else [Changed("", _text(before), _text(after))]


def _shown(of: dict[str, Json], name: str) -> str | None:
    return _text(of[name]) if name in of else None


def _text(value: Json) -> str:
    return visible(pretty(value)) if isinstance(value, list | dict) or "\n" in str(value) else scalar(value)


def _same(before: Json, after: Json) -> bool:
    return json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)


def line_diff(before: str, after: str) -> str:
    """A readable comparison line by line: `- ` was, `+ ` is, with a line around for orientation."""
    old, new = before.split("\n"), after.split("\n")
    if len(old) + len(new) > _MOST_LINES:
        return f"(before: {len(before):,} characters in {len(old):,} lines; after: {len(after):,} in {len(new):,})"
    lines = difflib.unified_diff(old, new, lineterm="", n=1)
    body = [line for line in lines if not line.startswith(("---", "+++"))]
    return "\n".join("⋯" if line.startswith("@@") else f"{line[:1]} {line[1:]}" for line in body[1:])
