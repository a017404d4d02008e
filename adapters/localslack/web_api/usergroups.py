"""usergroups.*. Source: https://docs.slack.dev/reference/methods/usergroups.list and its neighbours."""

from adapters.localslack.state.roster import UserGroup
from adapters.localslack.state.state import Json
from adapters.localslack.web_api.call import ApiCall, SlackError, method
from adapters.localslack.workspace import LocalWorkspace


@method("usergroups.list", "usergroups:read")
def list_all(slack: LocalWorkspace, call: ApiCall) -> Json:
    """List user groups; disabled ones only with `include_disabled`."""
    _refuse_free_plan(slack)
    shown = [
        described(slack, group, users=call.flag("include_users"))
        for group in slack.state.groups.values()
        if not group.deleted or call.flag("include_disabled")
    ]
    return {"ok": True, "usergroups": shown}


@method("usergroups.users.list", "usergroups:read")
def members(slack: LocalWorkspace, call: ApiCall) -> Json:
    """List the ids of a user group's members. Raises SlackError."""
    _refuse_free_plan(slack)
    group = slack.state.groups.get(call.required("usergroup"))
    if group is None or (group.deleted and not call.flag("include_disabled")):
        raise SlackError("no_such_subteam")
    return {"ok": True, "users": list(group.members)}


def described(slack: LocalWorkspace, group: UserGroup, *, users: bool) -> Json:
    """Return a user group as Slack describes it."""
    admin = next((each.id for each in slack.state.people.values() if each.admin), "USLACKBOT")
    shown: Json = {
        "id": group.id,
        "team_id": slack.state.team,
        "is_usergroup": True,
        "is_subteam": True,
        "name": group.name,
        "description": group.description,
        "handle": group.handle,
        "is_external": False,
        "date_create": group.created,
        "date_update": group.updated,
        "date_delete": group.deleted,
        "auto_type": None,
        "auto_provision": False,
        "enterprise_subteam_id": "",
        "created_by": admin,
        "updated_by": admin,
        "deleted_by": admin if group.deleted else None,
        "prefs": {"channels": [], "groups": []},
        "user_count": len(group.members),
        "channel_count": 0,
    }
    return shown | ({"users": list(group.members)} if users else {})


def _refuse_free_plan(slack: LocalWorkspace) -> None:
    if slack.faults.free_plan:
        raise SlackError("plan_upgrade_required")
