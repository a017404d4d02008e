"""Slack's error codes, sorted by what follows from them.

Nothing of a response but its code goes into an exception: an answer may quote what was sent.
Source: the error tables of https://docs.slack.dev/reference/methods
"""

from slack_sdk.errors import SlackApiError

PLACE_GONE = frozenset(
    {
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
        "messages_tab_disabled",
        "cannot_dm_bot",
        "thread_not_found",
        "cannot_reply_to_message",
    }
)
"""Nothing can be written there any more, or never could: trying again does not help."""

CARD_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
"""The message that was to be updated is not there, or not ours to update: a new one has to be posted."""

STREAMING = "streaming_state_conflict"
"""A message is still a stream, and takes no update."""

NOT_THERE = frozenset({"user_not_in_channel", "channel_not_found", "not_in_channel", "is_archived"})
"""An ephemeral message cannot reach this person in this channel."""


class SlackRefused(Exception):  # noqa: N818 - named for what happened
    """A call of the Web API did not succeed. `code` is Slack's error, or the HTTP status as `http_503`."""

    def __init__(self, method: str, code: str, needed: str = "") -> None:
        scope = f" (the app needs the scope {needed})" if needed else ""
        super().__init__(f"Slack refused {method}: {code}{scope}")
        self.method, self.code = method, code


def code_of(error: SlackApiError) -> str:
    """The code in Slack's answer; where it gave none, the HTTP status."""
    data = getattr(error.response, "data", error.response)
    code = data.get("error") if isinstance(data, dict) else None
    return code if isinstance(code, str) and code else f"http_{getattr(error.response, 'status_code', 'error')}"


def refused(method: str, error: SlackApiError) -> SlackRefused:
    """The error without the response."""
    data = getattr(error.response, "data", error.response)
    needed = data.get("needed") if isinstance(data, dict) else None
    return SlackRefused(method, code_of(error), needed if isinstance(needed, str) else "")
