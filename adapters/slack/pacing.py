"""One message a second and channel, with room for a short burst, as Slack asks of everybody who posts.

https://docs.slack.dev/apis/web-api/rate-limits (Posting messages). One object for all that posts in a process; between
several processes Slack's 429 is what holds them back.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

_MOST_CHANNELS = 10_000


class Pacer:
    """A bucket of tokens for each channel: `burst` messages at once, then `rate` a second, in the order of asking."""

    def __init__(
        self,
        rate: float = 1.0,
        burst: int = 5,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._interval, self._burst = 1 / rate, burst
        self._clock, self._sleep = clock, sleep
        self._next: dict[str, float] = {}

    async def turn(self, channel: str) -> None:
        """Wait until a message may be posted there."""
        now = self._clock()
        full = now - self._interval * (self._burst - 1)
        at = max(self._next.get(channel, full), full)
        self._next[channel] = at + self._interval
        self._forget(now)
        if at > now:
            await self._sleep(at - now)

    def _forget(self, now: float) -> None:
        """Drop channels whose bucket is full again, once there are many."""
        if len(self._next) > _MOST_CHANNELS:
            full = now - self._interval * (self._burst - 1)
            self._next = {channel: at for channel, at in self._next.items() if at > full}
