"""User objects of each kind, as Slack documents them; T0HOME is the bot's workspace, in the organization E0ORG.

https://docs.slack.dev/reference/objects/user-object and https://docs.slack.dev/reference/methods/users.info,
for organizations https://docs.slack.dev/enterprise-grid/developing-for-enterprise-grid,
for channels between organizations https://docs.slack.dev/apis/slack-connect
"""

from typing import Any

from adapters.slack.workspace.identity import Identity
from adapters.slack.workspace.roster import Account
from engine.ids import TeamId, UserId

HOME, SALES, OTHER = TeamId("T0HOME"), TeamId("T0SALES"), TeamId("T0OTHER")
ORG, OTHER_ORG = "E0ORG", "E0OTHER"
IN_WORKSPACE = Identity(UserId("U0BOT"), "B0BOT", HOME, "signoff", "Home", frozenset(), ORG)
ORG_WIDE = Identity(UserId("U0BOT"), "B0BOT", TeamId(ORG), "signoff", "Org", frozenset(), ORG, org_wide=True)


def user(team: str | None, **more: Any) -> dict[str, Any]:
    """A user object; `team` None leaves `team_id` out, as Slack does for some people of an organization."""
    found: dict[str, Any] = {
        "id": "W012A3CDE",
        "name": "spengler",
        "deleted": False,
        "color": "9f69e7",
        "real_name": "Egon Spengler",
        "tz": "America/Los_Angeles",
        "profile": {"real_name": "Egon Spengler", "display_name": "spengler"},
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_bot": False,
        "is_app_user": False,
        "updated": 1502138686,
    }
    return found | ({} if team is None else {"team_id": team, "profile": {**found["profile"], "team": team}}) | more


def enterprise(org: str, *teams: str) -> dict[str, Any]:
    """What a user object of a person in an organization has besides."""
    found = {
        "id": "W012A3CDE",
        "enterprise_id": org,
        "enterprise_name": "Ghostbusters",
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": False,
        "teams": list(teams),
    }
    return {"enterprise_user": found}


ORGANIZATIONS = {
    "a member, whose first workspace is another one": (user(SALES, **enterprise(ORG, SALES, HOME)), Account.MEMBER),
    "a member without team_id": (user(None, **enterprise(ORG, HOME, SALES)), Account.MEMBER),
    "a member whose team_id is the organization": (user(ORG, **enterprise(ORG, HOME)), Account.MEMBER),
    "a member by team_id": (user(HOME, **enterprise(ORG, HOME)), Account.MEMBER),
    "a guest from another workspace": (
        user(SALES, is_restricted=True, **enterprise(ORG, SALES, HOME)),
        Account.GUEST,
    ),
    "a guest of one channel": (
        user(HOME, is_restricted=True, is_ultra_restricted=True, **enterprise(ORG, HOME)),
        Account.GUEST,
    ),
    "of the organization, but not of the workspace": (user(SALES, **enterprise(ORG, SALES)), Account.ELSEWHERE),
    "of no workspace": (user(ORG, **enterprise(ORG)), Account.ELSEWHERE),
    "of another organization, in a shared channel": (
        user(OTHER, is_stranger=False, **enterprise(OTHER_ORG, OTHER)),
        Account.ELSEWHERE,
    ),
    "of another organization, in no channel of ours": (
        user(OTHER, is_stranger=True, **enterprise(OTHER_ORG, OTHER)),
        Account.ELSEWHERE,
    ),
    "of a workspace without an organization, in a shared channel": (user(OTHER, is_stranger=False), Account.ELSEWHERE),
    "a stranger, whatever else is said": (user(HOME, is_stranger=True), Account.ELSEWHERE),
    "deactivated": (user(HOME, deleted=True, **enterprise(ORG, HOME)), Account.DEACTIVATED),
    "deactivated in an organization": (user(SALES, deleted=True, **enterprise(ORG, SALES, HOME)), Account.DEACTIVATED),
    "a bot": (user(HOME, is_bot=True, profile={"bot_id": "B012A3CDE"}), Account.BOT),
    "Slackbot": (user(HOME, id="USLACKBOT", is_bot=False), Account.BOT),
    "without enterprise_user": (user(SALES, enterprise_user=None), Account.ELSEWHERE),
    "without teams": (user(SALES, enterprise_user={"enterprise_id": ORG, "teams": None}), Account.ELSEWHERE),
}
"""Whoever Slack may describe to an app in the workspace T0HOME, by what they are."""

ORG_WIDE_PEOPLE = {
    "of any workspace of the organization": (user(SALES, **enterprise(ORG, SALES)), Account.MEMBER),
    "a guest": (user(SALES, is_restricted=True, **enterprise(ORG, SALES)), Account.GUEST),
    "of another organization": (user(OTHER, **enterprise(OTHER_ORG, OTHER)), Account.ELSEWHERE),
    "without an organization": (user(OTHER), Account.ELSEWHERE),
}
"""The same for an app that is installed on the whole organization."""
