"""Keeps the on-call sources warm while any request is pending, so that a click need not wait for them."""

import asyncio
import contextlib

from redis.exceptions import RedisError

from bot.oncall.reloading import OnCallInForce
from engine.ports import Listing

EVERY = 10.0
"""Seconds between two looks at whether anything is pending."""


async def keep(approvals: Listing, on_call: OnCallInForce, every: float = EVERY) -> None:
    """Watch for pending requests until cancelled. While there are none, no service is polled.

    All schedules are kept warm, not only those that a pending request names: there are few of them, and an escalation
    or a change of the rules may bring in each one.
    """
    async with asyncio.TaskGroup() as both:
        both.create_task(on_call.keep())
        both.create_task(_follow(approvals, on_call, every))


async def _follow(approvals: Listing, on_call: OnCallInForce, every: float) -> None:
    while True:
        with contextlib.suppress(RedisError):  # the sources stay as warm as they are
            on_call.keep_warm(bool(on_call.schedules and await approvals.pending(1)))
        await asyncio.sleep(every)
