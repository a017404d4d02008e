"""Names of people and channels as ids, and what a token may do: for the start and for `signoff check`.

https://docs.slack.dev/reference/methods/users.list, https://docs.slack.dev/reference/methods/conversations.list
"""

import re
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from adapters.slack.errors import code_of, refused
from adapters.slack.identity import Identity
from adapters.slack.manifest import SCOPES
from engine.ids import ChannelId, UserId
from engine.ports import ListedChannel

_USER_ID = re.compile(r"[UW][A-Z0-9]{2,}")
_PAGE = 200


def missing_scopes(identity: Identity) -> tuple[str, ...]:
    """The scopes that the token lacks; none where Slack does not say which it has."""
    return tuple(sorted(set(SCOPES) - identity.scopes)) if identity.scopes else ()


async def check_app_token(client: AsyncWebClient, app_token: str) -> None:
    """See that Socket Mode can be opened with this token. Raises SlackRefused."""
    try:
        await client.apps_connections_open(app_token=app_token)
    except SlackApiError as error:
        raise refused("apps.connections.open", error) from None


async def people(client: AsyncWebClient, names: Collection[str]) -> dict[str, UserId]:
    """Ids of people named as `alice`, `@alice`, `alice@example.com` or `U123`; who is not there is left out.

    A name is a person's user name or display name; where several people share it, it is left out, too: nobody shall
    become an approver by chance. Raises SlackRefused.
    """
    found: dict[str, UserId] = {}
    spelled: set[str] = set()
    for name in names:
        if _USER_ID.fullmatch(name):
            await _keep_user(client, name, found)
        elif "@" in name[1:]:
            await _keep_email(client, name, found)
        else:
            spelled.add(name)
    if spelled:
        found |= _unique(spelled, [member async for member in _listed(client, "users.list", "members")])
    return found


async def _keep_user(client: AsyncWebClient, name: str, found: dict[str, UserId]) -> None:
    try:
        await client.users_info(user=name)
    except SlackApiError as error:
        if code_of(error) != "user_not_found":
            raise refused("users.info", error) from None
    else:
        found[name] = UserId(name)


async def _keep_email(client: AsyncWebClient, name: str, found: dict[str, UserId]) -> None:
    try:
        answer = await client.users_lookupByEmail(email=name)
    except SlackApiError as error:
        if code_of(error) != "users_not_found":
            raise refused("users.lookupByEmail", error) from None
    else:
        found[name] = UserId(answer["user"]["id"])


def _unique(names: Iterable[str], members: list[dict[str, Any]]) -> dict[str, UserId]:
    by_name: dict[str, set[str]] = {}
    for member in members:
        if member.get("deleted") or member.get("is_bot"):
            continue
        profile = member.get("profile") or {}
        for spelled in {str(each).lower() for each in (member.get("name"), profile.get("display_name")) if each}:
            by_name.setdefault(spelled, set()).add(member["id"])
    wanted = {name: by_name.get(name.removeprefix("@").lower(), set()) for name in names}
    return {name: UserId(next(iter(ids))) for name, ids in wanted.items() if len(ids) == 1}


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
