"""Holds the on-call sources of the last `app.yaml` that took effect.

A reload replaces the set of sources. Requests to the old sources are still answered; then the old set closes its
connections.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime

from bot.oncall.on_call import OnCallSources
from engine.ports import Clock, Duty

Close = Callable[[], Awaitable[None]]


async def _nothing() -> None:
    """Close nothing: the first sources are closed where they were opened."""


class OnCallInForce:
    """The port `OnCall`."""

    def __init__(self, sources: OnCallSources, clock: Clock) -> None:
        self._sources, self._clock = sources, clock
        self._close: Close = _nothing
        self._replaced = asyncio.Event()
        self._warm = False

    @property
    def schedules(self) -> Collection[str]:
        """The names of all sources."""
        return self._sources.schedules

    def keep_to(self, clock: Clock) -> None:
        """Use this clock from now on."""
        self._clock = clock
        self._sources.keep_to(clock)

    async def on_duty(self, schedule: str, at: datetime, patience: float) -> Duty:
        """The people on call at `at`; waits at most `patience` seconds. Never raises."""
        return await self._sources.on_duty(schedule, at, patience)

    def keep_warm(self, warm: bool) -> None:  # noqa: FBT001 - the one thing it is told
        """Keep all sources warm from now on, or none."""
        self._warm = warm
        self._sources.wanted(self.schedules if warm else ())

    async def keep(self) -> None:
        """See `OnCallSources.keep`; goes on with the sources that replace these."""
        while True:
            self._replaced.clear()
            async with asyncio.TaskGroup() as both:
                keeping = both.create_task(self._sources.keep())
                await self._replaced.wait()
                keeping.cancel()

    def failing(self) -> tuple[str, ...]:
        """A sentence for each source that failed when it was asked last."""
        return self._sources.failing()

    def replace(self, sources: OnCallSources, close: Close) -> Close:
        """Replace the sources. Returns a function that closes the old ones, once nobody waits for them."""
        old, close_old = self._sources, self._close
        old.retire()
        sources.keep_to(self._clock)
        self._sources, self._close = sources, close
        self.keep_warm(self._warm)
        self._replaced.set()

        async def let_go() -> None:
            try:
                await old.at_rest()
            finally:
                await old.aclose()
                await close_old()

        return let_go

    async def aclose(self) -> None:
        """Stop asking."""
        await self._sources.aclose()
        await self._close()
