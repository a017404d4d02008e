"""Who is in the workspace, and which channels it has: built in, or from a file of the user's own.

```yaml
people:
  - {name: alice, real_name: Alice Adams, email: alice@example.com}
  - {name: gina, guest: true}
  - {name: eve, team: other}          # a member of another workspace
  - {name: olga, team: sales, workspaces: [sales, local]}   # of several workspaces of one Enterprise organization
  - {name: rita, deactivated: true}
  - {name: dana, id: U024BE7LH}        # with an id of a real workspace; without, it is made of the name
channels:
  - general                            # everybody and the bot
  - {name: secrets, members: [alice], bot: false, private: true}
groups:
  - {handle: sre, members: [alice, bob]}
```
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from adapters.localslack import ids

HOME_TEAM = "local"
ORGANIZATION = ids.named("E", "local")
"""The Enterprise organization of those who have `workspaces`."""
_NAME = r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$"
_CHANNEL_NAME = r"^[\w-][\w.-]*$"
_USER_ID = r"^[UW][A-Z0-9]{2,}$"
_CHANNEL_ID = r"^[CG][A-Z0-9]{2,}$"


class RosterError(ValueError):
    """The people file cannot be used; the message says where and why."""


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
    """All workspaces of the person in the Enterprise organization; empty for somebody who is in none."""
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
    """A user group of the people file."""

    handle: str
    members: list[str]


class Roster(_Entry):
    """The people file as a whole."""

    people: list[PersonEntry] = Field(min_length=1)
    channels: list[
        Annotated[ChannelEntry, BeforeValidator(lambda given: {"name": given} if isinstance(given, str) else given)]
    ] = [ChannelEntry(name=name) for name in ("general", "deploys", "refunds", "approvals")]
    groups: list[GroupEntry] = []
    purposes: dict[str, str] = {}
    """What each channel is for, by name, and under `dm` the direct messages with the bot: the page shows it."""


BUILT_IN = Roster(
    people=[
        PersonEntry(name="alice", real_name="Alice Adams"),
        PersonEntry(name="bob", real_name="Bob Brown"),
        PersonEntry(name="carol", real_name="Carol Chen"),
        PersonEntry(name="gina", real_name="Gina Guest", guest=True),
        PersonEntry(name="eve", real_name="Eve Elsewhere", team="other"),
    ]
)


@dataclass(frozen=True, slots=True)
class Person:
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
    """The workspaces of somebody in the Enterprise organization."""

    @property
    def sent_team(self) -> str:
        """What events and clicks say of the person's team: of somebody in an organization they name that.

        https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
        """
        return ORGANIZATION if self.teams else self.team


@dataclass(frozen=True, slots=True)
class Group:
    """A user group."""

    id: str
    handle: str
    members: tuple[str, ...] = field(default=())


def load(path: Path | None) -> Roster:
    """Read a people file (YAML or JSON), or return the built-in roster. Raises RosterError."""
    if path is None:
        return BUILT_IN
    try:
        return check(yaml.safe_load(path.read_text(encoding="utf-8")), str(path))
    except OSError as error:
        raise RosterError(f"{path}: cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise RosterError(f"{path}: is not YAML: {error}") from error


def check(data: object, source: str = "people") -> Roster:
    """Validate a roster given as data. Raises RosterError naming each fault."""
    try:
        roster = Roster.model_validate(data)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, each['loc'])) or 'file'}: {each['msg']}" for each in error.errors()]
        raise RosterError(f"{source}: {'; '.join(faults)}") from error
    names = {person.name for person in roster.people}
    for channel in roster.channels:
        if unknown := set(channel.members) - names:
            raise RosterError(f"{source}: #{channel.name} has members not among the people: {', '.join(unknown)}")
    for group in roster.groups:
        if unknown := set(group.members) - names:
            raise RosterError(f"{source}: group {group.handle} has members not among the people: {', '.join(unknown)}")
    return roster


def person(entry: PersonEntry) -> Person:
    """Give a person of the file their ids, name and e-mail."""
    return Person(
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


def widened(
    known: Roster, people: Iterable[str], channels: Iterable[str], purposes: Mapping[str, str] = MappingProxyType({})
) -> Roster:
    """Add who and what is missing, named as a configuration names them: `dana`, `U024BE7LH`, `#ops`, `C024BE91L`.

    What cannot be a name here is passed over.
    """
    members = {spelled for each in map(person, known.people) for spelled in (each.name, each.id)}
    rooms = {spelled for each in known.channels for spelled in (each.name, each.id or ids.named("C", each.name))}
    newcomers = [_newcomer(name) for name in people if members.isdisjoint({name, name.lower()})]
    new_rooms = [_room(name) for name in (each.removeprefix("#") for each in channels) if name not in rooms]
    return known.model_copy(
        update={
            "purposes": dict(purposes),
            "people": known.people + [each for each in newcomers if re.match(_NAME, each.name)],
            "channels": known.channels + [each for each in new_rooms if re.match(_CHANNEL_NAME, each.name)],
        }
    )


def _newcomer(spelled: str) -> PersonEntry:
    if re.match(_USER_ID, spelled):
        return PersonEntry.model_construct(name=spelled.lower(), id=spelled, real_name=spelled)
    return PersonEntry.model_construct(name=spelled.lower())


def _room(spelled: str) -> ChannelEntry:
    if re.match(_CHANNEL_ID, spelled):
        return ChannelEntry.model_construct(name=spelled.lower(), id=spelled)
    return ChannelEntry.model_construct(name=spelled)
