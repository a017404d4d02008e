"""How long a condition may take, told before it is evaluated.

The library stops after 10,000 steps of loops, but says nothing of how long a step takes: one that compares lists or
joins texts takes as long as they are. It holds the interpreter's lock meanwhile, so that a thread with a time limit
would stop the bot all the same. So the work is bounded by what goes in: the steps that the loops of a condition can
take, times the size of the arguments. At the bound the worst conditions that were found (three long lists joined in two
nested loops) take half a second on a slow machine, and usual ones some milliseconds.

To look through arguments takes time as well, and more where each is compared with the type that the tool declares: some
microseconds a value, which a list of a million of them makes seconds.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

MOST_VALUES: Final = 100_000
"""The values of arguments that a condition is asked about."""
MOST_TYPED: Final = 10_000
"""The same where the tool's schema declares their types."""
MOST_STEPS: Final = 10_000
"""The steps of loops after which the library gives up."""
MOST_WORK: Final = 2_000_000
_CHARACTERS: Final = 20
"""Characters that take as long as one value of a list."""
_LOOP = re.compile(r"\b(?:all|exists|exists_one|map|filter)\b")


@dataclass(frozen=True, slots=True)
class Size:
    """The size of arguments: their values, keys included, and the characters of all texts."""

    values: int
    characters: int


def size_of(args: object, most: int) -> Size | None:
    """The size of arguments, None where they have more values than `most`: then no more of them is looked at."""
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
    """How deep the loops of a condition can be nested: each word that could be one counts, and four are as bad as any.

    Four nested loops over ten values take all the steps that there are.
    """
    return min(4, len(_LOOP.findall(text)))


def is_too_much(size: Size, loops: int, literals: int) -> bool:
    """Whether evaluating may take too long; `literals` are the values that the condition has itself."""
    values = size.values + literals
    steps: int = min(MOST_STEPS, values**loops)
    return steps * (values + size.characters / _CHARACTERS) > MOST_WORK
