"""Slack's error codes, and the consequence of each, in one table.

An error that a person can fix is waited for, however long it takes: the bot can be invited again, a channel reopened, a
token replaced. Only an error that nobody can fix is `NEVER`. A code that is not in the table is tried again, like a
server error.

Nothing of a response but its code goes into an exception: an answer may quote what was sent.
Source: the error tables of https://docs.slack.dev/reference/methods/chat.postMessage and .../chat.update
"""

from collections.abc import Mapping
from enum import Enum, auto
from http import HTTPStatus

from slack_sdk.errors import SlackApiError

from engine.approvals.approval import Place
from engine.ports import CannotPostError, ChatFailedError


class Fate(Enum):
    """The consequence of an error."""

    PASSES = auto()
    """Tried again soon: Slack is busy, or broken for a while."""
    CLOSED = auto()
    """Waits until somebody fixes it, and is tried again now and then."""
    NO_THREAD = auto()
    """The thread takes no replies: the message goes to the channel that the thread is in, to the same people."""
    NO_MESSAGE = auto()
    """The message is gone or cannot be changed any more: a new one is posted."""
    UNFIT = auto()
    """Slack refuses the message: a plainer one is posted."""
    NEVER = auto()
    """Nobody can fix it."""


_GONE_OR_NOT_SEEN = "I was removed from it, or it was deleted. {invite}"
_NOT_IN = "I'm not a member of it. {invite}"
_ADMINS = "its settings don't let me write there. An admin of this workspace can change that."
_APP = "Slack doesn't accept this app's access any more. The bot's operator has to renew it."

CODES: Mapping[str, tuple[Fate, str]] = {
    # The place: fixed by those who can invite the bot, reopen the channel or change its settings.
    "not_in_channel": (Fate.CLOSED, _NOT_IN),
    "channel_not_found": (Fate.CLOSED, _GONE_OR_NOT_SEEN),  # also for a private channel that the bot was removed from
    "is_archived": (Fate.CLOSED, "it is archived. Unarchive it, and invite me again if I'm no longer in it."),
    "is_inactive": (Fate.CLOSED, "it is archived. Unarchive it, and invite me again if I'm no longer in it."),
    "restricted_action": (Fate.CLOSED, _ADMINS),
    "restricted_action_read_only_channel": (Fate.CLOSED, _ADMINS),
    "restricted_action_thread_only_channel": (Fate.CLOSED, _ADMINS),  # it takes replies only
    "messages_tab_disabled": (Fate.CLOSED, "the app's Messages tab is off. The bot's operator can turn it on."),
    "external_channel_migrating": (Fate.CLOSED, "Slack is moving it to another workspace. I'll try again."),
    "ekm_access_denied": (Fate.CLOSED, "an admin has suspended messages there."),
    "message_limit_exceeded": (Fate.CLOSED, "this workspace has reached Slack's limit of messages. I'll try again."),
    # The app: fixed by a new token, a reinstallation or another scope; the bot's start reports it too.
    "missing_scope": (Fate.CLOSED, "the app lacks a permission. The bot's operator has to reinstall it."),
    "no_permission": (Fate.CLOSED, "the app lacks a permission. The bot's operator has to reinstall it."),
    "not_allowed_token_type": (Fate.CLOSED, _APP),
    "invalid_auth": (Fate.CLOSED, _APP),
    "not_authed": (Fate.CLOSED, _APP),
    "token_revoked": (Fate.CLOSED, _APP),
    "token_expired": (Fate.CLOSED, _APP),
    "account_inactive": (Fate.CLOSED, _APP),
    "org_login_required": (Fate.CLOSED, _APP),
    "access_denied": (Fate.CLOSED, _APP),
    "accesslimited": (Fate.CLOSED, _APP),
    "team_access_not_granted": (Fate.CLOSED, _APP),
    # The thread: its channel is there, so the same people can be reached in it.
    "thread_not_found": (Fate.NO_THREAD, "its thread was deleted"),
    "cannot_reply_to_message": (Fate.NO_THREAD, "Slack takes no replies to such a message"),
    "restricted_action_thread_locked": (Fate.NO_THREAD, "its thread is locked"),
    "restricted_action_non_threadable_channel": (Fate.NO_THREAD, "the channel takes no threads"),
    # The message to change.
    "message_not_found": (Fate.NO_MESSAGE, "it was deleted"),
    "cant_update_message": (Fate.NO_MESSAGE, "it was deleted and left a tombstone, or another app posted it"),
    "edit_window_closed": (Fate.NO_MESSAGE, "the workspace forbids changing messages after a while"),
    # The message itself. A plainer one fits; if not, a newer Signoff may draw one that does.
    "invalid_blocks": (Fate.UNFIT, "Slack refuses how I drew the message. The bot's operator can see why."),
    "invalid_blocks_format": (Fate.UNFIT, "Slack refuses how I drew the message. The bot's operator can see why."),
    "msg_too_long": (Fate.UNFIT, "the message is too long for Slack. The bot's operator can see why."),
    "msg_blocks_too_long": (Fate.UNFIT, "the message is too long for Slack. The bot's operator can see why."),
    "no_text": (Fate.UNFIT, "Slack refuses an empty message. The bot's operator can see why."),
    "metadata_too_large": (Fate.UNFIT, "the message is too long for Slack. The bot's operator can see why."),
    # Nobody can ever read it.
    "cannot_dm_bot": (Fate.NEVER, "the other side is a bot, and bots get no direct messages"),
    "user_is_bot": (Fate.NEVER, "the other side is a bot, and bots get no direct messages"),
}
"""The consequence of each code, and the reason in trusted mrkdwn; `{invite}` says how to invite the bot."""

