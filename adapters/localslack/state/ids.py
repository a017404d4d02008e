"""Ids and timestamps in Slack's formats.

Ids of people and channels are made from their names, so they survive a restart without being stored and are readable
in a log. A message's `ts` is its id in a channel: a time in microseconds that never repeats and never goes back.
"""

import hashlib
import re
import secrets
import time
from collections.abc import Callable


def named(prefix: str, name: str) -> str:
    """Make the stable id of a name: `named("U", "alice")` is `U0ALICE`."""
    plain = name.upper()
    if re.fullmatch(r"[A-Z0-9]+", plain):
        return f"{prefix}0{plain}"
    digest = hashlib.sha256(name.encode()).hexdigest()[:6].upper()
    return f"{prefix}0{re.sub('[^A-Z0-9]', '', plain)}{digest}"


def fresh(prefix: str) -> str:
    """Make a new, unused id: `fresh("V")`."""
    return f"{prefix}0{secrets.token_hex(5).upper()}"


def short() -> str:
    """Make a block_id or action_id for an element that has none."""
    return secrets.token_urlsafe(4)


class Timestamps:
    """Issues `ts` values, each later than all before."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> str:
        """Return the next `ts`, seconds and six decimals."""
        self._last = max(int(self._clock() * 1_000_000), self._last + 1)
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def seen(self, ts: str) -> None:
        """Remember a `ts` read from the journal: the next ones must be later."""
        seconds, _, micros = ts.partition(".")
        self._last = max(self._last, int(seconds) * 1_000_000 + int(micros))
