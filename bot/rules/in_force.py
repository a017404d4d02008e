"""The rules in force, and their ruling on a click.

A reload replaces the book of rules at once. An approval keeps the policy that it was asked under; `of_click` finds the
people whom today's rules name, so that somebody who was removed from a rule cannot decide any more. There conditions
are judged as of the time of the request: a rule for the daytime does not change at night.
"""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from engine.approvals.approval import Approval, Place
from engine.approvals.events import Click, Ruling
from engine.asks.ask import Choice, Json
from engine.authority.eligibility import AccountType
from engine.authority.policy import Policy
from engine.ids import AgentName, UserId
from engine.ports import Groups, Roster
from engine.rules.conditions import Circumstances, Name
from engine.rules.routing import Rulebook, Ruled, rule_for

_PATIENCE = 0.75
"""Seconds for what is asked of a requester: a click has other sources to wait for before Slack gives up."""


@dataclass(slots=True)
class Rules:
    """Holds today's book of rules, and looks up the variables of its conditions."""

    roster: Roster
    groups: Groups
    book: Rulebook = field(default_factory=Rulebook)
    handles: dict[str, str] = field(default_factory=dict)
    """The Slack ids of the groups, by handle, that `requester_groups` may name."""
    _edition: tuple[Rulebook, str] | None = field(default=None, init=False)

    @property
    def edition(self) -> str:
        """A fingerprint of the book, stored with each approval that is asked under it."""
        return self.edition_of(self.book)

    def edition_of(self, book: Rulebook) -> str:
        """The edition of a book that may have been replaced meanwhile."""
        if self._edition is None or self._edition[0] is not book:
            self._edition = book, _edition_of(book)
        return self._edition[1]

    def replace(self, book: Rulebook, handles: dict[str, str]) -> None:
        """Replace the book."""
        self.book, self.handles = book, handles

    async def circumstances(
        self, book: Rulebook, agent: AgentName, home: Place, requester: UserId, now: datetime
    ) -> Circumstances:
        """The variables of conditions; only what some condition of the book names is looked up."""
        names, known = book.names, Circumstances(agent, home.channel, requester, now)
        async with asyncio.TaskGroup() as asking:
            guest = asking.create_task(self._is_guest(requester, home)) if Name.REQUESTER_IS_GUEST in names else None
            groups = asking.create_task(self._groups_of(requester)) if Name.REQUESTER_GROUPS in names else None
        known = known if guest is None else replace(known, requester_is_guest=guest.result())
        return known if groups is None else replace(known, requester_groups=groups.result())

    async def _is_guest(self, user: UserId, home: Place) -> bool | None:
        try:
            async with asyncio.timeout(_PATIENCE):
                account = (await self.roster.facts(user, home, membership=False)).account
        except TimeoutError:
            return None
        return None if account is AccountType.UNKNOWN else account is not AccountType.MEMBER

    async def _groups_of(self, user: UserId) -> frozenset[str] | None:
        asked = (self.groups.members(group, _PATIENCE) for group in self.handles.values())
        found = dict(zip(self.handles, await asyncio.gather(*asked), strict=True))
        if any(each.error or each.unanswered for each in found.values()):
            return None
        return frozenset(handle for handle, each in found.items() if user in each.people)

    async def of_click(self, approval: Approval, click: Click, now: datetime) -> Ruling:
        """The ruling of the book on a click on an action of this approval.

        An edited call is matched again, with today's book and time: the rule for the old value says nothing about
        another one. Where a rule would approve the new value by itself, those who were asked still decide.
        """
        current, forbids = await self._today(approval, click.action)
        if click.choice is not Choice.EDIT:
            return Ruling(current=current, forbids=forbids)
        after = (await self._judging(approval, click.action, now))(click.value)
        if after.decide is Choice.REJECT:
            return Ruling(current=current, forbids=after.policy.rule)
        is_other = after.decide is None and after.policy != approval.reviews[click.action].policy
        return Ruling(current=current, edited=after.policy if is_other else None)

    async def current(self, approval: Approval, action: int) -> Policy | None:
        """The policy of today for an action, where it may not be the one that it was asked under."""
        return (await self._today(approval, action))[0]

    async def _today(self, approval: Approval, action: int) -> tuple[Policy | None, str]:
        """The same, and the rule that rejects such an action by itself today; one that approves it takes out nobody."""
        review = approval.reviews[action]
        if approval.edition == self.edition:
            return None, ""
        ruled = (await self._judging(approval, action, approval.created_at))(review.value)
        if ruled.decide is not None:
            return None, ruled.policy.rule if ruled.decide is Choice.REJECT else ""
        return (None if ruled.policy == review.policy else ruled.policy), ""

    async def _judging(self, approval: Approval, action: int, now: datetime) -> Callable[[Json], Ruled]:
        """The ruling of the book on an action, by the value that it has."""
        book = self.book  # which may be replaced while we wait
        known = await self.circumstances(book, approval.agent, approval.home, approval.requester, now)
        direct, asked = approval.home.channel.startswith("D"), approval.ask.actions[action]
        return lambda value: rule_for(approval.ask, asked, value, book, known, direct=direct)


def _edition_of(book: Rulebook) -> str:
    conditions = (rule.condition and (rule.condition.text, rule.condition.zone) for rule in book.rules)
    spelled = [*zip((replace(rule, condition=None) for rule in book.rules), conditions, strict=True)]
    return hashlib.sha256(repr(spelled).encode()).hexdigest()[:16]
