"""Looks up names of people and channels, and the scopes of a token: for the start and for `signoff check`.

https://docs.slack.dev/reference/methods/users.list, https://docs.slack.dev/reference/methods/conversations.list
"""

import re
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from adapters.slack.workspace.errors import code_of, refused
from adapters.slack.workspace.identity import Identity
from adapters.slack.workspace.manifest import AIDS, SCOPES, WHERE_NAMED
from adapters.slack.workspace.roster import Account, account_of, members_of
from engine.ids import ChannelId, UserId
from engine.ports import ListedChannel, ListedPerson

_USER_ID = re.compile(r"[UW][A-Z0-9]{2,}")
_PAGE = 200


def missing_scopes(identity: Identity) -> tuple[str, ...]:
    """The scopes that every bot needs and the token lacks; none if Slack does not say which it has."""
    return tuple(sorted(set(SCOPES) - WHERE_NAMED - AIDS - identity.scopes)) if identity.scopes else ()


async def check_app_token(client: AsyncWebClient, app_token: str) -> str:
    """Check that this token opens Socket Mode; gives the address of one connection. Raises SlackRefused."""
    try:
        return str((await client.apps_connections_open(app_token=app_token))["url"])
    except SlackApiError as error:
        raise refused("apps.connections.open", error) from None


async def people(client: AsyncWebClient, names: Collection[str], identity: Identity) -> dict[str, ListedPerson]:
    """The people named `alice`, `@alice`, `alice@example.com` or `U123`; unknown ones are left out.

    A name is a user name or a display name. One that several people share is left out too: nobody becomes an approver
    by chance. Raises SlackRefused.
    """
    found: dict[str, dict[str, Any] | None] = {}
    spelled: set[str] = set()
    for name in names:
        if _USER_ID.fullmatch(name):
            found[name] = await _user(client, name)
        elif "@" in name[1:]:
            found[name] = await _user_of_email(client, name)
        else:
            spelled.add(name)
    if spelled:
        found |= _unique(spelled, [member async for member in _listed(client, "users.list", "members")], identity)
    return {name: _person(user, identity) for name, user in found.items() if user is not None}


def _person(user: dict[str, Any], identity: Identity) -> ListedPerson:
    account = account_of(user, identity)
    unable = "" if account is Account.MEMBER else account.value
    return ListedPerson(UserId(user["id"]), unable, account in (Account.GUEST, Account.ELSEWHERE))


async def _user(client: AsyncWebClient, name: str) -> dict[str, Any] | None:
    try:
        answer = await client.users_info(user=name)
    except SlackApiError as error:
        if code_of(error) not in ("user_not_found", "user_not_visible"):
            raise refused("users.info", error) from None
        return None
    found: dict[str, Any] = answer["user"]
    return found


async def _user_of_email(client: AsyncWebClient, name: str) -> dict[str, Any] | None:
    try:
        answer = await client.users_lookupByEmail(email=name)
    except SlackApiError as error:
        if code_of(error) != "users_not_found":
            raise refused("users.lookupByEmail", error) from None
        return None
    found: dict[str, Any] = answer["user"]
    return found


def _unique(names: Iterable[str], members: list[dict[str, Any]], identity: Identity) -> dict[str, dict[str, Any]]:
    """The only person with each name. A full member takes precedence over people who may not decide."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for member in members:
        profile = member.get("profile") or {}
        for spelled in {str(each).lower() for each in (member.get("name"), profile.get("display_name")) if each}:
            by_name.setdefault(spelled, []).append(member)
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        named = by_name.get(name.removeprefix("@").lower(), [])
        able = [each for each in named if account_of(each, identity) is Account.MEMBER]
        if len(able or named) == 1:
            (found[name],) = able or named
    return found


async def channels(client: AsyncWebClient) -> Sequence[ListedChannel]:
    """All public channels, and the private ones that the bot is in; archived ones too. Raises SlackRefused."""
    return [
        ListedChannel(
            ChannelId(each["id"]),
            str(each["name"]),
            member=bool(each.get("is_member")),
            archived=bool(each.get("is_archived")),
        )
        async for each in _listed(client, "conversations.list", "channels")
    ]


async def absent(client: AsyncWebClient, channel: ChannelId, people: Collection[UserId]) -> frozenset[UserId]:
    """The people who cannot see a channel: it is private, and they are not in it. Raises SlackRefused.

    A public channel can be read by every full member.
    """
    try:
        described = (await client.conversations_info(channel=channel))["channel"]
        members = await members_of(client, channel) if described.get("is_private") else frozenset(people)
    except SlackApiError as error:
        if code_of(error) == "channel_not_found":  # private, and the bot is not in it: another check reports that
            return frozenset()
        raise refused("conversations.members", error) from None
    return frozenset(people) - members


async def _listed(client: AsyncWebClient, method: str, key: str) -> AsyncIterator[dict[str, Any]]:
    cursor = ""
    while True:
        try:
            page = await _page(client, method, cursor)
        except SlackApiError as error:
            raise refused(method, error) from None
        for each in page[key]:
            yield each
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return


async def _page(client: AsyncWebClient, method: str, cursor: str) -> AsyncSlackResponse:
    if method == "users.list":
        return await client.users_list(limit=_PAGE, cursor=cursor or None)
    return await client.conversations_list(limit=_PAGE, cursor=cursor or None, types="public_channel,private_channel")
