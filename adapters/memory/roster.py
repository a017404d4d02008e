"""People and their memberships in memory."""

from collections.abc import Mapping

from engine.approvals.approval import Place
from engine.authority.eligibility import AccountType, Facts
from engine.ids import UserId


class MemoryRoster:
    """The port `Roster`: members are those in `standings`; with `down` nobody is known."""

    def __init__(self, standings: Mapping[UserId, AccountType] | None = None) -> None:
        self.standings = dict(standings or {})
        self.outside: set[tuple[UserId, str]] = set()
        self.down = False

    async def facts(self, user: UserId, place: Place, *, membership: bool) -> Facts:
        """A person's account type, and whether they are in the place's channel: everybody but `outside` is."""
        if self.down:
            return Facts(AccountType.UNKNOWN)
        inside = (user, place.channel) not in self.outside if membership else None
        return Facts(self.standings.get(user, AccountType.STRANGER), inside)
