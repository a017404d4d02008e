"""Keeps the sources of who is on call warm while anything is pending, so that a click finds their answers there."""

import asyncio
import contextlib

from redis.exceptions import RedisError

from bot.oncall.in_force import OnCallInForce
from engine.ports import Listing

EVERY = 10.0
"""Seconds between two looks at whether anything is pending."""


async def keep(approvals: Listing, on_call: OnCallInForce, every: float = EVERY) -> None:
    """Look after the sources until cancelled. While nothing is pending, no service is asked again and again.

    Which of several schedules a pending request may need is not looked for: there are few of them, and a step of a
    ladder or a change of the rules may bring each into it.
    """
    async with asyncio.TaskGroup() as both:
        both.create_task(on_call.keep())
        both.create_task(_follow(approvals, on_call, every))


async def _follow(approvals: Listing, on_call: OnCallInForce, every: float) -> None:
    while True:
        with contextlib.suppress(RedisError):  # the sources stay as warm as they are
            on_call.keep_warm(bool(on_call.schedules and await approvals.pending(1)))
        await asyncio.sleep(every)
