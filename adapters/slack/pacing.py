"""One message a second and channel, with room for a short burst, as Slack asks of everybody who posts.

https://docs.slack.dev/apis/web-api/rate-limits (Posting messages). One object for all that posts in a process; between
several processes Slack's 429 is what holds them back.

Whoever posts is one of the few whom the lanes serve at once. So nobody waits here for long: who would is told when to
come back, with a booking that keeps the order, and others are served meanwhile. A busy channel holds up only itself.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from engine.ports import Later

PATIENCE = 1.0
"""Seconds that somebody waits for their first message. One who is told to come back costs more than that."""
_LATE = 60.0
"""Seconds after which a booking that nobody came back for is void."""
_MOST_KEPT = 10_000


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
        self._booked: dict[tuple[str, str], float] = {}

    def book(self, channel: str, key: str, messages: int = 1) -> Sequence[float]:
        """When each of so many messages may be posted there, by this pacer's clock: wait for each with `until`.

        Raises Later where the first is more than `PATIENCE` away; who then comes back with the same key has kept their
        place in the row. Book all that one piece of work posts before its first message: after that it cannot come
        back without posting again.
        """
        now = self._clock()
        first = self._booked.pop((channel, key), None)
        if first is None or first < now - _LATE:
            first = self._reserved(channel, messages, now)
        if first - now > PATIENCE:
            self._booked[channel, key] = first
            raise Later(first - now)
        return [first + number * self._interval for number in range(messages)]

    async def until(self, turn: float) -> None:
        """Wait for a turn that was booked."""
        now = self._clock()
        if turn > now:
            await self._sleep(turn - now)

    def _reserved(self, channel: str, messages: int, now: float) -> float:
        self._forget(now)
        full = now - self._interval * (self._burst - 1)
        first = max(self._next.get(channel, full), full)
        self._next[channel] = first + messages * self._interval
        return first

    def _forget(self, now: float) -> None:
        """Drop channels whose bucket is full again, and bookings that are void, once there are many."""
        if len(self._next) > _MOST_KEPT:
            full = now - self._interval * (self._burst - 1)
            self._next = {channel: at for channel, at in self._next.items() if at > full}
        if len(self._booked) > _MOST_KEPT:
            self._booked = {booked: at for booked, at in self._booked.items() if at >= now - _LATE}
