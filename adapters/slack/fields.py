"""The fields of a form. Pure.

`adapters.slack.shapes` makes them of a schema and a value, `adapters.slack.inputs` draws them, `adapters.slack.values`
reads what was entered.
"""

import json
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from adapters.slack.layout import chunks
from adapters.slack.text import visible
from engine.ask import Json

ACTION_ID = "value"
_PART = 2_500
"""Characters of a long text in one input: the person has room to add as many as an input has left."""
_MOST_PARTS = 8


class Input(Enum):
    """The kinds of inputs."""

    TEXT = auto()
    INTEGER = auto()
    NUMBER = auto()
    BOOLEAN = auto()
    CHOICE = auto()
    CHOICES = auto()
    DATE = auto()
    LINES = auto()
    """A list of texts, one in each line."""
    JSON = auto()
    GROUP = auto()
    """An object whose own properties have inputs: it has none itself."""


WRITTEN = (Input.TEXT, Input.LINES, Input.JSON)
"""Those that a person writes in; a long text may take several inputs."""


class _Missing(Enum):
    MISSING = auto()


MISSING = _Missing.MISSING
Value: TypeAlias = "Json | _Missing"


@dataclass(frozen=True, slots=True)
class Field:
    """One property, or a value that is no object (`alone`). `before` is MISSING where it has no value yet.

    `path` are the names that lead to it. `labels` are what people read in place of the options, one for each.
    """

    index: int
    path: tuple[str, ...]
    input: Input
    before: Value
    required: bool
    hint: str = ""
    options: tuple[Json, ...] = ()
    nullable: bool = False
    alone: bool = False
    labels: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it is called: `address.street`."""
        return ".".join(self.path)

    @property
    def block_id(self) -> str:
        """The block where its problems are shown."""
        return self._block(0)

    def _block(self, part: int) -> str:
        return f"field:{self.index}" if part == 0 else f"field:{self.index}:{part}"

    @property
    def initial(self) -> str:
        """The text that a text input starts with."""
        if self.before is MISSING or (self.before is None and self.input is not Input.JSON):
            return ""
        match self.input, self.before:
            case Input.TEXT, str(text):
                return visible(text)
            case Input.LINES, list(lines):
                return "\n".join(map(str, lines))
            case _:
                return visible(_spelled(self.before))

    @property
    def parts(self) -> list[tuple[str, str]]:
        """The block ids and initial texts of a text that may be split over several inputs."""
        texts = chunks(self.initial, _PART) if len(self.initial) > _PART else [self.initial]
        return [(self._block(part), text) for part, text in enumerate(texts)]

    @property
    def editable(self) -> bool:
        """Whether it has an input that can hold it."""
        if self.input is Input.GROUP:
            return False
        return self.input not in WRITTEN or len(self.parts) <= _MOST_PARTS


def _spelled(value: Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
