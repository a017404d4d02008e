"""Slack's members, user groups and channels, and what is remembered of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from engine.approvals.approval import Place
from engine.authority.eligibility import Facts
from engine.ids import ChannelId, UserId


class Roster(Protocol):
    """The people of the workspace. It never raises: what it cannot find out is UNKNOWN, and then nobody may decide."""

    async def facts(self, user: UserId, place: Place, *, membership: bool) -> Facts:
        """Look up a person's account type and, if `membership`, whether they are in the place's channel."""


class AccountsUnknownError(Exception):
    """Slack could not be asked whose account something is. The message is one sentence for people."""


class Accounts(Protocol):
    """The members of the workspace behind the names that another service uses."""

    async def is_member(self, user: UserId) -> bool:
        """True for an active full member. Raises AccountsUnknownError."""

    async def of_email(self, email: str) -> UserId | None:
        """Find the one active full member with this e-mail address. Raises AccountsUnknownError."""


@dataclass(frozen=True, slots=True)
class Membership:
    """The members of a Slack user group. `error` says in one sentence why there are none: unreadable, or disabled.

    `unanswered`: Slack did not answer in time, and asking again with more patience may help.
    """

    people: frozenset[UserId]
    looked_up: datetime
    error: str = ""
    unanswered: bool = False


class Groups(Protocol):
    """Slack's user groups. It never raises: a group that cannot be read is a `Membership` of nobody."""

    async def members(self, group: str, patience: float) -> Membership:
        """The members of the group with this Slack id; waits at most `patience` seconds."""


@dataclass(frozen=True, slots=True)
class ListedGroup:
    """A user group as Slack lists it. `unable` says why its members may not decide, such as that it is disabled.

    `in_organization` is its id in the Enterprise organization that it comes from; "" for a group of the workspace.
    """

    id: str
    handle: str
    people: frozenset[UserId]
    unable: str = ""
    in_organization: str = ""


@dataclass(frozen=True, slots=True)
class RecalledGroup:
    """A user group as it was stored; `group` is None if the workspace has none with this id. `age` is in seconds."""

    group: ListedGroup | None
    looked_up: datetime
    age: float


@dataclass(frozen=True, slots=True)
class GroupReading:
    """The right to read the list of user groups, and the changes that were known when it was taken."""

    token: str
    changes: Mapping[str, str] = field(repr=False)


class GroupMemory(Protocol):
    """The user groups of one workspace, which one process reads for all. Every failure raises."""

    async def recall(self, group: str) -> RecalledGroup | None:
        """A group by its id. None: the list was never read or is too old, or the group has changed since."""

    async def begin(self) -> GroupReading | None:
        """Take the right to read the list. None: another process is reading it."""

    async def keep(self, reading: GroupReading, groups: Sequence[ListedGroup], looked_up: datetime) -> None:
        """Store the list that was read, and give the right back. No-op if the right was lost meanwhile."""

    async def abandon(self, reading: GroupReading) -> None:
        """Give the right back without a list."""

    async def changed(self, ids: Collection[str]) -> None:
        """Record that these groups have changed, or `*` for all of them; durable when it returns.

        Lists that were read before, or are being read, no longer count for them.
        """


@dataclass(frozen=True, slots=True)
class ListedPerson:
    """A person whom a rule names. `unable` says what they are if they are no full member, such as a guest.

    `outsider`: a guest or a person of another workspace, whom a rule can let in.
    """

    id: UserId
    unable: str = ""
    outsider: bool = False

    def is_named_by(self, name: str) -> bool:
        """True if this name lets an outsider in. Only their id does, since names change hands."""
        return self.outsider and name == self.id


@dataclass(frozen=True, slots=True)
class ListedChannel:
    """A channel that the bot can see; `member`: it is in it."""

    id: ChannelId
    name: str
    member: bool
    archived: bool


class ChannelMemory(Protocol):
    """The channels that names meant when the bot first saw them, in one workspace."""

    async def remembered(self) -> Mapping[str, ChannelId]:
        """All names with the ids of their channels."""

    async def remember(self, names: Mapping[str, ChannelId]) -> None:
        """Store these. A name that is stored already keeps its channel."""
