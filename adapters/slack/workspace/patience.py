"""A start waits for a Slack that is busy or broken for a while, in place of taking the token for wrong.

Slack limits how often an app connects, so the processes of a rollout, or workers that are started again, can be told to
come later; and an error of Slack's own says nothing about the configuration. A host that cannot be reached is told at
once: that is more often a wrong proxy than a broken Slack.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from adapters.slack.workspace.errors import SlackRefused

SECONDS = 30.0
"""The longest that a call of a start is repeated; what runs the bot may start it again after that."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0

T = TypeVar("T")

log = structlog.get_logger(__name__)


async def patiently(call: Callable[[], Awaitable[T]], *, known_token: bool = False) -> T:
    """Call, and call again while Slack is busy or broken, for `SECONDS`. Raises what the last call raised.

    `known_token`: Slack took the token a moment ago, so that whatever it refuses now passes.
    """
    loop = asyncio.get_running_loop()
    end, pause = loop.time() + SECONDS, _FIRST_PAUSE
    while True:
        try:
            return await call()
        except SlackRefused as error:
            if not (error.passes or known_token) or loop.time() + pause > end:
                raise
            log.warning("slack_not_ready", method=error.method, code=error.code, again_in=pause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
