"""Two processes within Slack's limits: nothing is refused, what is decided loses its buttons first, nothing is lost.

The local workspace holds Slack's real limits, in which a minute lasts some seconds.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pytest
from fakes.people import wait_until
from fakes.valkey import redis_server, redis_url
from support.slack_app import Bot
from support.slack_samples import approval, chose, policy
from typing_extensions import override

from adapters.blockkit.rates import TIER_OF, TIERS
from adapters.localslack.web_api import rate_limit
from adapters.localslack.web_api.rate_limit import RateLimit
from adapters.redis.keys import Keys
from adapters.redis.lanes.lanes import RedisLanes
from adapters.redis.stores.budget import RedisBudget
from adapters.redis.transport.multiplexed import Multiplexed
from adapters.slack.outbound.chat import SlackChat
from adapters.slack.workspace import pacing
from adapters.slack.workspace.client import web_client
from adapters.slack.workspace.identity import whoami
from engine.approvals.approval import Approval
from engine.approvals.effects import DrawCard
from engine.asks.ask import Choice
from engine.budget import NotYet, Wish
from engine.ids import ApprovalId, InterruptId, ThreadId, UserId, approval_id
from engine.ports import Work

__all__ = ["redis_server", "redis_url"]

MINUTE = 4.0
CARDS = 200
PER_MINUTE = TIERS[TIER_OF["chat.update"]]


class Counting(RedisBudget):
    """Counts what is asked of the budget, what it grants, and what Slack refuses all the same."""

    asked = granted = refused = 0

    @override
    async def take(self, wish: Wish) -> NotYet | None:
        answer = await super().take(wish)
        self.asked += 1
        self.granted += answer is None
        return answer

    @override
    async def shut(self, bucket: str, seconds: float) -> None:
        self.refused += 1
        await super().shut(bucket, seconds)


@dataclass
class Process:
    """One process of a bot: its lanes, its budget, and its client of Slack. `drawn` is of all processes."""

    approvals: Mapping[ApprovalId, Approval]
    lanes: RedisLanes
    chat: SlackChat
    budget: Counting
    drawn: list[ApprovalId]

    async def perform(self, work: Work) -> None:
        assert isinstance(work.effect, DrawCard)
        await self.chat.draw(self.approvals[work.effect.approval], work.attempt)
        self.drawn.append(work.effect.approval)


@contextlib.asynccontextmanager
async def processes(
    bot: Bot, redis_url: str, approvals: Mapping[ApprovalId, Approval], count: int = 2
) -> AsyncIterator[Sequence[Process]]:
    """Processes that are served until the block ends."""
    environment, drawn = bot.slack.environment(), list[ApprovalId]()
    async with contextlib.AsyncExitStack() as stack:
        made = []
        for _ in range(count):
            database = await stack.enter_async_context(Multiplexed.from_url(redis_url))
            client = await stack.enter_async_context(
                web_client(environment["SLACK_BOT_TOKEN"], environment["SLACK_API_URL"])
            )
            await whoami(client)
            client.pace.keep_to(budget := Counting(database, Keys(), bot.identity.team, patience=30))
            chat = SlackChat(client, bot.identity.user, client.pace)
            made.append(Process(approvals, RedisLanes(database, Keys(), redis_url), chat, budget, drawn))
        serving = [asyncio.create_task(each.lanes.serve(each.perform)) for each in made]
        try:
            yield made
        finally:
            for task in serving:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)


async def posted(bot: Bot, count: int) -> list[Approval]:
    """Cards that stand in Slack, each of a conversation of its own."""
    bob, carol = UserId(await bot.user("bob")), UserId(await bot.user("carol"))
    place, made = await bot.place("#deploys"), []
    for number in range(count):
        thread, interrupt = ThreadId(f"slack:T0LOCAL/C0DEPLOYS/{number}.1"), InterruptId(f"i{number}")
        one = approval(rule=policy(bob, carol, quorum=2), place=place, interrupt=interrupt, thread=thread)
        one = replace(one, id=approval_id(thread, interrupt, "d1"), requester=UserId(await bot.user("alice")))
        made.append(replace(one, card=await bot.chat.draw(one, 1)))
    return made


@pytest.fixture
def short_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute lasts `MINUTE` seconds, for Slack and for the bot."""
    per_minute = {method: RateLimit(TIERS[tier] / MINUTE, TIERS[tier]) for method, tier in TIER_OF.items()}
    monkeypatch.setattr(rate_limit, "TIERS", per_minute)
    monkeypatch.setattr(pacing, "MINUTE", MINUTE)


@pytest.mark.promise("P8")
@pytest.mark.usefixtures("short_minutes")
async def test_200_redraws_of_two_processes_are_never_refused_and_decided_cards_go_first(
    chatting: Bot, redis_url: str
) -> None:
    cards = await posted(chatting, CARDS)
    bob, carol = (UserId(each.name) for each in cards[0].reviews[0].policy.sources)
    voted = [chose(each, bob, Choice.APPROVE) for each in cards]
    decided = {each.id for each in voted[::4]}
    became = {each.id: chose(each, carol, Choice.APPROVE) if each.id in decided else each for each in voted}
    await chatting.slack.people.fault(limits="real")
    async with processes(chatting, redis_url, became) as (one, other):
        for number, each in enumerate(sorted(became, key=lambda each: each in decided)):  # the decided ones come last
            for vote in range(3):
                await (one, other)[number % 2].lanes.put(DrawCard(each), f"vote {vote}")

        async def all_drawn() -> bool | None:
            return len(one.drawn) == 3 * CARDS or None

        await wait_until(all_drawn, patience=90, instead=lambda: f"{len(one.drawn)} redraws of {3 * CARDS} are done")
        assert (one.budget.refused, other.budget.refused) == (0, 0)
        order = list(dict.fromkeys(one.drawn))
        begun = PER_MINUTE  # so many went at once, when nobody waited yet
        assert {*order[begun : begun + len(decided - {*order[:begun]})]} <= decided
        assert one.budget.granted + other.budget.granted <= CARDS + 2 * PER_MINUTE  # who waited was drawn once
    await chatting.slack.people.fault(limits="none")
    shown = {each.ts: each for each in await chatting.slack.person("bob").messages("#deploys") if each.from_bot}
    for which, drawn in became.items():
        card = shown[str(drawn.card)]
        assert bool(card.buttons) is (which not in decided)
        assert ("1 of 2 approvals" in card.text) is (which not in decided)


@pytest.mark.parametrize(("limits", "asked"), [("real", 10), ("none", 0)])
async def test_a_redraw_asks_the_budget_once_and_without_limits_not_at_all(
    chatting: Bot, redis_url: str, limits: str, asked: int
) -> None:
    (card,) = await posted(chatting, 1)
    await chatting.slack.people.fault(limits=limits)
    async with processes(chatting, redis_url, {card.id: card}, count=1) as (one,):
        for vote in range(10):
            await one.lanes.put(DrawCard(card.id), f"vote {vote}")

        async def all_drawn() -> bool | None:
            return len(one.drawn) == 10 or None

        await wait_until(all_drawn)
        assert one.budget.asked == asked
