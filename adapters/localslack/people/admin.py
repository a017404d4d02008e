"""Actions of admins while the workspace runs: they change user groups and people, and the bot gets the events.

An impossible change (an unknown person, a group without members) raises `NoSuchThingError`.
Sources: https://docs.slack.dev/reference/events/subteam_updated and its neighbours,
https://docs.slack.dev/reference/events/user_change
"""

import re
import time
from collections.abc import Sequence
from dataclasses import replace

from adapters.localslack.delivery.deliveries import Delivery, DeliveryOutcome
from adapters.localslack.people.interactions import NoSuchThingError, deliver_all
from adapters.localslack.state import ids
from adapters.localslack.state.roster import Member, UserGroup
from adapters.localslack.state.state import Json
from adapters.localslack.web_api import usergroups, users
from adapters.localslack.workspace import LocalWorkspace

_HANDLE = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")
_MOST_IN_EVENT = 500
"""Users that an event names: it cuts the list there, and says only in `user_count` how many there are."""


async def put_group(
    slack: LocalWorkspace, handle: str, members: Sequence[str] | None, *, name: str = "", description: str = ""
) -> tuple[UserGroup, DeliveryOutcome]:
    """Create a group, replace its members (which enables it again), or disable it (None)."""
    before = slack.state.find_group(handle)
    after = _changed(slack, before, handle, members)
    after = replace(after, name=name or after.name, description=description or after.description)
    slack.state.put_group(after)
    kind = "subteam_created" if before is None else "subteam_updated"
    events = [{"type": kind, "subteam": _shortened(usergroups.described(slack, after, users=True))}]
    if before is not None and before.members != after.members:
        events.append(_members_changed(slack, before, after))
    return after, await _notify_bot(slack, "usergroups:read", events)


async def put_person(slack: LocalWorkspace, person: Member, *, deactivated: bool, guest: bool) -> DeliveryOutcome:
    """Deactivate a person or bring them back; make them a guest or a full member."""
    slack.state.put_person(replace(person, deactivated=deactivated, guest=guest))
    user = users.described(slack, slack.state.people[person.id]) | {"updated": int(time.time())}
    return await _notify_bot(slack, "users:read", [{"type": "user_change", "user": user, "cache_ts": int(time.time())}])


def _changed(slack: LocalWorkspace, before: UserGroup | None, handle: str, members: Sequence[str] | None) -> UserGroup:
    now = int(time.time())
    if members is None:
        if before is None:
            raise NoSuchThingError(f"there is no group {handle!r} to disable")
        return replace(before, updated=max(now, before.updated + 1), deleted=now)
    if before is None:
        before = _created(slack, handle, now)
    people = tuple(dict.fromkeys(_person(slack, each).id for each in members))
    if not people:
        raise NoSuchThingError("a group in Slack has at least one member; to disable it, write members: null")
    return replace(before, members=people, updated=max(now, before.updated + 1), deleted=0)


def _created(slack: LocalWorkspace, handle: str, now: int) -> UserGroup:
    name = handle.removeprefix("@")
    if not _HANDLE.fullmatch(name):
        raise NoSuchThingError(f"{handle!r} cannot be a group's handle: use lower-case letters, digits, and . _ or -")
    if slack.state.find_person(name) is not None:
        raise NoSuchThingError(f"{name!r} is a person's name here; a group needs another handle")
    return UserGroup(ids.named("S", name), name, name, created=now, updated=now)


def _person(slack: LocalWorkspace, who: str) -> Member:
    person = slack.state.find_person(who)
    if person is None or person.bot:
        raise NoSuchThingError(f"nobody here is called {who!r}")
    return person


def _members_changed(slack: LocalWorkspace, before: UserGroup, after: UserGroup) -> Json:
    added = [each for each in after.members if each not in before.members]
    removed = [each for each in before.members if each not in after.members]
    return {
        "type": "subteam_members_changed",
        "subteam_id": after.id,
        "team_id": slack.state.team,
        "date_previous_update": before.updated,
        "date_update": after.updated,
        "added_users": added[:_MOST_IN_EVENT],
        "added_users_count": len(added),
        "removed_users": removed[:_MOST_IN_EVENT],
        "removed_users_count": len(removed),
    }


def _shortened(subteam: Json) -> Json:
    return subteam | {"users": subteam["users"][:_MOST_IN_EVENT]}


async def _notify_bot(slack: LocalWorkspace, scope: str, events: Sequence[Json]) -> DeliveryOutcome:
    """Send events to the bot if its token has the scope that they need."""
    if scope not in slack.granted:
        return await deliver_all(slack, ())
    stamped = [each | {"event_ts": slack.state.times.next()} for each in events]
    return await deliver_all(slack, [Delivery("events_api", slack.payloads.event(each)) for each in stamped])
