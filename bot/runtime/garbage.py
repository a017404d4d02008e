"""Keeps Python's garbage collector away from what a bot holds until it ends: modules, graphs, settings.

A full collection looks at every object that lives. With LangGraph imported these are so many that one takes 150 ms, in
which no click is acked, and a fifth of the bot's CPU under load. So nothing is collected while the bot starts, and what
is there when it is ready is never looked at again (`gc.freeze`). It leaves some 3,000 unreachable objects of the
imports. Settings that a reload replaces are freed as before, unless they are part of a reference cycle.

Larger thresholds were tried and gave nothing: they make fewer collections, each of them longer.
"""

import contextlib
import gc
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def collected_when_ready() -> Iterator[Callable[[], None]]:
    """Collect nothing until the given function is called, or the block ends."""
    gc.disable()
    try:
        yield _begin
    finally:
        gc.enable()


def _begin() -> None:
    gc.freeze()
    gc.enable()
