"""Lists requests for a person: those that wait for them, their own, and the latest that were closed.

It uses the same rules as a click, with the facts of this moment; nothing is decided here. The look-ups are bounded: a
person is looked up once for all requests with the same sources in the same channel, and for at most `MOST_LOOKUPS` such
groups. Requests that could not be looked up are counted and shown as a number.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from itertools import chain
from typing import TypeVar

from bot import concealment
from bot.rules.facts import AT_ONCE, Authority
from engine.approvals.approval import Approval, Place, Review, Vote, people_of
from engine.approvals.electorate import stage_for
from engine.asks.ask import Choice
from engine.authority.eligibility import AccountType, Facts, may_decide, may_open
from engine.authority.policy import CHANNEL, Policy
from engine.ids import ApprovalId, ChannelId, GrantId, MessageTs, UserId
from engine.ports import Clock, Grants, Listing, SourcePeople, Waiting
from engine.rules.grants import Grant
from engine.sentences.refusals import RosterUnknown, SourceUnknown
from engine.sources import Origin, Source

MOST = 1_000
MOST_LOOKUPS = 30
LATELY = 40
_TURN = 50
"""Requests that are checked at once: about 2 ms."""

T = TypeVar("T")
Revoke = Callable[[Grant, UserId], Awaitable[bool]]
"""Takes back a grant for a person: `Desk.revoke`."""
_Group = tuple[Place, tuple[Source, ...]]


class Overviews:
    """Implements `engine.ports.Overview`."""

    def __init__(self, *, listing: Listing, grants: Grants, revoke: Revoke, authority: Authority, clock: Clock) -> None:
        self._listing, self._grants, self._revoke = listing, grants, revoke
        self._authority, self._clock = authority, clock

    async def waiting_for(self, user: UserId) -> Waiting:
        """The pending requests that wait for this person's decision, the oldest first."""
        pending = await self._listing.pending(MOST)
        wanted = [(each, review) async for each in _in_turns(pending) for review in _open_to(each, user)]
        groups = dict.fromkeys(_group(each, review) for each, review in wanted)
        known = await self._facts(user, list(groups)[:MOST_LOOKUPS])
        found: dict[ApprovalId, Approval] = {}
        unsure: set[ApprovalId] = set()
        async for approval, review in _in_turns(wanted):
            facts = known.get(_group(approval, review), Facts(AccountType.UNKNOWN))
            refusal = _refusal(approval, review, user, facts)
            if refusal is None:
                found[approval.id] = approval
            elif isinstance(refusal, RosterUnknown | SourceUnknown):
                unsure.add(approval.id)
        listed = concealment.ShownList(list(found.values()))
        return Waiting(listed, len(unsure - set(found)), cut=len(pending) >= MOST)

    async def asked_by(self, user: UserId) -> Sequence[Approval]:
        """The pending requests of this person, the oldest first."""
        return concealment.ShownList(await self._listing.asked_by(user))

    async def lately(self, user: UserId) -> Sequence[Approval]:
        """The requests closed lately that this person made or voted on, the latest first."""
        return concealment.ShownList(await self._listing.lately(user, LATELY))

    async def find(self, spelled: str, user: UserId) -> Approval | None:
        """The request that a person means, by the beginning of its short id or by its card; None: none that they see.

        Nobody learns of a request whose conversation they cannot see, and who cannot decide it.
        """
        known = chain(await self._listing.pending(), await self._listing.lately(user, LATELY))
        for approval in known:
            if _is_meant(approval, spelled) and await self._may_see(approval, user):
                return concealment.shown(approval)
        return None

    async def able(self, approval: Approval) -> Sequence[SourcePeople]:
        """The people who could decide a request now, source by source."""
        sources = dict.fromkeys(
            source for review in approval.reviews if review.decision is None for source in review.governing.sources
        )
        return await asyncio.gather(*map(self._able, sources))

    async def grants(self, user: UserId) -> Sequence[Grant]:
        """The valid grants that a person gave."""
        return await self._grants.of_person(user, self._clock.now())

    async def revoke(self, grant: GrantId, user: UserId) -> bool:
        """Take back a grant that this person gave. False: it is over already."""
        found = next((each for each in await self.grants(user) if each.id == grant), None)
        return found is not None and await self._revoke(found, user)

    async def _facts(self, user: UserId, groups: Sequence[_Group]) -> dict[_Group, Facts]:
        asked = [self._authority.facts(user, home, sources, patience=AT_ONCE) for home, sources in groups]
        return dict(zip(groups, await asyncio.gather(*asked), strict=True))

    async def _able(self, source: Source) -> SourcePeople:
        if source.origin in (Origin.CHANNEL, Origin.REQUESTER):
            return SourcePeople(source, ())
        if source.origin is Origin.ON_CALL:
            duty = await self._authority.duty(source, AT_ONCE)
            tiers = {each.user: each.tier for each in duty.people if each.tier is not None}
            error = duty.error or ("It did not answer in time." if duty.unanswered else "")
            return SourcePeople(source, tuple(dict.fromkeys(each.user for each in duty.people)), error, tiers)
        people, failed = await self._authority.people([source], AT_ONCE)
        return SourcePeople(source, people, failed[0].why if failed else "")

    async def _may_see(self, approval: Approval, user: UserId) -> bool:
        if user in people_of(approval) or user in approval.called:
            return True
        if not approval.home.channel.startswith("D"):
            facts = await self._authority.facts(user, approval.home, [CHANNEL])
            if facts.in_channel:
                return True
        for review in approval.reviews:
            if may_open(review.governing, approval.requester, user, approval.ask.subject) is None:
                facts = await self._authority.facts(user, approval.home, review.governing.sources)
                if may_decide(review.governing, approval.requester, user, facts, approval.ask.subject) is None:
                    return True
        return False


async def _in_turns(items: Iterable[T]) -> AsyncIterator[T]:
    """Give the items, and let others run after each few: a long list delays no click."""
    for number, each in enumerate(items, 1):
        yield each
        if number % _TURN == 0:
            await asyncio.sleep(0)


def _open_to(approval: Approval, user: UserId) -> list[Review]:
    """The open actions for which a person has to be looked up: who voted on one is not waited for."""
    return [
        review
        for review in approval.reviews
        if review.decision is None
        and all(vote.by != user for vote in review.votes)
        and may_open(review.governing, approval.requester, user, approval.ask.subject) is None
    ]


def _refusal(approval: Approval, review: Review, user: UserId, facts: Facts) -> object:
    wanted = Vote(user, Choice.APPROVE, approval.created_at)
    stage = None if approval.ask.is_question else stage_for(review, wanted)
    return may_decide(review.governing, approval.requester, user, facts, approval.ask.subject, stage)


def _group(approval: Approval, review: Review) -> _Group:
    """Requests of the same group need the same look-up of a person."""
    policy: Policy = review.governing
    home = Place(approval.home.team, approval.home.channel if CHANNEL in policy.sources else ChannelId(""))
    return home, policy.sources


def _is_meant(approval: Approval, spelled: str) -> bool:
    if approval.id == spelled:
        return True
    channel, _, ts = spelled.partition("/")
    if ts:
        return (approval.place.channel, approval.card) == (channel, MessageTs(ts))
    return len(spelled) >= len("a1b2c3") and approval.id.rpartition("#")[2].startswith(spelled.lower())
