"""The rules as they are now, and what they say of a click.

A reload puts a new book in the place of the old one, as a whole. An approval keeps the policy that it was asked under;
`of_click` finds who would be named today, so that somebody who was taken out of a rule may not decide any more. For
that the conditions are judged as of the asking: a rule for the daytime does not change by night.
"""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime

from engine.approval import Approval, Place
from engine.ask import Choice, Json
from engine.conditions import Circumstances, Name
from engine.events import Click
from engine.ids import AgentName, UserId
from engine.policy import Policy, Standing
from engine.ports import Groups, Roster
from engine.routing import Rulebook, Ruled, rule_for

_PATIENCE = 1.5


@dataclass(slots=True)
class Rules:
    """Holds the book of today, and finds out what its conditions want to know."""

    roster: Roster
    groups: Groups
    book: Rulebook = field(default_factory=Rulebook)
    handles: dict[str, str] = field(default_factory=dict)
    """The Slack ids of the groups, by handle, that `requester_groups` may name."""
    _edition: tuple[Rulebook, str] | None = field(default=None, init=False)

    @property
    def edition(self) -> str:
        """A name of the book's content, kept with each approval that is asked under it."""
        if self._edition is None or self._edition[0] is not self.book:
            self._edition = self.book, _edition_of(self.book)
        return self._edition[1]

    async def circumstances(self, agent: AgentName, home: Place, requester: UserId, now: datetime) -> Circumstances:
        """What conditions may use; only what some condition of the book names is looked up."""
        asked = Circumstances(agent, home.channel, requester, now)
        names = self.book.names
        if Name.REQUESTER_IS_GUEST in names:
            standing = (await self.roster.facts(requester, home, membership=False)).standing
            guest = None if standing is Standing.UNKNOWN else standing is not Standing.MEMBER
            asked = replace(asked, requester_is_guest=guest)
        if Name.REQUESTER_GROUPS in names:
            asked = replace(asked, requester_groups=await self._groups_of(requester))
        return asked

    async def _groups_of(self, user: UserId) -> frozenset[str] | None:
        found = {handle: await self.groups.members(group, _PATIENCE) for handle, group in self.handles.items()}
        if any(each.error for each in found.values()):
            return None
        return frozenset(handle for handle, each in found.items() if user in each.people)

    async def ruled(self, approval: Approval, action: int, value: Json, now: datetime) -> Ruled:
        """What the book says of an action with this value."""
        asked = await self.circumstances(approval.agent, approval.home, approval.requester, now)
        direct = approval.home.channel.startswith("D")
        return rule_for(approval.ask, approval.ask.actions[action], value, self.book, asked, direct=direct)

    async def current(self, approval: Approval, action: int) -> Policy | None:
        """The policy of today for an action, where it may not be the one that it was asked under."""
        review = approval.reviews[action]
        if approval.edition == self.edition:
            return None
        ruled = await self.ruled(approval, action, review.value, approval.created_at)
        return None if ruled.decide is Choice.APPROVE or ruled.policy == review.policy else ruled.policy

    async def edited(self, approval: Approval, click: Click, now: datetime) -> tuple[Policy | None, str]:
        """The policy for the value that an edit makes, and the rule that rejects such a value by itself.

        Where a rule would approve the new value by itself, those who were asked go on to decide.
        """
        if click.choice is not Choice.EDIT or not 0 <= click.action < len(approval.reviews):
            return None, ""
        ruled = await self.ruled(approval, click.action, click.value, now)
        if ruled.decide is not None:
            return None, ruled.policy.rule if ruled.decide is Choice.REJECT else ""
        return (None if ruled.policy == approval.reviews[click.action].policy else ruled.policy), ""


def _edition_of(book: Rulebook) -> str:
    spelled = [(replace(rule, condition=None), rule.condition and rule.condition.text) for rule in book.rules]
    return hashlib.sha256(repr(spelled).encode()).hexdigest()[:16]
