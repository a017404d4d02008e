"""Keeps the bot within Slack's rate limits, with a budget that all its processes share.

https://docs.slack.dev/apis/web-api/rate-limits. Three kinds of calls:

* Calls that a person is waiting for never wait here: forms (`views.open`), ephemeral messages.
* Writes of the lanes (cards, messages) ask for a turn, with an urgency. Lanes serve few at once, so a write does not
  wait here for long: it is told to come back (`engine.ports.Later`), and keeps its place in the queue by its key. A
  busy channel delays only itself.
* Reads (and the Home tab) wait a moment for room and are then made anyway: a decision may depend on them, and Slack has
  the last word.

All processes learn of a 429 at once, and none calls the method until it is over: see `PacedClient`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from adapters.blockkit.rates import MINUTE, NOT_COUNTED, TIER_OF, TIERS
from engine.budget import Limit, Urgency, Wish
from engine.ports import Budget, Later

PATIENCE = 1.0
"""Seconds to wait for a turn. Coming back costs more than that."""
LONGEST = 30.0
"""The most seconds to wait after a 429 before Slack is called again, and for a turn to post."""
MESSAGES = Limit(5, 5.0)
"""Per channel: one message a second, and a short burst. Slack documents no figure for the burst."""
UNDER_WAY = 1.0
"""Seconds that a call may spend on its way: two that started a minute apart may arrive closer together."""

POST = "chat.postMessage"
_READS = frozenset(
    each for each in TIER_OF if each.startswith(("conversations.", "usergroups.", "users.", "views.publish"))
)


class Pace:
    """Asks the budget before each call. Without one, nothing waits."""

    def __init__(
        self, budget: Budget | None = None, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._budget, self.sleep = budget, sleep
        self._counted = True

    def keep_to(self, budget: Budget) -> None:
        """Use this budget from now on."""
        self._budget = budget

    async def turn(self, method: str, key: str, urgency: Urgency) -> None:
        """Wait for a turn to call a method once. Raises Later if that would take long."""
        if self._counted:
            await self._take(Wish(method, limit_of(method), urgency, key))

    async def turn_to_post(self, channel: str, key: str, messages: int = 1) -> None:
        """Wait for a turn to post messages in a channel; `pause` between two of them. Raises Later.

        Ask once for everything that a piece of work posts: after its first message it cannot come back without posting
        that again.
        """
        await self._take(Wish(_posts_in(channel), MESSAGES, Urgency.FIRST, key, messages, LONGEST))

    async def pause(self) -> None:
        """Wait between two messages of one turn."""
        if self._budget is not None:
            await self.sleep(MESSAGES.interval)

    async def spare(self, method: str, channel: str, urgency: Urgency = Urgency.SPARE) -> float:
        """The seconds until there may be room for an optional call; 0.0 if there is."""
        if self._budget is None or not (self._counted or method == POST):
            return 0.0
        bucket, limit = (_posts_in(channel), MESSAGES) if method == POST else (method, limit_of(method))
        not_yet = await self._budget.take(Wish(bucket, limit, urgency))
        return 0.0 if not_yet is None else not_yet.seconds

    async def read(self, method: str) -> None:
        """Wait a moment for room if the method reads; during a rate limit, wait for its end."""
        if self._budget is None or not self._counted or method not in _READS:
            return
        not_yet = await self._budget.take(Wish(method, limit_of(method), Urgency.FIRST))
        if not_yet is not None:
            await self.sleep(min(not_yet.seconds, LONGEST if not_yet.refused else PATIENCE))

    async def refused(self, method: str, channel: str, seconds: float) -> None:
        """Tell all processes about a 429."""
        if self._budget is not None:
            await self._budget.shut(_posts_in(channel) if method == POST else method, seconds)

    def heard(self, headers: Mapping[str, str]) -> None:
        """Learn from an answer whether calls are counted: see `adapters.blockkit.rates`."""
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
    """The limit of a method, by its tier."""
    return Limit(TIERS[TIER_OF[method]], MINUTE + UNDER_WAY)


def _posts_in(channel: str) -> str:
    return f"{POST}/{channel}"
