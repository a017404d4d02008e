"""Writes the facts down as they happen, so that a run that is cut off leaves them."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Recorder:
    """The observed facts of one run, and its counters for the table."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.counts: Counter[str] = Counter()
        self.acks: list[float] = []
        """The milliseconds of the acked clicks."""

    def fact(self, fact: str, **fields: Any) -> None:
        """Write one down."""
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"fact": fact, **fields}) + "\n")

    def next_case(self) -> int:
        """Count a case; gives its number."""
        self.counts["cases"] += 1
        return self.counts["cases"]

    @property
    def clicks_a_case(self) -> float:
        """About how many clicks a case takes. Those of the last cases are still to come, so it is at least 2."""
        return min(4.0, max(2.0, self.counts["clicks"] / max(1, self.counts["cases"])))

    @contextmanager
    def trouble(self, what: str) -> Iterator[None]:
        """Write down that something is broken as long as this lasts."""
        since = now()
        self.counts[what] += 1
        try:
            yield
        finally:
            self.fact("trouble", what=what, since=since, until=now())


def now() -> float:
    """The time of all facts."""
    return time.monotonic()
