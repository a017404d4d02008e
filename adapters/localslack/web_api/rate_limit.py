"""Slack's rate limits: messages of each channel, and the tier of each method in the workspace.

A tier's `20+ per minute` is taken at its word: so many at once after a quiet minute, then as many a minute.
Sources: https://docs.slack.dev/apis/web-api/rate-limits, and the page of each method for its tier.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adapters.localslack.faults import Limits as Mode
from adapters.localslack.web_api.call import Call


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many calls a second, and how many at once after a quiet time."""

    per_second: float = 1.0
    burst: int = 40


SLACKS_RATE = RateLimit()
"""Of messages in one channel: one a second; short bursts are allowed."""

_POSTS = ("chat.postMessage", "chat.postEphemeral")


def _tier(per_minute: int) -> RateLimit:
    return RateLimit(per_minute / 60, per_minute)


_TIER_2, _TIER_3, _TIER_4 = _tier(20), _tier(50), _tier(100)
_FEW = RateLimit(1 / 60, 10)
"""Tier 1, `a small amount of burst behavior is tolerated`: enough for a bot that opens its sockets anew."""

TIERS: Mapping[str, RateLimit] = {
    "apps.connections.open": _FEW,
    "bots.info": _TIER_3,
    "chat.appendStream": _TIER_4,
    "chat.delete": _TIER_3,
    "chat.postEphemeral": _TIER_4,
    "chat.startStream": _TIER_2,
    "chat.stopStream": _TIER_2,
    "chat.update": _TIER_3,
    "conversations.history": _TIER_3,
    "conversations.info": _TIER_3,
    "conversations.list": _TIER_2,
    "conversations.members": _TIER_4,
    "conversations.open": _TIER_3,
    "conversations.replies": _TIER_3,
    "files.completeUploadExternal": _TIER_4,
    "files.getUploadURLExternal": _TIER_4,
    "files.info": _TIER_4,
    "reactions.add": _TIER_3,
    "reactions.remove": _TIER_2,
    "usergroups.list": _TIER_2,
    "usergroups.users.list": _TIER_2,
    "users.conversations": _TIER_3,
    "users.info": _TIER_4,
    "users.list": _TIER_2,
    "users.lookupByEmail": _TIER_3,
    "views.open": _TIER_4,
    "views.publish": _TIER_4,
    "views.push": _TIER_4,
    "views.update": _TIER_4,
}
"""The limit of each method in one workspace. What is not here has none that a bot reaches (`auth.test`)."""


class Limits:
    """The limits of one workspace: those of `posts` in a channel, and with the mode `real` all others too."""

    def __init__(self, posts: RateLimit | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._posts = posts
        self._buckets = Buckets(clock)

    def wait(self, call: Call, mode: Mode | None) -> float:
        """Take a token and return 0, or return the seconds until there is one. Without a mode, as at the start."""
        waits = [0.0]
        posts = self._posts if mode is None else None if mode == "none" else self._posts or SLACKS_RATE
        if posts is not None and call.method in _POSTS:
            waits.append(self._buckets.wait(f"channel/{call.text('channel')}", posts))
        if mode == "real" and (tier := TIERS.get(call.method)):
            waits.append(self._buckets.wait(f"method/{call.method}", tier))
        return max(waits)


class Buckets:
    """The tokens of everything that is limited, by name."""

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
