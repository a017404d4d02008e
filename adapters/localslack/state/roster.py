"""The people, channels and groups of the workspace: built in, or from the user's own file.

```yaml
people:
  - {name: alice, real_name: Alice Adams, email: alice@example.com}
  - {name: gina, guest: true}
  - {name: eve, team: other}          # a member of another workspace
  - {name: olga, team: sales, workspaces: [sales, local]}   # of several workspaces of one Enterprise organization
  - {name: rita, deactivated: true}
  - {name: dana, id: U024BE7LH}        # with an id of a real workspace; the default is made from the name
channels:
  - general                            # everybody and the bot
  - {name: secrets, members: [alice], bot: false, private: true}
groups:
  - {handle: sre, members: [alice, bob]}
  - {handle: pay, name: Payments, description: Who may pay out, id: S024BE7LH, members: [bob], disabled: true}
```

`people_file` reads it.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from adapters.localslack.state import ids

HOME_TEAM = "local"
ORGANIZATION = ids.named("E", "local")
"""The Enterprise organization of those who have `workspaces`."""
_NAME = r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$"
_CHANNEL_NAME = r"^[\w-][\w.-]*$"
_USER_ID = r"^[UW][A-Z0-9]{2,}$"
_CHANNEL_ID = r"^[CG][A-Z0-9]{2,}$"
_GROUP_ID = r"^S[A-Z0-9]{2,}$"


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PersonEntry(_Entry):
    """A person of the people file."""

    name: str = Field(pattern=_NAME)
    id: str = Field(default="", pattern=f"^$|{_USER_ID}")
    real_name: str = ""
    email: str = ""
    guest: bool = False
    team: str = HOME_TEAM
    workspaces: list[str] = []
    """All workspaces of the person in the Enterprise organization; empty for a person outside of one."""
    deactivated: bool = False
    admin: bool = False
    timezone: str = "Europe/London"


class ChannelEntry(_Entry):
    """A channel of the people file; `members` empty means everybody."""

    name: str = Field(pattern=_CHANNEL_NAME)
    id: str = Field(default="", pattern=f"^$|{_CHANNEL_ID}")
    members: list[str] = []
    bot: bool = True
    private: bool = False


class GroupEntry(_Entry):
    """A user group of the people file. As in Slack it has a member; it may be disabled."""

    handle: str = Field(pattern=_NAME)
    id: str = Field(default="", pattern=f"^$|{_GROUP_ID}")
    name: str = ""
    description: str = ""
    members: list[str] = Field(min_length=1)
    disabled: bool = False


class PeopleFile(_Entry):
    """The content of a people file."""

    people: list[PersonEntry] = Field(min_length=1)
    channels: list[
        Annotated[ChannelEntry, BeforeValidator(lambda given: {"name": given} if isinstance(given, str) else given)]
    ] = [ChannelEntry(name=name) for name in ("general", "deploys", "refunds", "approvals")]
    groups: list[GroupEntry] = []
    purposes: dict[str, str] = {}
    """The purpose of each channel by name, and under `dm` that of direct messages with the bot; the page shows it."""


BUILT_IN = PeopleFile(
    people=[
        PersonEntry(name="alice", real_name="Alice Adams"),
        PersonEntry(name="bob", real_name="Bob Brown"),
        PersonEntry(name="carol", real_name="Carol Chen"),
        PersonEntry(name="gina", real_name="Gina Guest", guest=True),
        PersonEntry(name="eve", real_name="Eve Elsewhere", team="other"),
    ],
    groups=[
        GroupEntry(handle="sre", name="Site reliability", members=["alice", "bob"]),
        GroupEntry(handle="payments", name="Payments", members=["bob", "carol"]),
    ],
)


@dataclass(frozen=True, slots=True)
class Member:
    """A person, with the ids that Slack would have given."""

    id: str
    name: str
    real_name: str
    email: str
    team: str
    guest: bool = False
    stranger: bool = False
    admin: bool = False
    timezone: str = "Europe/London"
    bot: bool = False
    deactivated: bool = False
    teams: tuple[str, ...] = ()
    """The workspaces of a person in the Enterprise organization."""

    @property
    def sent_team(self) -> str:
        """The person's team as events and clicks give it: for a person in an organization, the organization.

        https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
        """
        return ORGANIZATION if self.teams else self.team


LONG_AGO = 1_700_000_000
"""The creation time of everything in a people file, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A user group; `members` are ids and stay when it is disabled. Times are in seconds since 1970."""

    id: str
    handle: str
    name: str
    description: str = ""
    members: tuple[str, ...] = ()
    created: int = LONG_AGO
    updated: int = LONG_AGO
    deleted: int = 0
    """The time it was disabled; 0 if it is enabled."""


def person(entry: PersonEntry) -> Member:
    """Make a member from a person of the file, with ids, name and e-mail."""
    return Member(
        id=entry.id or ids.named("U", entry.name),
        name=entry.name,
        real_name=entry.real_name or entry.name.title(),
        email=entry.email or f"{entry.name}@{'example.com' if entry.team == HOME_TEAM else f'{entry.team}.example'}",
        team=ids.named("T", entry.team),
        guest=entry.guest,
        stranger=HOME_TEAM not in (entry.team, *entry.workspaces),
        deactivated=entry.deactivated,
        teams=tuple(ids.named("T", each) for each in entry.workspaces),
        admin=entry.admin,
        timezone=entry.timezone,
    )


def group(entry: GroupEntry, ids_of: Mapping[str, str]) -> UserGroup:
    """Make a user group from a group of the file, with its id and its members' ids."""
    return UserGroup(
        id=entry.id or ids.named("S", entry.handle),
        handle=entry.handle,
        name=entry.name or entry.handle,
        description=entry.description,
        members=tuple(dict.fromkeys(ids_of[name] for name in entry.members)),
        deleted=LONG_AGO if entry.disabled else 0,
    )


