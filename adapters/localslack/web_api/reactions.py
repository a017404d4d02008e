"""reactions.*. Source: https://docs.slack.dev/reference/methods/reactions.add and .../reactions.remove."""

from adapters.localslack.state.state import Channel, Json
from adapters.localslack.web_api.call import ApiCall, SlackError, joined, method
from adapters.localslack.workspace import LocalWorkspace


@method("reactions.add", "reactions:write")
def add(slack: LocalWorkspace, call: ApiCall) -> Json:
    """React to a message. Raises SlackError."""
    channel, message, name = _target(slack, call)
    users = _users(message, name)
    if slack.state.bot.id in users:
        raise SlackError("already_reacted")
    _put(slack, channel, message, name, [*users, slack.state.bot.id])
    return {"ok": True}


@method("reactions.remove", "reactions:write")
def remove(slack: LocalWorkspace, call: ApiCall) -> Json:
    """Remove a reaction. Raises SlackError."""
    channel, message, name = _target(slack, call)
    users = _users(message, name)
    if slack.state.bot.id not in users:
        raise SlackError("no_reaction")
    _put(slack, channel, message, name, [each for each in users if each != slack.state.bot.id])
    return {"ok": True}


def _target(slack: LocalWorkspace, call: ApiCall) -> tuple[Channel, Json, str]:
    channel = joined(slack, call.required("channel"))
    message = channel.messages.get(call.required("timestamp"))
    if message is None:
        raise SlackError("message_not_found")
    return channel, message, call.required("name").strip(":")


def _users(message: Json, name: str) -> list[str]:
    return next((each["users"] for each in message.get("reactions", ()) if each["name"] == name), [])


def _put(slack: LocalWorkspace, channel: Channel, message: Json, name: str, users: list[str]) -> None:
    others = [each for each in message.get("reactions", ()) if each["name"] != name]
    mine = [{"name": name, "users": users, "count": len(users)}] if users else []
    slack.state.put_message(channel, {**message, "reactions": [*others, *mine]})
