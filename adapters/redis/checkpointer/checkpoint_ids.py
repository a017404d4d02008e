"""Keeps the ids of checkpoints in order where several processes write a thread, whatever their clocks say.

The newest checkpoint of a thread is the one with the greatest id, and LangGraph makes ids of the clock of the process
that runs. A process whose clock is behind would write a step under an id below those that are there: the thread would
still stand where it stood before. So each process makes its ids after the newest that it has read, as a hybrid logical
clock does (https://cse.buffalo.edu/tech-reports/2014-04.pdf). Every run reads its thread before it writes.
"""

from contextlib import suppress
from typing import Any

from langgraph.checkpoint.base import id as ids

_LAST = "_last_v6_timestamp"
"""Where `uuid6` keeps the time of the last id that it made: the next one is later. It has no function for that."""
_VERSION = 6
_LATEST = 2**59
"""A time in the year 3409, in the units of an id: what is later was not made of a clock, and nothing may follow it."""


def follow(checkpoint: str) -> None:
    """Let the ids that this process makes from now on sort after this one. An id that is no `uuid6` is left alone."""
    with suppress(ValueError):
        made = ids.UUID(checkpoint)
        if made.version == _VERSION and made.time < _LATEST:
            known: dict[str, Any] = vars(ids)
            known[_LAST] = max(known[_LAST] or 0, made.time)
