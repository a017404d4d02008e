"""The state that one person sees: the page draws it and tests read it.

Ephemeral messages are sorted among the others by `ts`; a thread's replies carry its `thread_ts`.
"""

from collections.abc import Iterator

from adapters.localslack.state.roster import Member, UserGroup
from adapters.localslack.state.state import BROADCAST, Channel, Json
from adapters.localslack.workspace import LocalWorkspace


def visible_to(slack: LocalWorkspace, person: Member) -> Json:
    """Return everything that the person sees."""
    state = slack.state
    view = slack.views.top(person.id)
    return {
        "me": _person(person),
        "bot": {"id": state.bot.id, "name": state.bot.name},
        "people": [_person(each) for each in state.people.values()],
        "groups": [_group(each) for each in state.groups.values()],
        "channels": [
            _channel(slack, channel, person) for channel in state.channels.values() if person.id in channel.members
        ],
        "view": slack.views.with_state(view) if view else None,
        "home": state.homes.get(person.id),
    }


def _person(person: Member) -> Json:
    return {
        "id": person.id,
        "name": person.name,
        "real_name": person.real_name,
        "guest": person.guest,
        "stranger": person.stranger,
        "deactivated": person.deactivated,
    }


def _group(group: UserGroup) -> Json:
    return {
        "id": group.id,
        "handle": group.handle,
        "name": group.name,
        "members": list(group.members),
        "disabled": bool(group.deleted),
    }


def _channel(slack: LocalWorkspace, channel: Channel, person: Member) -> Json:
    kind = "dm" if channel.kind == "dm" else "channel"
    name = slack.state.bot.name if kind == "dm" else channel.name
    shown = [
        _message(slack, message, ephemeral=False) | _session(channel, message) for message in channel.messages.values()
    ]
    only_mine = [_message(slack, message, ephemeral=True) for message in _ephemeral(channel, person)]
    messages = sorted([*shown, *only_mine], key=_ts) if only_mine else shown
    return {
        "id": channel.id,
        "name": name,
        "kind": kind,
        "private": channel.kind == "private",
        "purpose": slack.state.purposes.get(channel.name, ""),
        "messages": messages,
    }


def _session(channel: Channel, message: Json) -> Json:
    """Return the agent's session in a thread, for the thread's first message."""
    session = channel.sessions.get(message["ts"])
    return {} if session is None else {"session": session}


def _ephemeral(channel: Channel, person: Member) -> Iterator[Json]:
    return (message for user, message in channel.ephemeral.values() if user == person.id)


def _message(slack: LocalWorkspace, message: Json, *, ephemeral: bool) -> Json:
    author = slack.state.find_person(message["user"])
    shown: Json = {
        "ts": message["ts"],
        "user": message["user"],
        "name": author.name if author else message["user"],
        "bot": "bot_id" in message,
        "text": message["text"],
        "blocks": message.get("blocks", []),
        "ephemeral": ephemeral,
        "edited": "edited" in message,
    }
    for name in ("thread_ts", "files", "reactions", "reply_count", "latest_reply"):
        if name in message:
            shown[name] = message[name]
    if message.get("subtype") == BROADCAST:
        shown["subtype"] = BROADCAST
    return shown


def _ts(message: Json) -> str:
    return str(message["ts"])
