"""One message a second and channel, with a burst.

Source: https://docs.slack.dev/apis/web-api/rate-limits (chat.postMessage allows short bursts).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many messages a channel takes a second, and how many at once after a quiet time."""

    per_second: float = 1.0
    burst: int = 40


SLACKS_RATE = RateLimit()


class Bucket:
    """The tokens of every channel."""

    def __init__(self, limit: RateLimit, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._channels: dict[str, tuple[float, float]] = {}

    def wait(self, channel: str) -> float:
        """Take a token and return 0, or return the seconds until there is one."""
        now = self._clock()
        tokens, then = self._channels.get(channel, (float(self._limit.burst), now))
        tokens = min(float(self._limit.burst), tokens + (now - then) * self._limit.per_second)
        taken = tokens >= 1
        self._channels[channel] = (tokens - 1 if taken else tokens, now)
        return 0.0 if taken else (1 - tokens) / self._limit.per_second