STREAMING = "streaming_state_conflict"
"""The message is still a stream, and takes no update."""

NOT_THERE = frozenset({"user_not_in_channel", "channel_not_found", "not_in_channel", "is_archived"})
"""Codes that say that an ephemeral message cannot reach this person in this channel."""


class SlackRefused(ChatFailedError):  # noqa: N818 - named for what happened
    """A failed call of the Web API. `code` is Slack's error, or the HTTP status as `http_503`.

    `needed` is the scope that the token lacks, if that is the reason.
    """

    def __init__(self, method: str, code: str, needed: str = "") -> None:
        scope = f" (the app needs the scope {needed})" if needed else ""
        super().__init__(f"Slack refused {method}: {code}{scope}")
        self.method, self.code, self.needed = method, code, needed

    @property
    def passes(self) -> bool:
        """True if Slack is busy or broken, so that the error says nothing about the request."""
        return self.code in _BROKEN or self.code.startswith(("http_5", "http_429"))


def fate_of(error: SlackApiError) -> Fate:
    """The consequence of an error."""
    return CODES.get(code_of(error), (Fate.PASSES, ""))[0]


def code_of(error: SlackApiError) -> str:
    """The code in Slack's answer, else the HTTP status."""
    data = getattr(error.response, "data", error.response)
    code = data.get("error") if isinstance(data, dict) else None
    return code if isinstance(code, str) and code else f"http_{getattr(error.response, 'status_code', 'error')}"


def is_broken(error: SlackApiError) -> bool:
    """True if Slack itself failed, so that the answer says nothing about the request."""
    return code_of(error).startswith("http_") or code_of(error) in _BROKEN


_BROKEN = frozenset({"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"})


def retry_after(error: SlackApiError) -> float | None:
    """The seconds to wait after a rate limit; None for any other error.

    https://docs.slack.dev/apis/web-api/rate-limits
    """
    if getattr(error.response, "status_code", None) != HTTPStatus.TOO_MANY_REQUESTS:
        return None
    said = str(error.response.headers.get("Retry-After") or "1")
    return max(1.0, float(said)) if said.isdecimal() else 1.0


def refused(method: str, error: SlackApiError) -> SlackRefused:
    """The error, without the response."""
    data = getattr(error.response, "data", error.response)
    needed = data.get("needed") if isinstance(data, dict) else None
    return SlackRefused(method, code_of(error), needed if isinstance(needed, str) else "")


def not_posted(what: str, error: SlackApiError, place: Place, bot: str) -> SlackRefused | CannotPostError:
    """The error to raise if a message could not be written in a place; `bot` is the bot's user id."""
    fate, why = CODES.get(code_of(error), (Fate.PASSES, ""))
    if fate is Fate.PASSES:
        return refused(what, error)
    invite = f"Invite me there with `/invite` <@{bot}>."
    direct = place.channel.startswith("D")
    where = "in a direct message" if direct else f"in <#{place.channel}>"
    sentence = f"I can't post {where}: {why.format(invite='' if direct else invite).strip()}"
    unseen = code_of(error) == "channel_not_found"
    return CannotPostError(code_of(error), sentence.rstrip(".") + ".", forever=fate is Fate.NEVER, unseen=unseen)
