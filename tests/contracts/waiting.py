"""Waiting for something to become true, and for nothing else."""

import asyncio
from collections.abc import Awaitable, Callable

from fakes.patience import PATIENCE


async def wait_until(true: Callable[[], bool] | Callable[[], Awaitable[bool]], seconds: float = PATIENCE) -> None:
    """Return as soon as `true()` holds. Raises TimeoutError when it never does."""
    async with asyncio.timeout(seconds):
        while True:
            held = true()
            if held is True or (not isinstance(held, bool) and await held):
                return
            await asyncio.sleep(0.005)