def widened(
    known: PeopleFile,
    people: Iterable[str],
    channels: Iterable[str],
    purposes: Mapping[str, str] = MappingProxyType({}),
    groups: Iterable[str] = (),
) -> PeopleFile:
    """Add the people, channels and groups that are missing, named as a configuration names them.

    That is `dana`, `dana@example.com` or `U024BE7LH`; `#ops` or `C024BE91L`; `sre`. All full members are in a group
    that is added. What cannot be a name here is passed over.
    """
    members = {spelled for each in map(person, known.people) for spelled in (each.name, each.id, each.email.lower())}
    rooms = {spelled for each in known.channels for spelled in (each.name, each.id or ids.named("C", each.name))}
    newcomers = [_newcomer(name, members) for name in people if members.isdisjoint({name, name.lower()})]
    new_rooms = [_room(name) for name in (each.removeprefix("#") for each in channels) if name not in rooms]
    everybody = known.people + [each for each in newcomers if re.match(_NAME, each.name)]
    return known.model_copy(
        update={
            "purposes": dict(purposes),
            "people": everybody,
            "channels": known.channels + [each for each in new_rooms if re.match(_CHANNEL_NAME, each.name)],
            "groups": known.groups + _new_groups(known, everybody, groups),
        }
    )


def _newcomer(spelled: str, taken: Collection[str]) -> PersonEntry:
    if re.match(_USER_ID, spelled):
        return PersonEntry.model_construct(name=spelled.lower(), id=spelled, real_name=spelled)
    name, at, _ = spelled.lower().partition("@")
    if not at:
        return PersonEntry.model_construct(name=name)
    unique = name if name not in taken else spelled.lower().replace("@", ".")
    return PersonEntry.model_construct(name=unique, email=spelled.lower())


def _new_groups(known: PeopleFile, people: list[PersonEntry], names: Iterable[str]) -> list[GroupEntry]:
    """Make the missing groups; a name that a person already has is skipped."""
    taken = {spelled for each in known.groups for spelled in (each.handle, each.id or ids.named("S", each.handle))}
    taken |= {each.name for each in people}
    members = [each.name for each in people if each.team == HOME_TEAM and not (each.guest or each.deactivated)]
    wanted = dict.fromkeys(name.removeprefix("@") for name in names)
    return [
        GroupEntry.model_construct(handle=name.lower(), id=name if re.match(_GROUP_ID, name) else "", members=members)
        for name in wanted
        if taken.isdisjoint({name, name.lower()}) and re.match(_NAME, name.lower())
    ]


def _room(spelled: str) -> ChannelEntry:
    if re.match(_CHANNEL_ID, spelled):
        return ChannelEntry.model_construct(name=spelled.lower(), id=spelled)
    return ChannelEntry.model_construct(name=spelled)
