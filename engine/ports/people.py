"""Slack's members and user groups, and what was read of them before."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from engine.approvals.approval import Place
from engine.authority.eligibility import Facts
from engine.ids import ChannelId, UserId


class Roster(Protocol):
    """Who people are. It never raises: what it cannot find out is UNKNOWN, and then nobody may decide."""

    async def facts(self, user: UserId, place: Place, *, membership: bool) -> Facts:
        """A person's account type and, where `membership` is asked for, whether they are in the place's channel."""


class AccountsUnknownError(Exception):
    """Slack did not say whose account something is. The message is one sentence for people."""


class Accounts(Protocol):
    """Who in the workspace somebody is whom another service names."""

    async def is_member(self, user: UserId) -> bool:
        """Whether this is an active full member. Raises AccountsUnknownError."""

    async def of_email(self, email: str) -> UserId | None:
        """The active full member who alone has this e-mail address. Raises AccountsUnknownError."""


@dataclass(frozen=True, slots=True)
class Membership:
    """The members of a Slack group; `error` says in one sentence why nobody can be named: unreadable, or disabled.

    `unanswered`: Slack did not answer in time, and asking again with more patience may help.
    """

    people: frozenset[UserId]
    looked_up: datetime
    error: str = ""
    unanswered: bool = False


class Groups(Protocol):
    """Slack's user groups. It never raises: what it cannot find out is a `Membership` of nobody."""

    async def members(self, group: str, patience: float) -> Membership:
        """The members of the group of this Slack id; waits at most `patience` seconds."""


@dataclass(frozen=True, slots=True)
class ListedGroup:
    """A user group as Slack lists it. `unable` says why nobody may decide by it, such as that it is disabled.

    `in_organization` is its id in the Enterprise organization that it comes from; "" where it is the workspace's own.
    """

    id: str
    handle: str
    people: frozenset[UserId]
    unable: str = ""
    in_organization: str = ""


@dataclass(frozen=True, slots=True)
class RecalledGroup:
    """What is kept of a user group: None where the workspace has none of this id. `age` is in seconds."""

    group: ListedGroup | None
    looked_up: datetime
    age: float


@dataclass(frozen=True, slots=True)
class GroupReading:
    """The right to read the list of user groups, and what was known to have changed when it was taken."""

    token: str
    changes: Mapping[str, str] = field(repr=False)


class GroupMemory(Protocol):
    """The user groups of one workspace, read by one process for all. Everything that fails raises."""

    async def recall(self, group: str) -> RecalledGroup | None:
        """A group by its id, or None: the list was never read, is older than allowed, or the group changed since."""

    async def begin(self) -> GroupReading | None:
        """Take the right to read the list. None: another process reads it now."""

    async def keep(self, reading: GroupReading, groups: Sequence[ListedGroup], looked_up: datetime) -> None:
        """Keep the list that was read, and give the right back. No-op where the right was lost meanwhile."""

    async def abandon(self, reading: GroupReading) -> None:
        """Give the right back without a list."""

    async def changed(self, ids: Collection[str]) -> None:
        """Slack says that these groups have changed, or `*` for all of them; durable when it returns.

        What was read before, or is being read, counts for them no more.
        """


@dataclass(frozen=True, slots=True)
class ListedPerson:
    """Somebody whom a rule names. `unable` says what they are, such as a guest, where they are no full member.

    `outsider`: a guest, or of another workspace, whom a rule may let in all the same.
    """

    id: UserId
    unable: str = ""
    outsider: bool = False

    def is_named_by(self, name: str) -> bool:
        """Whether this name lets an outsider in: their id does, for names change hands."""
        return self.outsider and name == self.id


@dataclass(frozen=True, slots=True)
class ListedChannel:
    """A channel that the bot can see; `member`: it is in it."""

    id: ChannelId
    name: str
    member: bool
    archived: bool


class ChannelMemory(Protocol):
    """Which channel a name stood for when the bot first saw it, in one workspace."""

    async def remembered(self) -> Mapping[str, ChannelId]:
        """All names, with the ids of their channels."""

    async def remember(self, names: Mapping[str, ChannelId]) -> None:
        """Keep these; a name that is remembered already keeps its channel."""
