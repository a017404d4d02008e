"""Bounds how long a condition can take, before it is evaluated.

The library stops after 10,000 steps of loops, but a step that compares lists or joins texts takes as long as they are.
It holds the interpreter's lock meanwhile, so even in a thread with a time limit it would block the bot. So the input is
bounded: the steps that the loops can take, times the size of the arguments. At the bound, the worst conditions found
(three long lists joined in two nested loops) take half a second on a slow machine, and usual ones some milliseconds.

To check the arguments takes time as well, and more where each is compared with the type that the tool declares: some
microseconds a value, so seconds for a million values.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

MOST_VALUES: Final = 100_000
"""Values in the arguments that a condition may judge."""
MOST_TYPED: Final = 10_000
"""The same if the tool's schema declares their types."""
MOST_STEPS: Final = 10_000
"""Steps of loops after which the library gives up."""
MOST_WORK: Final = 2_000_000
_CHARACTERS: Final = 20
"""Characters that take as long as one value."""
_LOOP = re.compile(r"\b(?:all|exists|exists_one|map|filter)\b")


@dataclass(frozen=True, slots=True)
class Size:
    """Size of arguments: their values, keys included, and the characters of all texts."""

    values: int
    characters: int


def size_of(args: object, most: int) -> Size | None:
    """Measure arguments; None as soon as they have more values than `most`."""
    values, characters = 0, 0
    waiting: list[Any] = [args]
    while waiting:
        each = waiting.pop()
        values += 1
        if values + len(waiting) > most:
            return None
        if isinstance(each, str):
            characters += len(each)
        elif isinstance(each, dict | list) and len(each) > most:
            return None
        elif isinstance(each, dict):
            waiting += [part for pair in each.items() for part in pair]
        elif isinstance(each, list):
            waiting += each
    return Size(values, characters)


def loops_in(text: str) -> int:
    """Count how deep the loops of a condition can be nested: every word that could be a loop counts, four at most.

    Four nested loops over ten values already take all the steps.
    """
    return min(4, len(_LOOP.findall(text)))


def is_too_much(size: Size, loops: int, literals: int) -> bool:
    """Tell whether evaluation may take too long; `literals` are the values in the condition itself."""
    values = size.values + literals
    steps: int = min(MOST_STEPS, values**loops)
    return steps * (values + size.characters / _CHARACTERS) > MOST_WORK
