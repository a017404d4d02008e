"""Untrusted text made safe to show: text of an agent or a person can neither style, link, notify nor hide anything.

Our blocks carry such text as `rich_text` and `plain_text`, where Slack reads no markup; `mrkdwn` is for places that
have nothing else, such as a message's `text`. Nothing is dropped, because what was shown is what runs (P4): a character
that deceives a reader is written as its code point, `⟦U+202E⟧` (`adapters.slack.drawing.deceptive_characters`).

Source: https://docs.slack.dev/messaging/formatting-message-text.
"""

import difflib
import json
import re
from dataclasses import dataclass
from itertools import repeat

from adapters.blockkit import limits
from adapters.slack.drawing.deceptive_characters import spell_out
from engine.asks.ask import Json

CHUNK = limits.SECTION_TEXT - 100
"""Characters of a text in one block."""
_MARK = re.compile(r"⟦U\+([0-9A-F]{4,6})⟧")
_STYLE = str.maketrans({"*": "\u2217", "_": "\uff3f", "~": "\u223c", "`": "\u02cb", ":": "\ua789"})
_STYLING = re.compile(r"[*~`]|(?<!\w)_|_(?!\w)|:(?=[a-z0-9_+'-]+:)")


def visible(text: str) -> str:
    """The text with every deceptive character spelled out; line ends become newlines."""
    return spell_out(text.replace("\r\n", "\n"), _mark)


def _mark(character: str) -> str:
    return f"⟦U+{ord(character):04X}⟧"


def unmarked(text: str, original: str) -> str:
    """Undo `visible` in an edited text, for the characters that the original had."""

    def restored(found: re.Match[str]) -> str:
        code = int(found.group(1), 16)
        return chr(code) if code < 0x110000 and chr(code) in original else found.group()  # noqa: PLR2004 - Unicode's end

    return _MARK.sub(restored, text)


def escaped(text: str) -> str:
    """Visible text with Slack's three control characters escaped: no mention, no broadcast, no disguised link."""
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def mrkdwn(text: str) -> str:
    """Escaped text with `*_~`, backticks and colons replaced by look-alikes wherever they would style.

    Slack has no escape for them, and this changes letters: so it is used in notifications only, next to blocks that
    have the exact text.
    """
    return _STYLING.sub(lambda found: found.group().translate(_STYLE), escaped(text))


def clipped(text: str, at_most: int) -> str:
    """At most so many characters, with an ellipsis for the rest. Only for text that is complete elsewhere."""
    return text if len(text) <= at_most else f"{text[: at_most - 1]}…"


def plain_line(text: str, at_most: int) -> str:
    """One visible line for titles and labels; never empty, because Slack refuses that."""
    return clipped(" ".join(visible(text).split()), at_most) or "(empty)"


def mrkdwn_line(text: str, at_most: int) -> str:
    """One line for markup, with the same limit."""
    return mrkdwn(plain_line(text, at_most))


def chunks(text: str, size: int = CHUNK) -> list[str]:
    """The text in parts of at most `size` characters, cut at a newline if there is one.

    That newline is left out: the next part starts on a line of its own.
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
    """JSON for people, keys in the given order; a string stays as it is. Not yet `visible`."""
    return value if isinstance(value, str) else _indented(value)


_spelled = json.JSONEncoder(ensure_ascii=False).encode


def _indented(value: Json, margin: str = "\n") -> str:
    """JSON as `json.dumps` indents it by 2. That would leave a hundred objects to the garbage collector each time."""
    inner = f"{margin}  "
    if isinstance(value, dict) and value:
        held = list(map(_indented, value.values(), repeat(inner)))
        parts = [f"{_spelled(name)}: {each}" for name, each in zip(value, held, strict=True)]
        return f"{{{inner}{f',{inner}'.join(parts)}{margin}}}"
    if isinstance(value, list) and value:
        return f"[{inner}{f',{inner}'.join(map(_indented, value, repeat(inner)))}{margin}]"
    return _spelled(value)


def scalar(value: Json) -> str:
    """A short value on one line. A string has no quotes, unless it would pass for another value."""
    if not isinstance(value, str):
        return visible(_spelled(value))
    if value != value.strip() or not value or _is_json(value):
        return visible(_spelled(value))
    return visible(value)


def edged(text: str) -> tuple[str, str]:
    """A visible text without its trailing blanks, and these in words: `ends with a line break`.

    Nobody sees them, and a command or a file may depend on them, so they are never left out silently.
    """
    shown = visible(text)
    core = shown.rstrip(" \t\n")
    if core == shown:
        return shown, ""
    tail = shown[len(core) :]
    counted = [(tail.count(each), name) for each, name in ((" ", "space"), ("\t", "tab"), ("\n", "line break"))]
    told = [f"a {name}" if count == 1 else f"{count} {name}s" for count, name in counted if count]
    return core, f"ends with {' and '.join(told)}"


_BEGINS_JSON = frozenset('{["-0123456789tfnNI')
"""The last two begin what Python reads besides: NaN and Infinity."""


def _is_json(text: str) -> bool:
    """True for a text without blanks around it that is JSON."""
    if text[0] not in _BEGINS_JSON:
        return False
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def document(value: Json) -> str:
    """A JSON file in which nothing hides: invisible characters become JSON escapes."""
    return spell_out(_indented(value), _json_escape) + "\n"


def document_line(value: Json) -> str:
    """The same on one line, with no control character at all: it may be printed on a terminal."""
    return spell_out(json.dumps(value, ensure_ascii=False), _json_escape)


def _json_escape(character: str) -> str:
    code = ord(character)
    if code < 0x10000:  # noqa: PLR2004 - beyond it JSON takes a pair
        return f"\\u{code:04x}"
    return f"\\u{0xD800 + ((code - 0x10000) >> 10):04x}\\u{0xDC00 + ((code - 0x10000) & 0x3FF):04x}"


# Before and after -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field before and after; None if it was or is absent. `field` is "" for the whole value."""

    field: str
    before: str | None
    after: str | None


_MOST_LINES = 2_000
"""More lines are not compared, which can take quadratic time: the new text is shown in full anyway."""


def changes(before: Json, after: Json) -> list[FieldChange]:
    """The differences: field by field between two objects, else the whole value."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = list(dict.fromkeys([*before, *after]))
        found = [FieldChange(name, _shown(before, name), _shown(after, name)) for name in names]
        return [each for each in found if each.before != each.after]
    return [] if _same(before, after) else [FieldChange("", _text(before), _text(after))]


def _shown(of: dict[str, Json], name: str) -> str | None:
    return _text(of[name]) if name in of else None


def _text(value: Json) -> str:
    return visible(pretty(value)) if isinstance(value, list | dict) or "\n" in str(value) else scalar(value)


def _same(before: Json, after: Json) -> bool:
    return json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)


def line_diff(before: str, after: str) -> str:
    """A line diff: `- ` before, `+ ` after, with one line of context."""
    old, new = before.split("\n"), after.split("\n")
    if len(old) + len(new) > _MOST_LINES:
        return f"(before: {len(before):,} characters in {len(old):,} lines; after: {len(after):,} in {len(new):,})"
    lines = difflib.unified_diff(old, new, lineterm="", n=1)
    body = [line for line in lines if not line.startswith(("---", "+++"))]
    return "\n".join("⋯" if line.startswith("@@") else f"{line[:1]} {line[1:]}" for line in body[1:])
