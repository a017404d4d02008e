"""conversations.*. Source: https://docs.slack.dev/reference/methods/conversations.info and its neighbours."""

from adapters.localslack.state.state import Channel, Json
from adapters.localslack.web_api.call import ApiCall, SlackError, joined, method, page, readable
from adapters.localslack.workspace import LocalWorkspace

_FAR_FUTURE = "9999999999.999999"
_TYPES = {"public_channel": "channel", "private_channel": "private", "im": "dm"}


@method("conversations.info", "channels:read")
def info(slack: LocalWorkspace, call: ApiCall) -> Json:
    """Describe a channel."""
    return {"ok": True, "channel": described(slack, readable(slack, call.required("channel")), call)}


@method("conversations.list", "channels:read")
def list_all(slack: LocalWorkspace, call: ApiCall) -> Json:
    """List channels by `types`."""
    channels, metadata = _listed(slack, call, slack.state.bot.id, joined_only=False)
    return {"ok": True, "channels": channels, "response_metadata": metadata}


@method("users.conversations", "channels:read")
def of_user(slack: LocalWorkspace, call: ApiCall) -> Json:
    """List a person's channels. Raises SlackError."""
    user = call.text("user") or slack.state.bot.id
    if slack.state.find_person(user) is None:
        raise SlackError("user_not_found")
    channels, metadata = _listed(slack, call, user, joined_only=True)
    return {"ok": True, "channels": channels, "response_metadata": metadata}


@method("conversations.members", "channels:read")
def members(slack: LocalWorkspace, call: ApiCall) -> Json:
    """List the ids of a channel's members."""
    channel = readable(slack, call.required("channel"))
    found, metadata = page([{"id": each} for each in sorted(channel.members)], call)
    return {"ok": True, "members": [each["id"] for each in found], "response_metadata": metadata}


@method("conversations.open", "im:write")
def open_dm(slack: LocalWorkspace, call: ApiCall) -> Json:
    """Open the direct message with one person. Raises SlackError."""
    if call.text("channel"):
        channel = joined(slack, call.text("channel"))
    else:
        users = call.args.get("users") or ""
        names = users if isinstance(users, list) else str(users).split(",")
        if len(names) != 1 or names[0] not in slack.state.people:
            raise SlackError("user_not_found" if names[0] else "users_list_not_supplied")
        channel = slack.state.channels[slack.state.dm_id(names[0])]
    already = {"no_op": True, "already_open": True}
    return {
        "ok": True,
        **already,
        "channel": described(slack, channel, call) if call.flag("return_im") else {"id": channel.id},
    }


@method("conversations.replies", "channels:history")
def replies(slack: LocalWorkspace, call: ApiCall) -> Json:
    """List a thread: its root, then its replies, oldest first. Raises SlackError."""
    channel = joined(slack, call.required("channel"))
    ts = call.required("ts")
    if ts not in channel.messages:
        raise SlackError("thread_not_found")
    oldest, latest = call.text("oldest", "0"), call.text("latest", _FAR_FUTURE)
    found = [each for each in channel.thread(ts) if each["ts"] == ts or _within(each["ts"], oldest, latest, call)]
    messages, metadata = page(found, call, 1_000)
    return _messages(messages, metadata, call)


@method("conversations.history", "channels:history")
def history(slack: LocalWorkspace, call: ApiCall) -> Json:
    """List a channel's messages, newest first, without the replies."""
    channel = joined(slack, call.required("channel"))
    oldest, latest = call.text("oldest", "0"), call.text("latest", _FAR_FUTURE)
    found = [each for each in channel.between(oldest, latest) if _within(each["ts"], oldest, latest, call)]
    messages, metadata = page(found[::-1], call)
    return _messages(messages, metadata, call)


def described(slack: LocalWorkspace, channel: Channel, call: ApiCall) -> Json:
    """Return a channel as Slack describes it."""
    dm = channel.kind == "dm"
    shown: Json = {
        "id": channel.id,
        "is_channel": channel.kind == "channel",
        "is_group": channel.kind == "private",
        "is_im": dm,
        "is_mpim": False,
        "is_private": channel.kind != "channel",
        "is_archived": channel.archived,
        "is_general": channel.name == "general",
        "is_shared": channel.shared,
        "is_ext_shared": channel.shared,
        "is_org_shared": False,
        "is_member": slack.state.bot.id in channel.members,
        "context_team_id": slack.state.team,
        "created": 1_700_000_000,
        "updated": 1_700_000_000_000,
    }
    if dm:
        return shown | {"user": next(iter(channel.members - {slack.state.bot.id})), "is_open": True}
    shown |= {"name": channel.name, "name_normalized": channel.name, "creator": next(iter(slack.state.people))}
    empty = {"value": "", "creator": "", "last_set": 0}
    shown |= {"topic": empty, "purpose": empty}
    return shown | ({"num_members": len(channel.members)} if call.flag("include_num_members") else {})


def _listed(slack: LocalWorkspace, call: ApiCall, user: str, *, joined_only: bool) -> tuple[list[Json], Json]:
    names = call.text("types", "public_channel").replace(" ", "").split(",")
    kinds = {_TYPES[name] for name in names if name in _TYPES}
    visible = [
        described(slack, channel, call)
        for channel in slack.state.channels.values()
        if channel.kind in kinds
        and not (channel.archived and call.flag("exclude_archived"))
        and (user in channel.members or (not joined_only and channel.kind == "channel"))
        and (channel.kind == "channel" or slack.state.bot.id in channel.members)
    ]
    return page(visible, call)


def _within(ts: str, oldest: str, latest: str, call: ApiCall) -> bool:
    return oldest <= ts <= latest if call.flag("inclusive") else oldest < ts < latest


def _messages(messages: list[Json], metadata: Json, call: ApiCall) -> Json:
    if not call.flag("include_all_metadata"):
        messages = [{name: each[name] for name in each if name != "metadata"} for each in messages]
    return {
        "ok": True,
        "messages": messages,
        "has_more": bool(metadata["next_cursor"]),
        "response_metadata": metadata,
    }
