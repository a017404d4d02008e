"""What holds for all tests: no example is timed, since a busy machine is no fault. And what coverage measures."""

import gc
import os
import sys
from collections.abc import Iterator

import pytest
from fakes.servers import ring, whole_ring
from hypothesis import settings

__all__ = ["ring", "whole_ring"]
"""One cluster for all tests of a worker, wherever they stand: it takes 2 seconds to start."""

settings.register_profile("signoff", deadline=None)
settings.load_profile("signoff")

NOT_MEASURED = (
    "tests/bench/", "tests/browser/", "tests/conventions/", "tests/crash/", "tests/examples/", "tests/install/",
    "tests/server/", "tests/stories/", "tests/upgrade/", "test_reading_bounds.py",
)  # fmt: skip
"""Tests whose work is done by other processes, and long ones that hammer on what the tests of a module reach as well:
the tracer would make them take half as long again."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Take three workers for two cores: tests wait a third of the time for processes, servers and timers."""
    return (os.cpu_count() or 1) * 3 // 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out of coverage what it would slow down: besides the above, every test with a time limit of its own."""
    for item in items:
        if any(each in item.nodeid for each in NOT_MEASURED) or item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture(autouse=True)
def _path_as_before() -> Iterator[None]:
    """Take the folders of a test's project out of the path: they stay there as long as a process runs its graphs."""
    before = [*sys.path]
    yield
    sys.path[:] = before


def pytest_collection_finish() -> None:
    """Keep what collection made out of each later search for garbage: ten thousand tests are many objects."""
    gc.collect()
    gc.freeze()
