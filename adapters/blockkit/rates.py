"""Slack's rate limits, by method: how many calls an app may make in a workspace.

Sources: https://docs.slack.dev/apis/web-api/rate-limits, and each method's page for its tier.
"""

from collections.abc import Mapping
from types import MappingProxyType

TIERS: Mapping[int, int] = MappingProxyType({1: 1, 2: 20, 3: 50, 4: 100})
"""Calls a minute of each tier; Slack says "more than", and promises no more."""

MINUTE = 60.0

TIER_OF: Mapping[str, int] = MappingProxyType(
    {
        "agents.sessions.setStatus": 3,
        "bots.info": 3,
        "chat.appendStream": 4,
        "chat.delete": 3,
        "chat.postEphemeral": 4,
        "chat.startStream": 2,
        "chat.stopStream": 2,
        "chat.update": 3,
        "conversations.history": 3,
        "conversations.info": 3,
        "conversations.list": 2,
        "conversations.members": 4,
        "conversations.open": 3,
        "conversations.replies": 3,
        "files.completeUploadExternal": 4,
        "files.getUploadURLExternal": 4,
        "files.info": 4,
        "reactions.add": 3,
        "reactions.remove": 2,
        "usergroups.list": 2,
        "usergroups.users.list": 2,
        "users.conversations": 3,
        "users.info": 4,
        "users.list": 2,
        "users.lookupByEmail": 3,
        "views.open": 4,
        "views.publish": 4,
        "views.push": 4,
        "views.update": 4,
    }
)
"""Methods of a tier. chat.postMessage has a limit of its own: one a second and channel, with short bursts."""

NOT_COUNTED = "x-signoff-rate-limits"
"""A header of the local workspace: `off` where it does not count calls by the minute, so that nobody needs to wait."""
