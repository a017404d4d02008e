"""The port `Roster` on Slack's Web API: who a person is, and whether they are in a channel.

It fails closed (P6): whatever cannot be found out in time is UNKNOWN, and then nobody may decide. Answers are kept for
a minute. Somebody who is not among a channel's known members may have just joined, so the channel is read again before
that is held against them; a person who just left may pass for the rest of that minute.

The user object alone says which workspaces a person belongs to. In an Enterprise organization a person has one id in
all of its workspaces: `team_id` may name another one than the bot's or be missing, `enterprise_user.teams` lists them
all, and a click or an event names the organization (`E...`) in place of a workspace. So a payload's own team is never
held against anybody. `is_stranger` is false for people of other organizations who share a channel with the bot: it
can make somebody a stranger, and never a member.

https://docs.slack.dev/reference/methods/users.info, https://docs.slack.dev/reference/methods/conversations.members,
https://docs.slack.dev/reference/objects/user-object, https://docs.slack.dev/enterprise-grid/developing-for-enterprise-grid
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping
from enum import StrEnum
from typing import Any, Generic, TypeVar

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.workspace.errors import code_of
from adapters.slack.workspace.identity import Identity
from engine.approvals.approval import Place
from engine.authority.eligibility import AccountType, Facts
from engine.ids import ChannelId, UserId

KEPT = 60.0
PATIENCE = 2.0
_LONGEST = 60.0
"""Seconds for all pages of a very large channel. Nobody waits that long for it: the next click finds the answer."""
_JOINED = 0.2
"""Seconds for which others join a question that is under way: an older one may hang, so it is asked anew beside it."""
_PAGE = 1_000
_MOST_KEPT = 5_000

log = structlog.get_logger(__name__)
Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """Answers kept for a while; those who ask at the same time share one call."""

    def __init__(
        self, ask: Callable[[Key], Awaitable[Value]], seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask, self._seconds, self._clock = ask, seconds, clock
        self._known: dict[Key, tuple[float, Value]] = {}
        self._asking: dict[Key, tuple[float, asyncio.Task[tuple[float, Value]]]] = {}
        self._tasks: set[asyncio.Task[tuple[float, Value]]] = set()
        self._forgotten: dict[Key, float] = {}

    async def get(self, key: Key, *, since: float | None = None) -> tuple[float, Value]:
        """The answer and when it was asked for, not before `since` (default: as long ago as answers are kept).

        Who stops waiting does not stop the question: a long answer is there for the next who ask.
        """
        oldest = self._clock() - self._seconds if since is None else since
        oldest = max(oldest, self._forgotten.get(key, oldest))
        known = self._known.get(key)
        if known is not None and known[0] > oldest:
            return known
        began, asking = self._asking.get(key, (0.0, None))
        if asking is None or asking.done() or began <= oldest or self._clock() - began > _JOINED:
            asking = asyncio.create_task(self._answered(key))
            self._asking[key] = (self._clock(), asking)
            self._tasks.add(asking)
            asking.add_done_callback(self._done)
        return await asyncio.shield(asking)

    def forget(self, key: Key) -> None:
        """Let nothing count that was asked so far, answered or not."""
        if len(self._forgotten) >= _MOST_KEPT:
            self._known.clear()
            self._asking.clear()
            self._forgotten.clear()
        self._forgotten[key] = self._clock()

    async def aclose(self) -> None:
        """Stop asking."""
        asking = list(self._tasks)
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    async def _answered(self, key: Key) -> tuple[float, Value]:
        asked = self._clock()
        async with asyncio.timeout(_LONGEST):
            answer = (asked, await self._ask(key))
        self._keep(key, answer)
        return answer

    def _done(self, asked: "asyncio.Task[tuple[float, Value]]") -> None:
        self._tasks.discard(asked)
        if not asked.cancelled():
            asked.exception()  # whoever still waits is told; nobody else needs to be

    def _keep(self, key: Key, answer: tuple[float, Value]) -> None:
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
            self._asking.clear()
        self._known[key] = answer


class SlackRoster:
    """Implements `engine.ports.Roster` for the bot's workspace. It never raises."""

    def __init__(
        self,
        client: AsyncWebClient,
        identity: Identity,
        *,
        kept: float = KEPT,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._identity, self._patience = client, identity, patience
        self._clock = clock
        self._standings: Kept[UserId, AccountType] = Kept(self._standing, kept, clock)
        self._members: Kept[ChannelId, frozenset[UserId]] = Kept(self._all_members, kept, clock)

    async def facts(self, user: UserId, place: Place, *, membership: bool) -> Facts:
        """A person's account type and, where it is asked for, whether they are in the place's channel."""
        try:
            async with asyncio.timeout(self._patience):
                _, account = await self._standings.get(user)
                if not membership or account is not AccountType.MEMBER:
                    return Facts(account)
                return Facts(account, await self._is_member(user, place.channel))
        except Exception as error:  # noqa: BLE001 - nobody may decide by an error
            code = code_of(error) if isinstance(error, SlackApiError) else type(error).__name__
            log.warning("roster_unknown", user=user, channel=place.channel, error=code)
            return Facts(AccountType.UNKNOWN)

    def changed(self, user: UserId) -> None:
        """Slack says that a person is not who they were: this process asks anew before they decide."""
        self._standings.forget(user)

    async def aclose(self) -> None:
        """Stop asking Slack."""
        await self._standings.aclose()
        await self._members.aclose()

    async def _is_member(self, user: UserId, channel: ChannelId) -> bool:
        began = self._clock()
        asked, members = await self._members.get(channel)
        if user not in members and asked < began:
            _, members = await self._members.get(channel, since=asked)
        return user in members

    async def _standing(self, user: UserId) -> AccountType:
        try:
            answer = await self._client.users_info(user=user)
        except SlackApiError as error:
            if code_of(error) in ("user_not_found", "user_not_visible"):
                return AccountType.STRANGER
            raise
        return standing_of(answer["user"], self._identity)

    async def _all_members(self, channel: ChannelId) -> frozenset[UserId]:
        return await members_of(self._client, channel)


async def members_of(client: AsyncWebClient, channel: ChannelId) -> frozenset[UserId]:
    """Everybody in a channel. Raises SlackApiError."""
    members: set[UserId] = set()
    cursor = ""
    while True:
        page = await client.conversations_members(channel=channel, limit=_PAGE, cursor=cursor or None)
        members.update(map(UserId, page["members"]))
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return frozenset(members)


class Account(StrEnum):
    """What kind of account a person has, in words for an operator."""

    MEMBER = "a full member"
    GUEST = "a guest"
    DEACTIVATED = "a deactivated account"
    BOT = "a bot"
    ELSEWHERE = "a person of another workspace"


_STANDINGS = {
    Account.MEMBER: AccountType.MEMBER,
    Account.GUEST: AccountType.GUEST,
    Account.ELSEWHERE: AccountType.VISITOR,
}
_SLACKBOT = "USLACKBOT"


def standing_of(user: Mapping[str, Any], identity: Identity) -> AccountType:
    """What a person is to the bot's workspace, by their user object."""
    return _STANDINGS.get(account_of(user, identity), AccountType.STRANGER)


def account_of(user: Mapping[str, Any], identity: Identity) -> Account:
    """The account behind a user object (https://docs.slack.dev/reference/objects/user-object)."""
    if user.get("deleted"):
        return Account.DEACTIVATED
    if user.get("is_bot") or user.get("id") == _SLACKBOT:
        return Account.BOT
    if user.get("is_stranger") or not _belongs(user, identity):
        return Account.ELSEWHERE
    return Account.GUEST if user.get("is_restricted") or user.get("is_ultra_restricted") else Account.MEMBER


def _belongs(user: Mapping[str, Any], identity: Identity) -> bool:
    """Whether a person belongs to the bot's workspace, or to the organization that the app is installed on."""
    enterprise = user.get("enterprise_user") or {}
    if identity.org_wide:
        return bool(identity.enterprise) and enterprise.get("enterprise_id") == identity.enterprise
    return user.get("team_id") == identity.team or identity.team in (enterprise.get("teams") or ())
