"""How long a condition may take, told before it is evaluated.

The library stops after 10,000 steps of loops, but says nothing of how long a step takes: one that compares lists or
joins texts takes as long as they are. It holds the interpreter's lock meanwhile, so that a thread with a time limit
would stop the bot all the same. So the work is bounded by what goes in: the steps that the loops of a condition can
take, times the size of the arguments. At the bound the worst conditions that were found (three long lists joined in two
nested loops) take half a second on a slow machine, and usual ones some milliseconds.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from engine.ask import Json

MOST_STEPS: Final = 10_000
"""The steps of loops after which the library gives up."""
MOST_WORK: Final = 2_000_000
_CHARACTERS: Final = 20
"""Characters that take as long as one value of a list."""
_LOOP = re.compile(r"\b(?:all|exists|exists_one|map|filter)\b")


def loops_in(text: str) -> int:
    """How deep the loops of a condition can be nested: each word that could be one counts, and four are as bad as any.

    Four nested loops over ten values take all the steps that there are.
    """
    return min(4, len(_LOOP.findall(text)))


def is_too_much(args: Mapping[str, Json], loops: int, literals: int) -> bool:
    """Whether evaluating may take too long; `literals` are the values that the condition has itself."""
    values, size = literals, 0
    waiting: list[Any] = [args]
    while waiting:
        each = waiting.pop()
        values += 1
        if isinstance(each, dict):
            waiting += [part for pair in each.items() for part in pair]
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, str):
            size += len(each)
    steps: int = min(MOST_STEPS, values**loops)
    return steps * (values + size / _CHARACTERS) > MOST_WORK
