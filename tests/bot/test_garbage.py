"""The garbage collector leaves what a bot holds alone, and takes what comes later."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from bot.runtime.garbage import SELDOM, collected_when_ready


class Cycle:
    """An object that only the collector frees."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.enable()


def test_what_a_bot_holds_when_it_is_ready_is_not_looked_at_and_later_garbage_is_freed() -> None:
    before = gc.get_threshold()
    with collected_when_ready() as collect:
        assert not gc.isenabled()
        held = Cycle()
        collect()
        assert gc.isenabled()
        later = weakref.ref(Cycle())
        gc.collect()
        assert later() is None
        assert all(each is not held for each in gc.get_objects())
        assert gc.get_threshold() == (*before[:2], SELDOM)
    assert gc.isenabled()
    assert gc.get_threshold() == before


def test_a_bot_that_does_not_start_leaves_the_collector_on() -> None:
    frozen = gc.get_freeze_count()
    with pytest.raises(ValueError, match="a wrong graph"), collected_when_ready():
        raise ValueError("a wrong graph")
    assert gc.isenabled()
    assert gc.get_freeze_count() == frozen
