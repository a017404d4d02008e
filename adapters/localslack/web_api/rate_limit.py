"""Slack's rate limits: messages in each channel, and each method's tier in the workspace.

A tier of `20+ per minute` allows 20 calls at once after a quiet minute, then 20 a minute.
Sources: https://docs.slack.dev/apis/web-api/rate-limits, and the page of each method for its tier.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adapters.blockkit import rates
from adapters.localslack.faults import Limits as Mode
from adapters.localslack.web_api.call import ApiCall


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A rate limit: calls a second, and calls at once after a quiet time."""

    per_second: float = 1.0
    burst: int = 40


SLACKS_RATE = RateLimit()
"""Of messages in one channel: one a second; short bursts are allowed."""

_POSTS = ("chat.postMessage", "chat.postEphemeral")


TIERS: Mapping[str, RateLimit] = {
    # Tier 1, `a small amount of burst behavior is tolerated`: enough for a bot that reopens its sockets.
    "apps.connections.open": RateLimit(1 / 60, 10),
    **{method: RateLimit(rates.TIERS[tier] / 60, rates.TIERS[tier]) for method, tier in rates.TIER_OF.items()},
}
"""The limit of each method in one workspace. What is not here has none that a bot reaches (`auth.test`)."""


class Limits:
    """The limits of one workspace: those of `posts` in a channel, and with the mode `real` all others too."""

    def __init__(self, posts: RateLimit | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._posts = posts
        self._buckets = Buckets(clock)

    def wait(self, call: ApiCall, mode: Mode | None) -> float:
        """Take a token and return 0, or return the seconds until one is free. Mode None: the limit of posts only."""
        waits = [0.0]
        posts = self._posts if mode is None else None if mode == "none" else self._posts or SLACKS_RATE
        if posts is not None and call.method in _POSTS:
            waits.append(self._buckets.wait(f"channel/{call.text('channel')}", posts))
        if mode == "real" and (tier := TIERS.get(call.method)):
            waits.append(self._buckets.wait(f"method/{call.method}", tier))
        return max(waits)


class Buckets:
    """Token buckets, by name."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, float]] = {}

    def wait(self, name: str, limit: RateLimit) -> float:
        """Take a token and return 0, or return the seconds until there is one."""
        now = self._clock()
        tokens, then = self._known.get(name, (float(limit.burst), now))
        tokens = min(float(limit.burst), tokens + (now - then) * limit.per_second)
        taken = tokens >= 1
        self._known[name] = (tokens - 1 if taken else tokens, now)
        return 0.0 if taken else (1 - tokens) / limit.per_second
