"""Lists requests for a person: those that wait for them, their own, and the latest that were closed.

It uses the same rules as a click, with the facts of this moment; nothing is decided here. The look-ups are bounded: a
person is looked up once for all requests with the same sources in the same channel, and for at most `MOST_LOOKUPS` such
groups. The rules are asked once for all requests that are alike to them, which makes a long list cheap. Requests that
could not be looked up are counted and shown as a number.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import TypeVar

from bot import concealment
from bot.rules.facts import AT_ONCE, Authority
from engine.approvals.approval import Approval, Place, Review, Vote, people_of
from engine.approvals.electorate import stage_for
from engine.asks.ask import Choice
from engine.authority.eligibility import AccountType, Facts, may_decide, may_open
from engine.authority.policy import CHANNEL, Policy, Subject
from engine.ids import ApprovalId, ChannelId, GrantId, MessageTs, UserId
from engine.ports import Clock, Grants, Listing, SourcePeople, Waiting
from engine.rules.grants import Grant
from engine.sentences.refusals import Refusal, RosterUnknown, SourceUnknown
from engine.sources import Origin, Source

MOST = 1_000
MOST_LOOKUPS = 30
LATELY = 40
_TURN = 50
"""Requests that are checked at once: 1 ms for new ones."""

T = TypeVar("T")
Revoke = Callable[[Grant, UserId], Awaitable[bool]]
"""Takes back a grant for a person: `Desk.revoke`."""
_Group = tuple[Place, tuple[Source, ...]]


class Overviews:
    """Implements `engine.ports.Overview`."""

    def __init__(self, *, listing: Listing, grants: Grants, revoke: Revoke, authority: Authority, clock: Clock) -> None:
        self._listing, self._grants, self._revoke = listing, grants, revoke
        self._authority, self._clock = authority, clock
        self._cases = _Cases()

    async def waiting_for(self, user: UserId) -> Waiting:
        """The pending requests that wait for this person's decision, the oldest first."""
        pending = await self._listing.pending(MOST)
        alike: dict[_Case, list[ApprovalId]] = {}
        async for approval in _in_turns(pending):
            for case in self._cases.of(approval):
                alike.setdefault(case, []).append(approval.id)
        wanted = [case async for case in _in_turns(alike) if case.is_open_to(user)]
        known = await self._facts(user, list(dict.fromkeys(case.group for case in wanted))[:MOST_LOOKUPS])
        found: set[ApprovalId] = set()
        unsure: set[ApprovalId] = set()
        async for case in _in_turns(wanted):
            refusal = case.refusal(user, known.get(case.group, Facts(AccountType.UNKNOWN)))
            if refusal is None:
                found.update(alike[case])
            elif isinstance(refusal, RosterUnknown | SourceUnknown):
                unsure.update(alike[case])
        listed = concealment.ShownList([each for each in pending if each.id in found])
        return Waiting(listed, len(unsure - found), cut=len(pending) >= MOST)

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


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    """All that the rules look at in an open action: actions of the same case wait for the same people.

    `home` has a channel only where the rule asks who is in it.
    """

    policy: Policy
    requester: UserId
    subject: Subject
    is_question: bool
    votes: tuple[Vote, ...]
    home: Place

    @property
    def group(self) -> _Group:
        """Cases of the same group need the same look-up of a person."""
        return self.home, self.policy.sources

    def is_open_to(self, user: UserId) -> bool:
        """True if the person has to be looked up: who voted is not waited for."""
        voted = any(vote.by == user for vote in self.votes)
        return not voted and may_open(self.policy, self.requester, user, self.subject) is None

    def refusal(self, user: UserId, facts: Facts) -> Refusal | None:
        """Refuse a person who may not decide it."""
        wanted = Vote(user, Choice.APPROVE, datetime.max.replace(tzinfo=UTC))
        stage = None if self.is_question else stage_for(Review(None, self.policy, votes=self.votes), wanted)
        return may_decide(self.policy, self.requester, user, facts, self.subject, stage)


class _Cases:
    """The cases of requests: one of a kind is made once, and those of a request once for each of its states."""

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], _Case] = {}
        self._known: dict[ApprovalId, tuple[Approval, tuple[_Case, ...]]] = {}

    def of(self, approval: Approval) -> tuple[_Case, ...]:
        """Give the case of each open action."""
        known = self._known.get(approval.id)
        if known is not None and known[0] is approval:
            return known[1]
        if max(len(self._made), len(self._known)) >= 2 * MOST:
            self._made, self._known = {}, {}
        cases = tuple(self._case(approval, each) for each in approval.reviews if each.decision is None)
        self._known[approval.id] = approval, cases
        return cases

    def _case(self, approval: Approval, review: Review) -> _Case:
        policy, ask, home = review.governing, approval.ask, approval.home
        place = Place(home.team, home.channel if CHANNEL in policy.sources else ChannelId(""))
        looked_at = policy, approval.requester, ask.subject, ask.is_question, review.votes, place
        return self._made.setdefault(looked_at, _Case(*looked_at))


def _is_meant(approval: Approval, spelled: str) -> bool:
    if approval.id == spelled:
        return True
    channel, _, ts = spelled.partition("/")
    if ts:
        return (approval.place.channel, approval.card) == (channel, MessageTs(ts))
    return len(spelled) >= len("a1b2c3") and approval.id.rpartition("#")[2].startswith(spelled.lower())
