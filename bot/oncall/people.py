"""Finds the member whom a source means: its own Slack id wins, then `people:` in `app.yaml`, then the e-mail address.

Only active full members count. Anyone else in a source's answer, and anyone who is not found, is ignored (P6).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.config.oncall import spelled
from engine.ids import UserId
from engine.oncall.shifts import Shift
from engine.ports import Accounts


@dataclass(frozen=True, slots=True)
class People:
    """Finds members. `mapped` are the Slack ids of `people:`, by names and addresses as `spelled` gives them.

    `members` are the ids of members, by the names that rotations have for them.
    """

    accounts: Accounts
    mapped: Mapping[str, UserId]
    members: Mapping[str, UserId]

    async def user(self, shift: Shift) -> UserId | None:
        """The member who has this shift. Raises AccountsUnknownError."""
        found = self._named(shift)
        if found is None and shift.email:
            found = await self.accounts.of_email(shift.email)
        return found if found is not None and await self.accounts.is_member(found) else None

    def _named(self, shift: Shift) -> UserId | None:
        """Find a member by the source's own Slack id or by the map, which wins where a name looks like an id."""
        names = (each for each in (shift.name, shift.email) if each)
        mapped = next((self.mapped[each] for each in map(spelled, names) if each in self.mapped), None)
        if shift.slack_id and (mapped is None or shift.slack_id != shift.name):
            return UserId(shift.slack_id)
        return mapped or self.members.get(shift.member)
