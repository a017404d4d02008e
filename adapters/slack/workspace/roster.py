"""The port `Roster` on Slack's Web API: a person's account, and whether they are in a channel.

It fails closed (P6): if the answer does not come in time, the person is UNKNOWN and may not decide. Answers are kept
for a minute. Somebody who is not among the known members of a channel may have just joined, so the channel is read
again before they are refused; somebody who just left may still decide for the rest of that minute.

Only the user object says which workspaces a person belongs to. In an Enterprise organization a person has one id in all
of its workspaces: `team_id` may name another one than the bot's or be missing, `enterprise_user.teams` lists them all,
and a click or an event names the organization (`E...`) in place of a workspace. So the team in a payload is never a
reason to refuse somebody. `is_stranger` is false for people of other organizations who share a channel with the bot: it
can make somebody a stranger, and never a member.

https://docs.slack.dev/reference/methods/users.info, https://docs.slack.dev/reference/methods/conversations.members,
https://docs.slack.dev/reference/objects/user-object, https://docs.slack.dev/enterprise-grid/developing-for-enterprise-grid
"""

import asyncio
import contextvars
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
"""Seconds for all pages of a very large channel. No click waits that long; the next one finds the answer."""
_JOINED = 0.2
"""Seconds in which others join a call that is under way: an older one may hang, so another is made beside it."""
_PAGE = 1_000
_MOST_KEPT = 5_000

log = structlog.get_logger(__name__)
Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class AnswerCache(Generic[Key, Value]):
    """A cache of answers; callers at the same time share one call.

    A call is in no caller's context, and so has no caller's priority: a click may join one that a lane began.
    """

    def __init__(
        self, ask: Callable[[Key], Awaitable[Value]], seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask, self._seconds, self._clock = ask, seconds, clock
        self._known: dict[Key, tuple[float, Value]] = {}
        self._asking: dict[Key, tuple[float, asyncio.Task[tuple[float, Value]]]] = {}
        self._tasks: set[asyncio.Task[tuple[float, Value]]] = set()
        self._forgotten: dict[Key, float] = {}

    async def get(self, key: Key, *, since: float | None = None) -> tuple[float, Value]:
        """The answer and the time of its call, not before `since` (default: as long ago as answers are kept).

        A caller that stops waiting does not stop the call: the next caller finds its answer.
        """
        oldest = self._clock() - self._seconds if since is None else since
        oldest = max(oldest, self._forgotten.get(key, oldest))
        known = self._known.get(key)
        if known is not None and known[0] > oldest:
            return known
        began, asking = self._asking.get(key, (0.0, None))
        if asking is None or asking.done() or began <= oldest or self._clock() - began > _JOINED:
            asking = asyncio.create_task(self._answered(key), context=contextvars.Context())
            self._asking[key] = (self._clock(), asking)
            self._tasks.add(asking)
            asking.add_done_callback(self._done)
        return await _joined(asking)

    def forget(self, key: Key) -> None:
        """Invalidate all calls so far, answered or not."""
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
            asked.exception()  # those who wait get it; nobody else needs to

    def _keep(self, key: Key, answer: tuple[float, Value]) -> None:
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
            self._asking.clear()
        self._known[key] = answer


def _joined(asking: asyncio.Task[Value]) -> asyncio.Future[Value]:
    """Wait for a call as `asyncio.shield` does; a lane hears of the answer after one turn of its own, not two.

    Two could be more than its time limit, so that an answer which came at once would be none.
    """
    own: asyncio.Future[Value] = asyncio.get_running_loop().create_future()

    def give(asked: asyncio.Task[Value]) -> None:
        if own.done():  # its caller does not wait any more
            return
        if asked.cancelled():
            own.cancel()
        elif (error := asked.exception()) is not None:
            own.set_exception(error)
        else:
            own.set_result(asked.result())

    asking.add_done_callback(give, context=contextvars.Context())
    return own


Met = Callable[[UserId, str], Awaitable[None]]
"""Called with the name of each person who is looked up. It must not raise: a click would be refused."""


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
        met: Met | None = None,
    ) -> None:
        self._client, self._identity, self._patience = client, identity, patience
        self.met = met
        self._clock = clock
        self._account_types: AnswerCache[UserId, AccountType] = AnswerCache(self._account_type, kept, clock)
        self._members: AnswerCache[ChannelId, frozenset[UserId]] = AnswerCache(self._all_members, kept, clock)

    async def facts(self, user: UserId, place: Place, *, membership: bool) -> Facts:
        """A person's account type and, if asked for, their membership of the place's channel."""
        try:
            async with asyncio.timeout(self._patience):
                _, account = await self._account_types.get(user)
                if not membership or account is not AccountType.MEMBER:
                    return Facts(account)
                return Facts(account, await self._is_member(user, place.channel))
        except Exception as error:  # noqa: BLE001 - an error allows nobody to decide
            code = code_of(error) if isinstance(error, SlackApiError) else type(error).__name__
            log.warning("roster_unknown", user=user, channel=place.channel, error=code)
            return Facts(AccountType.UNKNOWN)

    def changed(self, user: UserId) -> None:
        """Invalidate what is known about a person: this process asks again before they decide."""
        self._account_types.forget(user)

    async def aclose(self) -> None:
        """Stop asking Slack."""
        await self._account_types.aclose()
        await self._members.aclose()

    async def _is_member(self, user: UserId, channel: ChannelId) -> bool:
        began = self._clock()
        asked, members = await self._members.get(channel)
        if user not in members and asked < began:
            _, members = await self._members.get(channel, since=asked)
        return user in members

    async def _account_type(self, user: UserId) -> AccountType:
        try:
            answer = await self._client.users_info(user=user)
        except SlackApiError as error:
            if code_of(error) in ("user_not_found", "user_not_visible"):
                return AccountType.STRANGER
            raise
        if self.met is not None:
            await self.met(user, name_of(answer["user"]))
        return account_type_of(answer["user"], self._identity)

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


def name_of(user: Mapping[str, Any]) -> str:
    """The name of a person by their user object; empty where Slack gives none."""
    return str(user.get("name") or (user.get("profile") or {}).get("display_name") or "")


class Account(StrEnum):
    """The kind of a person's account, in words for an operator."""

    MEMBER = "a full member"
    GUEST = "a guest"
    DEACTIVATED = "a deactivated account"
    BOT = "a bot"
    ELSEWHERE = "a person of another workspace"


_ACCOUNT_TYPES = {
    Account.MEMBER: AccountType.MEMBER,
    Account.GUEST: AccountType.GUEST,
    Account.ELSEWHERE: AccountType.VISITOR,
}
_SLACKBOT = "USLACKBOT"


def account_type_of(user: Mapping[str, Any], identity: Identity) -> AccountType:
    """The account type of a person in the bot's workspace, by their user object."""
    return _ACCOUNT_TYPES.get(account_of(user, identity), AccountType.STRANGER)


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
    """True if a person belongs to the bot's workspace, or to the organization that the app is installed on."""
    enterprise = user.get("enterprise_user") or {}
    if identity.org_wide:
        return bool(identity.enterprise) and enterprise.get("enterprise_id") == identity.enterprise
    return user.get("team_id") == identity.team or identity.team in (enterprise.get("teams") or ())
