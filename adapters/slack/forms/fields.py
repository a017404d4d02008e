"""The fields of a form. Pure.

`adapters.slack.forms.from_schema` makes them from a schema and a value, `adapters.slack.forms.inputs` draws them,
`adapters.slack.forms.entries` reads what was entered.

A block is named after its field, not after its position. If another version of the bot, or another schema, reads the
form, an input is at worst not found, and then it counts as untouched. `layout_of` detects such a form, so that it is
refused rather than half read.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import TypeAlias

from adapters.slack.drawing.untrusted_text import chunks, visible
from engine.asks.ask import Json, canonical

ACTION_ID = "value"
FORMAT = 2
"""The version of the format: raise it if this version would misread a form that another one opened."""
_PART = 2_500
"""Characters of a long text in one input, which leaves room to add some."""
_MOST_PARTS = 8
_LONGEST_POINTER = 200


class Input(Enum):
    """The kind of an input."""

    TEXT = auto()
    INTEGER = auto()
    NUMBER = auto()
    DECIMAL = auto()
    """A number that may be sent as text, to keep every digit."""
    BOOLEAN = auto()
    CHOICE = auto()
    CHOICES = auto()
    DATE = auto()
    LINES = auto()
    """A list of texts, one per line."""
    JSON = auto()
    GROUP = auto()
    """An object whose properties have inputs; it has none itself."""
    KEPT = auto()
    """No input: sent as it is."""


WRITTEN = (Input.TEXT, Input.LINES, Input.JSON)
"""Inputs for text; a long text may take several."""


class _Missing(Enum):
    MISSING = auto()


MISSING = _Missing.MISSING
Value: TypeAlias = "Json | _Missing"


@dataclass(frozen=True)  # no slots: long texts are cached
class Field:
    """A property, or a value that is not an object (`alone`).

    `before` is the value to send if nobody touches the field, MISSING if none is sent; the input then starts with
    `default`. `path` are the names that lead to it. `labels` are shown for the options, one for each. A text that needs
    more inputs than `most_parts` is not shown; what is written replaces it.
    """

    path: tuple[str, ...]
    input: Input
    before: Value
    required: bool
    hint: str = ""
    options: tuple[Json, ...] = ()
    nullable: bool = False
    alone: bool = False
    labels: tuple[str, ...] = ()
    default: Value = MISSING
    most_parts: int = _MOST_PARTS

    @property
    def name(self) -> str:
        """The name in full: `address.street`."""
        return ".".join(self.path)

    @property
    def block_id(self) -> str:
        """The block that shows its errors."""
        return self._block(0)

    def _block(self, part: int) -> str:
        return f"field:{_pointer(self.path)}" if part == 0 else f"field:{part}:{_pointer(self.path)}"

    @property
    def shown(self) -> Value:
        """The initial value of the input."""
        return self.default if self.before is MISSING else self.before

    @property
    def optional(self) -> bool:
        """True if the input may be left empty."""
        if self.input is Input.BOOLEAN or self.nullable or not self.required or self.is_too_long:
            return True
        return self.before == "" or (self.input in (Input.CHOICES, Input.LINES) and self.before == [])

    @cached_property
    def initial(self) -> str:
        """The initial text, however long."""
        shown = self.shown
        if shown is MISSING or (shown is None and self.input is not Input.JSON):
            return ""
        match self.input, shown:
            case ((Input.TEXT | Input.DECIMAL), str(text)):
                return visible(text)
            case Input.LINES, list(lines):
                return "\n".join(map(str, lines))
            case Input.DECIMAL, _:
                return json.dumps(shown)
            case _:
                return visible(json.dumps(shown, indent=2, ensure_ascii=False))

    @property
    def parts(self) -> list[tuple[str, str]]:
        """The block ids and initial texts; a long text is split over several inputs."""
        if self.is_too_long:
            return [(self._block(0), "")]
        return [(self._block(part), text) for part, text in enumerate(self._texts)]

    @cached_property
    def _texts(self) -> list[str]:
        return chunks(self.initial, _PART) if len(self.initial) > _PART else [self.initial]

    @property
    def is_too_long(self) -> bool:
        """True if the text is not shown: it stays as it is, unless something is written in its place."""
        return self.input in WRITTEN and len(self._texts) > self.most_parts

    def position(self, value: Value) -> int | None:
        """The index of a value among the options; true is not 1, and 1.0 is not 1."""
        if value is MISSING:
            return None
        spelled = canonical(value)
        return next((at for at, option in enumerate(self.options) if canonical(option) == spelled), None)

    @property
    def editable(self) -> bool:
        """True if the field has an input."""
        return self.input not in (Input.GROUP, Input.KEPT)


def _pointer(path: Sequence[str]) -> str:
    """A path as a JSON Pointer (RFC 6901), or its hash if Slack might refuse the names in a block id."""
    spelled = "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in path)
    if len(spelled) <= _LONGEST_POINTER and all("!" <= each <= "~" for each in spelled):
        return spelled
    return "#" + hashlib.sha256(spelled.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def layout_of(found: Sequence[Field]) -> str:
    """A digest that differs between forms whose states would be read differently."""
    told: list[Json] = [
        [
            each.block_id,
            each.input.name,
            each.most_parts,
            list(each.options),
            [] if each.before is MISSING else [each.before],
            [] if each.default is MISSING else [each.default],
        ]
        for each in found
    ]
    return hashlib.sha256(canonical([FORMAT, told]).encode("utf-8", "surrogatepass")).hexdigest()[:16]
