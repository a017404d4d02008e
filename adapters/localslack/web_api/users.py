"""users.*, usergroups.*, bots.info. Source: https://docs.slack.dev/reference/methods/users.info and its neighbours."""

from adapters.localslack.roster import ORGANIZATION, Person
from adapters.localslack.state import Json
from adapters.localslack.web_api.call import Call, SlackError, method, page
from adapters.localslack.workspace import Workspace


@method("users.info", "users:read")
def info(slack: Workspace, call: Call) -> Json:
    """Describe a person."""
    user = call.required("user")
    person = slack.state.people.get(user) or (slack.state.bot if user == slack.state.bot.id else None)
    if person is None:
        raise SlackError("user_not_found")
    return {"ok": True, "user": described(slack, person)}


@method("users.list", "users:read")
def list_all(slack: Workspace, call: Call) -> Json:
    """List everybody."""
    members, metadata = page([described(slack, each) for each in slack.state.everybody()], call)
    return {"ok": True, "members": members, "cache_ts": 0, "response_metadata": metadata}


@method("users.lookupByEmail", "users:read.email")
def lookup(slack: Workspace, call: Call) -> Json:
    """Find a person by e-mail address."""
    email = call.required("email").lower()
    for person in slack.state.people.values():
        if person.email.lower() == email:
            return {"ok": True, "user": described(slack, person)}
    raise SlackError("users_not_found")


@method("usergroups.list", "usergroups:read")
def groups(slack: Workspace, call: Call) -> Json:
    """List user groups."""
    shown = [
        {
            "id": group.id,
            "team_id": slack.state.team,
            "is_usergroup": True,
            "name": group.handle,
            "handle": group.handle,
            "user_count": len(group.members),
            **({"users": list(group.members)} if call.flag("include_users") else {}),
        }
        for group in slack.state.groups
    ]
    return {"ok": True, "usergroups": shown}


@method("usergroups.users.list", "usergroups:read")
def group_members(slack: Workspace, call: Call) -> Json:
    """List the ids of a user group's members."""
    wanted = call.required("usergroup")
    for group in slack.state.groups:
        if group.id == wanted:
            return {"ok": True, "users": list(group.members)}
    raise SlackError("no_such_subteam")


@method("bots.info", "users:read")
def bot(slack: Workspace, call: Call) -> Json:
    """Describe the bot."""
    if call.text("bot", slack.state.bot_id) != slack.state.bot_id:
        raise SlackError("bot_not_found")
    return {"ok": True, "bot": slack.bot_profile()}


def described(slack: Workspace, person: Person) -> Json:
    """Return a person as Slack describes them; the e-mail only with its scope."""
    profile = {
        "real_name": person.real_name,
        "real_name_normalized": person.real_name,
        "display_name": person.name,
        "display_name_normalized": person.name,
        "first_name": person.real_name.split(" ")[0],
        "last_name": person.real_name.partition(" ")[2],
        "title": "",
        "image_48": "",
        "team": person.team,
    }
    if person.email and not person.stranger and "users:read.email" in slack.scopes:
        profile["email"] = person.email
    shown: Json = {
        "id": person.id,
        "team_id": person.team,
        "name": person.name,
        "real_name": person.real_name,
        "deleted": person.deactivated,
        "tz": person.timezone,
        "profile": profile,
        "is_bot": person.bot,
        "is_app_user": False,
        "is_admin": person.admin,
        "is_owner": False,
        "is_restricted": person.guest,
        "is_ultra_restricted": False,
        "is_stranger": person.stranger,
        "updated": 1_700_000_000,
    }
    if person.teams:
        shown["enterprise_user"] = {
            "id": person.id,
            "enterprise_id": ORGANIZATION,
            "enterprise_name": ORGANIZATION,
            "is_admin": person.admin,
            "is_owner": False,
            "teams": list(person.teams),
        }
    if person.bot:
        shown["profile"] |= {"api_app_id": slack.state.app_id, "bot_id": slack.state.bot_id}
    return shown
