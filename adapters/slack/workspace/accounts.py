"""The port `Accounts` on Slack's Web API: active full members, and owners of e-mail addresses.

`users.lookupByEmail` gives one account, even if another has the same address. So all accounts are listed, once for a
while, and an address that two of them have is nobody's. The account is then looked up by itself: since the list was
read it may have been deactivated, or its address changed.

https://docs.slack.dev/reference/methods/users.list, https://docs.slack.dev/reference/methods/users.info
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.workspace.errors import code_of
from adapters.slack.workspace.identity import Identity
from adapters.slack.workspace.roster import Account, AnswerCache, account_of
from engine.ids import UserId
from engine.ports import AccountsUnknownError

_KEPT: Final = 60.0
_LIST_KEPT: Final = 600.0
"""Seconds. A list takes a call for each thousand people, and Slack allows twenty a minute."""
_PAGE: Final = 1_000

log = structlog.get_logger(__name__)
_Emails = Mapping[str, frozenset[UserId]]


class SlackAccounts:
    """Implements `engine.ports.Accounts` for the bot's workspace."""

    def __init__(self, client: AsyncWebClient, identity: Identity, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._identity, self._clock = client, identity, clock
        self._users: AnswerCache[UserId, Mapping[str, Any] | None] = AnswerCache(self._user, _KEPT, clock)
        self._emails: AnswerCache[str, _Emails] = AnswerCache(self._listed, _LIST_KEPT, clock)

    async def is_member(self, user: UserId) -> bool:
        """True for an active full member. Raises AccountsUnknownError."""
        found = await self._asked(self._users, user)
        return found is not None and account_of(found, self._identity) is Account.MEMBER

    async def of_email(self, email: str) -> UserId | None:
        """The active full member who is the only one with this e-mail address. Raises AccountsUnknownError."""
        wanted = _spelled(email)
        owners = (await self._asked(self._emails, "")).get(wanted)
        if owners is None:  # a new account
            owners = (await self._asked(self._emails, "", since=self._clock() - _KEPT)).get(wanted, frozenset())
        if len(owners) != 1:
            return None
        (user,) = owners
        found = await self._asked(self._users, user)
        still = found is not None and _email(found) == wanted and account_of(found, self._identity) is Account.MEMBER
        return user if still else None

    async def aclose(self) -> None:
        """Stop asking Slack."""
        await self._users.aclose()
        await self._emails.aclose()

    async def _asked(self, kept: AnswerCache[Any, Any], key: str, since: float | None = None) -> Any:
        try:
            return (await kept.get(key, since=since))[1]
        except Exception as error:  # noqa: BLE001 - after any error it is not known who that is
            log.warning("accounts_unknown", error=code_of(error) if isinstance(error, SlackApiError) else repr(error))
            raise AccountsUnknownError("Slack couldn't be asked who that is.") from None

    async def _user(self, user: UserId) -> Mapping[str, Any] | None:
        try:
            found: Mapping[str, Any] = (await self._client.users_info(user=user))["user"]
        except SlackApiError as error:
            if code_of(error) in ("user_not_found", "user_not_visible"):
                return None
            raise
        return found

    async def _listed(self, _: str) -> _Emails:
        """The accounts that are not deactivated, by their e-mail addresses."""
        found: dict[str, set[UserId]] = {}
        cursor = ""
        while True:
            page = await self._client.users_list(limit=_PAGE, cursor=cursor or None)
            for user in page["members"]:
                if (email := _email(user)) and not user.get("deleted"):
                    found.setdefault(email, set()).add(UserId(user["id"]))
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return {email: frozenset(users) for email, users in found.items()}


def _email(user: Mapping[str, Any]) -> str:
    return _spelled(str((user.get("profile") or {}).get("email") or ""))


def _spelled(email: str) -> str:
    return email.strip().casefold()
