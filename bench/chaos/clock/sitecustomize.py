"""Lets a worker sleep under libfaketime: CPython sleeps until a time of the monotonic clock, which it gets wrong.

A worker whose clock jumps starts with this folder on its path. Python imports a `sitecustomize` by itself.
"""

import select
import time
from typing import Any


def _sleep(seconds: Any) -> None:
    select.select([], [], [], seconds)


time.sleep = _sleep
