"""Messages of people, as they wrote them.

https://docs.slack.dev/reference/events/message,
https://docs.slack.dev/messaging/formatting-message-text#retrieving-messages
"""

import re

from adapters.slack.inbound.payloads.fields import Payload, optional_text, text
from engine.approvals.approval import Place
from engine.ids import ChannelId, MessageTs, TeamId, UserId
from engine.ports import IncomingMessage

_SUBTYPES = frozenset({"", "file_share", "thread_broadcast", "me_message"})
_BRACKETS = re.compile(r"<([^<>]+)>")


def said(message: Payload, *, bot: UserId, team: TeamId) -> IncomingMessage | None:
    """A person's message: not a bot's, not an edit, and in a channel only a mention or a reply in a thread."""
    user = optional_text(message, "user")
    if optional_text(message, "subtype") not in _SUBTYPES or message.get("bot_id") or user in ("", bot):
        return None
    raw, ts, thread_ts = optional_text(message, "text"), text(message, "ts"), optional_text(message, "thread_ts")
    channel = text(message, "channel")
    direct = message.get("channel_type") == "im" or channel.startswith("D")
    mentioned = message.get("type") == "app_mention" or re.search(rf"<@{bot}(\|[^>]*)?>", raw) is not None
    if not (direct or mentioned or thread_ts):
        return None
    return IncomingMessage(
        place=Place(team, ChannelId(channel), _thread(thread_ts, ts, direct=direct)),
        user=UserId(user),
        team=TeamId(optional_text(message, "user_team") or optional_text(message, "team") or team),
        text=as_written(raw, bot),
        ts=MessageTs(ts),
        mentioned=mentioned,
        direct=direct,
    )


def _thread(thread_ts: str, ts: str, *, direct: bool) -> MessageTs | None:
    """The thread of a message. At the root of a channel a message starts one, in a direct message it does not."""
    if thread_ts:
        return MessageTs(thread_ts)
    return None if direct else MessageTs(ts)


def as_written(raw: str, bot: UserId) -> str:
    """The text as the person wrote it: without mentions of the bot, links as addresses, entities as characters.

    Mentions of people keep Slack's spelling (`<@U1>`).
    """
    without = re.sub(rf"[ \t]{{0,8}}<@{bot}(\|[^>]{{0,128}})?>[ \t]{{0,8}}", " ", raw)
    written = _BRACKETS.sub(_spelled, without)
    return written.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()


def _spelled(found: re.Match[str]) -> str:
    target, _, label = found.group(1).partition("|")
    match target[:1]:
        case "@":
            return f"<{target}>"
        case "#":
            return f"#{label}" if label else f"<{target}>"
        case "!":
            return label or f"@{target[1:].split('^')[0]}"
        case _:
            return _link(target, label)


def _link(address: str, label: str) -> str:
    """Undo the links that Slack makes of bare addresses and of names such as example.com."""
    if not label:
        return address
    return label if address.removeprefix("mailto:").endswith(label) else f"{label} ({address})"
