"""The port `Groups` on Slack's user groups (https://docs.slack.dev/reference/methods/usergroups.list).

Slack allows 20 calls of `usergroups.*` a minute, so one process reads the whole list of a workspace for all, with all
members; `GroupMemory` keeps it. It fails closed (P6): a group that is disabled or gone, a list that cannot be read in
time, or one that is older than allowed names nobody.

Somebody who left a group can no longer decide once Slack has delivered the event: the list is read again before it
counts. If Slack does not deliver it (the app does not subscribe to it, an outage), a list counts for five minutes
(`adapters.redis.stores.groups.OLDEST`). One older than a minute is read again in the background when it is used. Events
never replace the list: `subteam_updated` names at most 500 members.

An id belongs to one workspace. A group of an Enterprise organization has a second id (`enterprise_subteam_id`); rules
may use either. An app that is installed on the whole organization asks for each workspace separately.
"""

import asyncio
import contextvars
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from adapters.slack.workspace.errors import code_of, refused
from adapters.slack.workspace.identity import Identity
from engine.ids import UserId
from engine.ports import GroupMemory, ListedGroup, Membership, RecalledGroup

SCOPE = "usergroups:read"
FRESH = 60.0
"""Seconds after which a list that is used is read again in the background."""
_READ_WITHIN = 9.5
"""Seconds for reading the list: less than the lease on reading it. Clicks do not wait that long."""
_LOOK_AGAIN = 0.05
"""Seconds between checks whether another process has read the list."""
_SETTLE = 3.0
"""Seconds in which events gather before the list is read: a directory sync sends hundreds at once."""

_UNFIT_FOR_TEXT = re.compile(r"[\s<>&@*_~`\x00-\x1f\x7f]")

log = structlog.get_logger(__name__)


