"""Keeps Python's garbage collector away from what a bot holds until it ends: modules, graphs, settings.

A full collection looks at every object that lives. With LangGraph imported these are so many that one takes 150 ms, in
which no click is acked, and a fifth of the bot's CPU under load. So nothing is collected while the bot starts, and what
is there when it is ready is never looked at again (`gc.freeze`). It leaves some 3,000 unreachable objects of the
imports. Settings that a reload replaces are freed as before, unless they are part of a reference cycle.

What a hundred graphs at work hold takes a full collection 30 to 50 ms, and Python's thresholds bring several of them a
second: as soon as what is new is a quarter of what is not frozen. So they are made a tenth as often (`SELDOM`): of 100
clicks a second with a graph resumed behind each, 99 of 100 are acked in 15 ms, not 48. Larger thresholds of the young
generations gave nothing: they make fewer collections, each of them longer.
"""

import contextlib
import gc
from collections.abc import Callable, Iterator

SELDOM = 100
"""Collections of the middle generation to a full one; Python's own is 10."""


@contextlib.contextmanager
def collected_when_ready() -> Iterator[Callable[[], None]]:
    """Collect nothing until the given function is called, or the block ends."""
    thresholds = gc.get_threshold()
    gc.disable()
    try:
        yield begin
    finally:
        gc.enable()
        gc.set_threshold(*thresholds)


def begin() -> None:
    """Collect from now on what is made from now on."""
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, SELDOM)
    gc.enable()
