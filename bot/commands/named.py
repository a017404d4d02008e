"""The requests that an operator names: by a short id, or by the link to a card or to a copy of it."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from bot.wiring.storage import Storage
from engine.approvals.approval import Approval
from engine.ids import ChannelId, MessageTs

_SHORT: Final = 8
_SHORTEST_ID: Final = 4
_MOST_CLOSED: Final = 1_000
_MESSAGE: Final = re.compile(r"/archives/([A-Z0-9]+)/p(\d+)(\d{6})")


def short_id(approval: Approval) -> str:
    """The id of a request in commands."""
    return approval.id.rpartition("#")[2][:_SHORT]


class Message(NamedTuple):
    """A message that a link leads to, and the first message of the thread that it stands in."""

    channel: ChannelId
    ts: MessageTs
    thread: str


def message_of(link: str) -> Message | None:
    """The message that a link leads to; None for any other text."""
    found = _MESSAGE.search(link)
    if found is None:
        return None
    ts = f"{found[2]}.{found[3]}"
    return Message(ChannelId(found[1]), MessageTs(ts), parse_qs(urlsplit(link).query).get("thread_ts", [ts])[0])


async def requests_named(kept: Storage, which: str) -> Sequence[Approval]:
    """The pending requests that are meant, else those that ended lately."""
    if message_of(which) is None:
        found = [each for each in await kept.listing.pending_named(which.lower()) if _is_meant(each, which)]
    else:
        found = [each async for each in kept.listing.every_pending() if _is_meant(each, which)]
    return found or [each for each in await kept.listing.closed_lately(_MOST_CLOSED) if _is_meant(each, which)]


def _is_meant(approval: Approval, which: str) -> bool:
    if (message := message_of(which)) is not None:
        return (message.channel, message.ts) in _cards(approval)
    return len(which) >= _SHORTEST_ID and approval.id.rpartition("#")[2].startswith(which.lower())


def _cards(approval: Approval) -> set[tuple[ChannelId, MessageTs | None]]:
    return {(approval.place.channel, approval.card), *((each.channel, each.card) for each in approval.copies)}