class SlackGroups:
    """Implements `engine.ports.Groups`. Only `changed` raises.

    `handles` are the known handles of groups by id: sentences name a group by its handle.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        identity: Identity,
        memory: GroupMemory,
        *,
        handles: Mapping[str, str] = MappingProxyType({}),
        fresh: float = FRESH,
        settle: float = _SETTLE,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client, self._identity, self._memory = client, identity, memory
        self._handles = dict(handles)
        self._fresh, self._settle, self._now = fresh, settle, now
        self._reading: asyncio.Task[None] | None = None
        self._soon: asyncio.Task[None] | None = None
        self._used = self._unheard = False

    def call(self, handles: Mapping[str, str]) -> None:
        """Use these handles from now on."""
        self._handles = dict(handles)

    async def members(self, group: str, patience: float) -> Membership:
        """The members of a group; nobody, with the reason, if they cannot be found out."""
        self._used = True
        try:
            async with asyncio.timeout(patience):
                kept = await self._recalled(group)
        except TimeoutError:
            log.warning("group_unknown", group=group, error="timeout")
            return self._nobody(f"Slack didn't say in time who is in {self._called(group)}.", unanswered=True)
        except Exception as error:  # noqa: BLE001 - nobody may decide by an error
            code = code_of(error) if isinstance(error, SlackApiError) else type(error).__name__
            log.warning("group_unknown", group=group, error=code)
            return self._nobody(_WHY.get(code, f"Slack couldn't say who is in {self._called(group)}."))
        return self._membership(group, kept)

    async def changed(self, ids: Collection[str]) -> None:
        """Invalidate everything read so far about these groups, or all (`*`); stored when this returns."""
        await self._memory.changed(ids)
        if self._used:
            self._read_soon(self._settle)

    async def aclose(self) -> None:
        """Stop asking Slack."""
        tasks = [each for each in (self._reading, self._soon) if each is not None]
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _membership(self, group: str, kept: RecalledGroup) -> Membership:
        if kept.group is None:
            why = f"There is no user group {self._spelled(group)} any more."
            return Membership(frozenset(), kept.looked_up, why)
        self._handles[group] = kept.group.handle
        if kept.group.unable:
            why = f"The user group {self._spelled(group)} is {kept.group.unable} in Slack."
            return Membership(frozenset(), kept.looked_up, why)
        return Membership(kept.group.people, kept.looked_up)

    def _called(self, group: str) -> str:
        return f"the user group {self._spelled(group)}"

    def _spelled(self, group: str) -> str:
        return f"@{self._handles[group]}" if group in self._handles else group

    def _nobody(self, why: str, *, unanswered: bool = False) -> Membership:
        return Membership(frozenset(), self._now(), why, unanswered)

    async def _recalled(self, group: str) -> RecalledGroup:
        while (kept := await self._memory.recall(group)) is None:
            await self._read()
        if kept.age > self._fresh:
            self._read_soon(0.0)
        return kept

    async def _read(self) -> None:
        """Read the list once for all who wait for it. A caller that stops waiting does not stop the read.

        It is in no caller's context: a click may wait for a read that a lane began.
        """
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_once(), context=contextvars.Context())
            self._reading.add_done_callback(_heard)
        await asyncio.shield(self._reading)

    async def _read_once(self) -> None:
        reading = await self._memory.begin()
        if reading is None:
            await asyncio.sleep(_LOOK_AGAIN)
            return
        looked_up = self._now()
        try:
            async with asyncio.timeout(_READ_WITHIN):
                groups = await listed(self._client, self._identity)
        except BaseException:
            await self._memory.abandon(reading)
            raise
        await self._note_unheard(groups)
        await self._memory.keep(reading, groups, looked_up)

    async def _note_unheard(self, groups: Sequence[ListedGroup]) -> None:
        """Log once if somebody left a group without an event: most likely the app does not subscribe to it."""
        for each in groups:
            if self._unheard or each.id not in self._handles:
                continue
            kept = await self._memory.recall(each.id)
            if kept is not None and kept.group is not None and kept.group.people - each.people:
                self._unheard = True
                log.warning("group_changed_without_event", group=each.id, fix=_SUBSCRIBE)

    def _read_soon(self, seconds: float) -> None:
        async def read() -> None:
            await asyncio.sleep(seconds)
            await self._read()

        if self._soon is None or self._soon.done():
            self._soon = asyncio.create_task(read())
            self._soon.add_done_callback(_heard)


_SUBSCRIBE = (
    "compare the app's events with those of signoff manifest: without the events of user groups, "
    "somebody who left a group can decide for some minutes more"
)
_WHY: Mapping[str, str] = {
    "missing_scope": f"The app may not read user groups: it lacks the scope {SCOPE}, which the bot's operator can add.",
    "plan_upgrade_required": "This workspace has no user groups: they need a paid Slack plan.",
}


def _heard(task: "asyncio.Task[None]") -> None:
    """Log an error; those who wait for the task get it as well."""
    if not task.cancelled() and (error := task.exception()) is not None:
        code = code_of(error) if isinstance(error, SlackApiError) else type(error).__name__
        log.warning("groups_not_read", error=code)


# The list -------------------------------------------------------------------------------------------------------------


async def listed(client: AsyncWebClient, identity: Identity) -> Sequence[ListedGroup]:
    """All user groups, those that are disabled too. Raises SlackApiError."""

    async def page(team: str, cursor: str) -> AsyncSlackResponse:
        return await client.usergroups_list(
            include_users=True, include_disabled=True, team_id=team, cursor=cursor or None
        )

    teams = await _workspaces(client) if identity.org_wide else [identity.team]
    return [_listed(each) for team in teams async for each in _pages(partial(page, team), "usergroups")]


async def _workspaces(client: AsyncWebClient) -> Sequence[str]:
    """The workspaces of an app that is installed on an organization."""

    async def page(cursor: str) -> AsyncSlackResponse:
        return await client.auth_teams_list(limit=1_000, cursor=cursor or None)

    return [str(each["id"]) async for each in _pages(page, "teams")]


async def _pages(page: Callable[[str], Awaitable[AsyncSlackResponse]], key: str) -> AsyncIterator[Mapping[str, Any]]:
    """The items of all pages. So far `usergroups.list` answers with one page, but it documents cursors."""
    cursor = ""
    while True:
        answer = await page(cursor)
        for each in answer[key]:
            yield each
        cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return


def _listed(group: Mapping[str, Any]) -> ListedGroup:
    """https://docs.slack.dev/reference/objects/usergroup-object."""
    identity = str(group["id"])
    handle = str(group.get("handle") or "")
    return ListedGroup(
        identity,
        identity if not handle or _UNFIT_FOR_TEXT.search(handle) else handle,
        frozenset(UserId(str(each)) for each in group.get("users") or ()),
        "disabled" if group.get("date_delete") else "",
        str(group.get("enterprise_subteam_id") or ""),
    )


def named(names: Iterable[str], groups: Sequence[ListedGroup]) -> dict[str, ListedGroup]:
    """The groups named `sre`, `@sre` or `S123`; an unknown or ambiguous name is left out.

    A group that is in use takes precedence over disabled ones with the same handle.
    """
    found: dict[str, ListedGroup] = {}
    for name in names:
        spelled = name.removeprefix("@")
        fits = [each for each in groups if spelled and spelled in (each.id, each.in_organization)]
        fits = fits or [each for each in groups if each.handle == spelled.lower()]
        able = [each for each in fits if not each.unable]
        if len(able or fits) == 1:
            (found[name],) = able or fits
    return found


async def all_groups(client: AsyncWebClient, identity: Identity) -> Sequence[ListedGroup]:
    """All user groups, for the start and for `signoff check`. Raises SlackRefused."""
    try:
        return await listed(client, identity)
    except SlackApiError as error:
        raise refused("usergroups.list", error) from None
