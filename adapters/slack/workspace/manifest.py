"""The app manifest: the scopes and events that the bot needs. `signoff manifest` prints it, `signoff check` compares.

https://docs.slack.dev/reference/app-manifest
"""

from typing import Any

SCOPES: dict[str, str] = {
    "app_mentions:read": "hear mentions",
    "assistant:write": "be an agent to Slack: suggested prompts, and a session that shows when it waits for people",
    "channels:history": "hear threads in public channels, and find a card again",
    "channels:read": "see who is in a public channel, and find channels by name",
    "chat:write": "post cards and what agents say",
    "commands": "/signoff",
    "files:write": "attach what is too long for a message",
    "groups:history": "hear threads in private channels, and find a card again",
    "groups:read": "see who is in a private channel",
    "im:history": "hear direct messages",
    "im:read": "know direct messages",
    "im:write": "write to a person directly",
    "usergroups:read": "know who is in the user groups that rules name",
    "users:read": "tell members from guests and strangers",
    "users:read.email": "find approvers by e-mail address",
}
"""Every scope of the bot token, with its purpose."""

WHERE_NAMED = frozenset({"usergroups:read"})
"""Scopes that a bot needs only if its rules use them."""

AIDS = frozenset({"assistant:write"})
"""Optional scopes: an older installation works without them."""

EVENTS = (
    "app_home_opened",
    "app_mention",
    "channel_archive",
    "channel_deleted",
    "channel_left",
    "channel_rename",
    "channel_unarchive",
    "group_archive",
    "group_deleted",
    "group_left",
    "group_rename",
    "group_unarchive",
    "member_joined_channel",
    "message.channels",
    "message.groups",
    "message.im",
    "subteam_created",
    "subteam_members_changed",
    "subteam_updated",
)
"""The events that the bot subscribes to: messages and deletions, changes of channels and of user groups.

`user_change` is not among them, though the bot understands it: Slack sends one for each status that anybody sets, and
at most 30,000 events an hour to an app. Without it somebody who is deactivated or made a guest counts as a member for
at most another minute; Slack signs them out at once.
"""


WAITING, ASKED, AGENTS = "What is waiting for me?", "What did I ask for?", "Which agents are there?"
"""Direct messages that Signoff answers itself, whatever agent listens there."""

_AGENT_VIEW = {
    "agent_description": "Asks people before AI agents act, and shows what is waiting for you.",
    "suggested_prompts": [{"title": each.rstrip("?"), "message": each} for each in (WAITING, ASKED, AGENTS)],
}
"""https://docs.slack.dev/ai/migrating-to-agent-messaging - a new app can only be an agent of this kind."""


def manifest(name: str = "Signoff", *, url: str | None = None) -> dict[str, Any]:
    """The manifest for Socket Mode, or for HTTP where `url` is the public address of `/slack/events`."""
    command = {
        "command": "/signoff",
        "description": "What is waiting for you, and what you asked for",
        "usage_hint": "[help | list | mine | show ID | who ID | withdraw ID | history [ID] | grants]",
        "should_escape": True,
    }
    events: dict[str, Any] = {"bot_events": list(EVENTS)}
    interactivity: dict[str, Any] = {"is_enabled": True}
    if url:
        command["url"] = url
        events["request_url"] = url
        interactivity["request_url"] = url
    return {
        "_metadata": {"major_version": 1, "minor_version": 1},
        "display_information": {
            "name": name,
            "description": "Human approval for what AI agents do",
            "background_color": "#2c2d30",
        },
        "features": {
            "agent_view": _AGENT_VIEW,
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": name.lower(), "always_online": True},
            "slash_commands": [command],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": events,
            "interactivity": interactivity,
            "org_deploy_enabled": False,
            "socket_mode_enabled": url is None,
            "token_rotation_enabled": False,
        },
    }
