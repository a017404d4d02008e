"""Keeps the bot within Slack's rate limits, by a budget that all of its processes share.

https://docs.slack.dev/apis/web-api/rate-limits. Three kinds of calls:

* What a person waits for at this moment never waits here: forms (`views.open`), words that only they see.
* What the lanes write (cards, messages) asks for a turn, with an urgency. Whoever writes is one of the few whom the
  lanes serve at once, so nobody waits here for long: who would is told to come back (`engine.ports.Later`), and keeps
  their place in the queue by their key. A busy channel holds up only itself.
* What is read (and the Home tab) waits a moment for room and then goes all the same: a decision may depend on it, and
  Slack has the last word.

A 429 is known to all processes at once, and for its whole time nobody calls that method: see `PacedClient`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from adapters.blockkit.rates import MINUTE, NOT_COUNTED, TIER_OF, TIERS
from engine.budget import Limit, Urgency, Wish
from engine.ports import Budget, Later

PATIENCE = 1.0
"""Seconds that somebody waits for their turn. One who is told to come back costs more than that."""
LONGEST = 30.0
"""Seconds that anything waits at most after a 429, before Slack is asked again; and for its turn to be posted."""
MESSAGES = Limit(5, 5.0)
"""Of each channel: one message a second, and a short burst. Slack names no figure for it."""
UNDER_WAY = 1.0
"""Seconds by which a call may arrive later than it was begun: two that were a minute apart are nearer then."""

POST = "chat.postMessage"
_READS = frozenset(
    each for each in TIER_OF if each.startswith(("conversations.", "usergroups.", "users.", "views.publish"))
)


class Pace:
    """Asks the budget before each call. Without one nothing is held back."""

    def __init__(
        self, budget: Budget | None = None, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._budget, self.sleep = budget, sleep
        self._counted = True

    def keep_to(self, budget: Budget) -> None:
        """Ask this budget from now on."""
        self._budget = budget

    async def turn(self, method: str, key: str, urgency: Urgency) -> None:
        """Wait for a turn to call a method once. Raises Later where that would take long: nothing is called then."""
        if self._counted:
            await self._take(Wish(method, limit_of(method), urgency, key))

    async def turn_to_post(self, channel: str, key: str, messages: int = 1) -> None:
        """Wait for a turn to post messages in a channel, `pause` between two of them. Raises Later before the first.

        Ask for all that one piece of work posts at once: after its first message it cannot come back without posting
        again.
        """
        await self._take(Wish(_posts_in(channel), MESSAGES, Urgency.FIRST, key, messages, LONGEST))

    async def pause(self) -> None:
        """Wait between two messages of one turn."""
        if self._budget is not None:
            await self.sleep(MESSAGES.interval)

    async def spare(self, method: str, channel: str, urgency: Urgency = Urgency.SPARE) -> float:
        """Whether there is room for what can be left out: 0.0, else the seconds after which there may be some."""
        if self._budget is None or not (self._counted or method == POST):
            return 0.0
        bucket, limit = (_posts_in(channel), MESSAGES) if method == POST else (method, limit_of(method))
        not_yet = await self._budget.take(Wish(bucket, limit, urgency))
        return 0.0 if not_yet is None else not_yet.seconds

    async def read(self, method: str) -> None:
        """Wait a moment for room where the method reads; where Slack refuses it for now, wait for that too."""
        if self._budget is None or not self._counted or method not in _READS:
            return
        not_yet = await self._budget.take(Wish(method, limit_of(method), Urgency.FIRST))
        if not_yet is not None:
            await self.sleep(min(not_yet.seconds, LONGEST if not_yet.refused else PATIENCE))

    async def refused(self, method: str, channel: str, seconds: float) -> None:
        """Slack answered 429: tell all processes."""
        if self._budget is not None:
            await self._budget.shut(_posts_in(channel) if method == POST else method, seconds)

    def heard(self, headers: Mapping[str, str]) -> None:
        """Learn from an answer whether calls are counted at all: see `adapters.blockkit.rates`."""
        self._counted = headers.get(NOT_COUNTED) != "off"

    async def _take(self, wish: Wish) -> None:
        if self._budget is None:
            return
        waited = 0.0
        while (not_yet := await self._budget.take(wish)) is not None:
            if waited + not_yet.seconds > PATIENCE:
                raise Later(min(not_yet.seconds, LONGEST if not_yet.refused else wish.again))
            await self.sleep(not_yet.seconds)
            waited += not_yet.seconds


def limit_of(method: str) -> Limit:
    """How often a method of a tier may be called."""
    return Limit(TIERS[TIER_OF[method]], MINUTE + UNDER_WAY)


def _posts_in(channel: str) -> str:
    return f"{POST}/{channel}"
