"""Applies grants when a graph asks, gives them and revokes them. See `engine.rules.grants`.

A grant decides a new request only. People decide about a call that is asked again with changed arguments, and about one
that may have run already. They also decide where something cannot be verified now: whether the rule applies, or whether
those who gave the grant could still decide.
"""

from collections.abc import Sequence
from datetime import datetime

from bot.rules.facts import Authority, sources_of
from engine.approvals.approval import Approval
from engine.approvals.electorate import with_shifts_of
from engine.approvals.events import Automatic
from engine.asks.ask import Choice, Decision, Kind
from engine.authority.eligibility import may_decide
from engine.authority.policy import Subject, escalated
from engine.conversation import Conversation
from engine.ids import ApprovalId, UserId
from engine.ports import Asked, Clock, Grants
from engine.rules.grants import Grant, ProposedCall, find_allowing, grant_given
from engine.rules.routing import Route, Ruled
from engine.sources import Origin


class Granting:
    """Uses, gives and revokes grants."""

    def __init__(self, *, grants: Grants, authority: Authority, clock: Clock) -> None:
        self._grants, self._authority, self._clock = grants, authority, clock

    async def automatic(
        self, approval: ApprovalId, asked: Asked, conversation: Conversation, route: Route
    ) -> tuple[Automatic | None, ...]:
        """The decisions of rules and grants about a new request, for each action."""
        if not any(map(_may_be_granted, route.ruled)) or asked.instead_of or asked.ask.caught or asked.ask.perhaps_done:
            return route.automatic
        if asked.ask.kind is not Kind.TOOL_CALL:
            return route.automatic
        now = self._clock.now()
        found = await self._grants.of_thread(conversation.thread, now)
        decided = list(route.automatic)
        for place, (action, ruled) in enumerate(zip(asked.ask.actions, route.ruled, strict=True)):
            if not _may_be_granted(ruled) or Choice.APPROVE not in action.choices:
                continue
            call = ProposedCall(conversation.thread, conversation.agent, action.name, action.value)
            decided[place] = await self._by_grant(found, approval, conversation, ruled, call, now)
        return tuple(decided)

    async def _by_grant(
        self,
        found: Sequence[Grant],
        approval: ApprovalId,
        conversation: Conversation,
        ruled: Ruled,
        call: ProposedCall,
        now: datetime,
    ) -> Automatic | None:
        grant = find_allowing(found, ruled.policy, call, now)
        if grant is None or not await self._may_still_decide(grant, conversation, ruled):
            return None
        if not await self._grants.use(grant, approval, now):
            return None
        return Automatic(Decision(Choice.APPROVE), "grant", by=grant.by[0], grant=grant.id, until=grant.until)

    async def _may_still_decide(self, grant: Grant, conversation: Conversation, ruled: Ruled) -> bool:
        """True if all who gave it could decide by today's rule, with the shifts that they had when they gave it."""
        policy = escalated(ruled.policy, len(ruled.policy.ladder))
        now_asked = [each for each in sources_of(ruled.policy) if each.origin is not Origin.ON_CALL]
        known = await self._authority.all_facts(grant.by, conversation.place, now_asked)
        held = [(user, with_shifts_of(facts, grant.grounds)) for user, facts in known]
        requester = conversation.requester
        return all(may_decide(policy, requester, user, facts, Subject.REQUEST) is None for user, facts in held)

    async def give(self, approval: Approval, action: int) -> None:
        """Store the grant that was given with an approval; idempotent. A request that is asked again gives none."""
        if approval.reviews[action].allowed_until is not None:
            await self._grants.give(grant_given(approval, action))

    async def of(self, approval: Approval) -> Sequence[Grant]:
        """The valid grants that were given with this approval, or decided it."""
        named = {review.grant for review in approval.reviews if review.grant}
        found = await self._grants.of_thread(approval.thread, self._clock.now()) if named else ()
        return [each for each in found if each.id in named]

    async def revoke(self, grant: Grant, by: UserId) -> bool:
        """Take a grant back. False: it is over already."""
        return await self._grants.revoke(grant, by, self._clock.now())


def _may_be_granted(ruled: Ruled) -> bool:
    """True if the rule is known to apply, asks people, and has grants."""
    return ruled.rule is not None and not ruled.why and ruled.decide is None and ruled.policy.grants is not None
