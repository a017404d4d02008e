"""users.*, bots.info. Source: https://docs.slack.dev/reference/methods/users.info and its neighbours."""

from adapters.localslack.state.roster import ORGANIZATION, Member
from adapters.localslack.state.state import Json
from adapters.localslack.web_api.call import ApiCall, SlackError, method, page
from adapters.localslack.workspace import LocalWorkspace


@method("users.info", "users:read")
def info(slack: LocalWorkspace, call: ApiCall) -> Json:
    """Describe a person. Raises SlackError."""
    user = call.required("user")
    person = slack.state.people.get(user) or (slack.state.bot if user == slack.state.bot.id else None)
    if person is None:
        raise SlackError("user_not_found")
    return {"ok": True, "user": described(slack, person)}


@method("users.list", "users:read")
def list_all(slack: LocalWorkspace, call: ApiCall) -> Json:
    """List everybody."""
    members, metadata = page([described(slack, each) for each in slack.state.everybody()], call)
    return {"ok": True, "members": members, "cache_ts": 0, "response_metadata": metadata}


@method("users.lookupByEmail", "users:read.email")
def lookup(slack: LocalWorkspace, call: ApiCall) -> Json:
    """Find a person by e-mail address. Raises SlackError."""
    email = call.required("email").lower()
    for person in slack.state.people.values():
        if person.email.lower() == email:
            return {"ok": True, "user": described(slack, person)}
    raise SlackError("users_not_found")


@method("bots.info", "users:read")
def bot(slack: LocalWorkspace, call: ApiCall) -> Json:
    """Describe the bot. Raises SlackError."""
    if call.text("bot", slack.state.bot_id) != slack.state.bot_id:
        raise SlackError("bot_not_found")
    return {"ok": True, "bot": slack.bot_profile()}


def described(slack: LocalWorkspace, person: Member) -> Json:
    """Return a person as Slack describes them; the e-mail needs its scope."""
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
    if person.email and not person.stranger and "users:read.email" in slack.granted:
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
