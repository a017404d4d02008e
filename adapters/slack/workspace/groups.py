"""The port `Groups` on Slack's user groups (https://docs.slack.dev/reference/methods/usergroups.list).

Calls of `usergroups.*` are few (20 a minute), so the whole list of a workspace is read at once, with all members, by
one process for all; `GroupMemory` keeps it. It fails closed (P6): a group that is disabled or gone, a list that cannot
be read in time, or one that is older than allowed names nobody.

How long somebody who left a group can still decide: not at all once Slack has delivered the event, for the list is
then read again before it counts. Where Slack does not deliver it (an app that does not subscribe to it, an outage), a
list counts for five minutes (`adapters.redis.stores.groups.OLDEST`). One that is older than a minute is read again in
the background when it is used. Events are never taken for the list itself: `subteam_updated` names 500 members at most.

Each id is a workspace's own. A group of an Enterprise organization has an id there too (`enterprise_subteam_id`); rules
may name it by either. An app that is installed on the whole organization has to ask for each workspace by itself.
"""

import asyncio
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
"""Seconds for reading the list, less than the right to read it lasts. Clicks do not wait that long."""
_LOOK_AGAIN = 0.05
"""Seconds between looks at what another process is reading."""
_SETTLE = 3.0
"""Seconds for which events gather before the list is read: when a directory is synchronized, hundreds come at once."""

_UNFIT_FOR_TEXT = re.compile(r"[\s<>&@*_~`\x00-\x1f\x7f]")

log = structlog.get_logger(__name__)


class SlackGroups:
    """Implements `engine.ports.Groups`. It never raises, but in `changed`.

    `handles` are those of groups by id, as far as they are known: sentences call a group by its handle.
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
        """Call groups by these handles from now on."""
        self._handles = dict(handles)

    async def members(self, group: str, patience: float) -> Membership:
        """The members of a group; nobody, with the reason, where they cannot be known."""
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
        """Let nothing count for these groups, or for all (`*`), that was read before; durable when it returns."""
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
        """Read the list, together with all who want it now. Who stops waiting does not stop the reading."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_once())
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
        """Log once that somebody left a group and no event said so: most likely the app does not subscribe to it."""
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
    """Whoever waits is told of an error, and the next who ask; where nobody waits, the log has it."""
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
    """The workspaces that an app of a whole organization serves."""

    async def page(cursor: str) -> AsyncSlackResponse:
        return await client.auth_teams_list(limit=1_000, cursor=cursor or None)

    return [str(each["id"]) async for each in _pages(page, "teams")]


async def _pages(page: Callable[[str], Awaitable[AsyncSlackResponse]], key: str) -> AsyncIterator[Mapping[str, Any]]:
    """All that the pages of an answer hold; `usergroups.list` has had one only, and knows of cursors all the same."""
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
    """Groups named as `sre`, `@sre` or `S123`; a name that nothing or more than one thing has is left out.

    A group that can be used comes before those that are disabled and have the same handle.
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
    """The same as `listed`, for the start and for `signoff check`. Raises SlackRefused."""
    try:
        return await listed(client, identity)
    except SlackApiError as error:
        raise refused("usergroups.list", error) from None
