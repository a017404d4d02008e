"""The bot's identity: looked up once, before anything is served. https://docs.slack.dev/reference/methods/auth.test."""

from dataclasses import dataclass

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.workspace.errors import refused
from engine.ids import TeamId, UserId


@dataclass(frozen=True, slots=True)
class Identity:
    """The bot user, its workspace, and the scopes that its token was granted (empty if Slack does not say).

    `enterprise` is the Enterprise organization of the workspace, "" if there is none; `org_wide` says that the app
    is installed on the whole organization, so that all its workspaces are the bot's. `url` is the workspace's address.
    """

    user: UserId
    bot_id: str
    team: TeamId
    name: str
    team_name: str
    scopes: frozenset[str]
    enterprise: str = ""
    org_wide: bool = False
    url: str = ""


async def whoami(client: AsyncWebClient) -> Identity:
    """The identity behind the client's token. Raises SlackRefused for a token that is wrong or revoked."""
    try:
        answer = await client.auth_test()
    except SlackApiError as error:
        raise refused("auth.test", error) from None
    granted = next((value for name, value in answer.headers.items() if name.lower() == "x-oauth-scopes"), "")
    return Identity(
        UserId(answer["user_id"]),
        str(answer.get("bot_id", "")),
        TeamId(answer["team_id"]),
        str(answer.get("user", "")),
        str(answer.get("team", "")),
        frozenset(scope.strip() for scope in granted.split(",") if scope.strip()),
        str(answer.get("enterprise_id") or ""),
        bool(answer.get("is_enterprise_install")),
        str(answer.get("url", "")),
    )
