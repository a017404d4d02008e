"""Which crashes are run: each hop once in every run of the tests, all of them with `SIGNOFF_CRASHES=all`.

All take 9 minutes with `pytest -n 4`.
"""

import os
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")
EVERYTHING = os.environ.get("SIGNOFF_CRASHES") == "all"


def chosen(everything: Iterable[T], some: Iterable[T]) -> list[T]:
    """Give all, or some of them."""
    return list(everything if EVERYTHING else some)
