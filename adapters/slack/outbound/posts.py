"""Messages through the Web API: post, update, find again, remove.

The caller may repeat any call: a card is found by the id of its approval in the message metadata, an agent's words by
their key, so nothing is posted twice even if Slack's answer was lost. One table says what an error means,
`adapters.slack.workspace.errors`. `Later` is raised if a channel is busy, always before the first message of a call:
nothing has been posted then.

https://docs.slack.dev/messaging/message-metadata, https://docs.slack.dev/reference/methods/chat.postMessage
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog
from aiohttp import ClientError
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.cards.message import SlackMessage
from adapters.slack.drawing.blocks import Block
from adapters.slack.outbound.redraws import Redraws
from adapters.slack.workspace.errors import (
    Fate,
    SlackRefused,
    code_of,
    fate_of,
    is_broken,
    not_posted,
    refused,
    retry_after,
)
from adapters.slack.workspace.pacing import LONGEST, Pace
from engine.approvals.approval import Approval, Place
from engine.budget import Urgency
from engine.ids import ChannelId, MessageTs, UserId
from engine.ports import Later

SERVERS_DIFFER = timedelta(minutes=1)
"""The most that the `ts` of two channels may differ for the same instant."""
_PAGE = 200
_MOST_PAGES = 25
_MOST_KEPT = 5_000

log = structlog.get_logger(__name__)


class Posts:
    """The bot's messages. `bot` is its user id: only its own messages are found again.

    `ahead` is how far the bot's clock may be ahead of Slack's: a search for messages starts that much earlier, where
    nothing tells by Slack's clock when they can have been posted.
    """

    def __init__(self, client: AsyncWebClient, bot: UserId, pace: Pace, ahead: timedelta) -> None:
        self._client, self._bot, self._ahead = client, bot, ahead
        self.pace, self.redraws = pace, Redraws()
        self._direct: dict[UserId, ChannelId] = {}
        self._links: dict[tuple[ChannelId, MessageTs], str] = {}

    # Write ------------------------------------------------------------------------------------------------------------

    async def post(self, place: Place, message: SlackMessage, *, broadcast: bool = False) -> MessageTs:
        """Post a message, in the channel if its thread is gone. Raises SlackApiError.

        `broadcast` shows a reply in the channel as well.
        """
        optional: dict[str, Any] = {"metadata": message.metadata} if message.metadata else {}
        if place.thread_ts:
            optional["thread_ts"] = place.thread_ts
            if broadcast:
                optional["reply_broadcast"] = True
        try:
            answer = await self._client.chat_postMessage(
                channel=place.channel,
                text=message.text,
                blocks=message.blocks,
                unfurl_links=False,
                unfurl_media=False,
                **optional,
            )
        except SlackApiError as error:
            if place.thread_ts is None or fate_of(error) is not Fate.NO_THREAD:
                raise
            log.warning("thread_gone", channel=place.channel, thread_ts=place.thread_ts, code=code_of(error))
            return await self.post(replace(place, thread_ts=None), message)
        return MessageTs(answer["ts"])

    async def post_all(self, place: Place, messages: Sequence[SlackMessage], key: str) -> None:
        """Post messages in order, in one turn. Raises Later, SlackRefused and CannotPostError."""
        if not messages:
            return
        first, *others = messages
        await self.pace.turn_to_post(place.channel, key, len(messages))
        with self.port_errors("chat.postMessage", place):
            with later_if_limited():
                await self.post(place, first)
            for message in others:
                await self.pace.pause()
                await self.post(place, message)

    async def update(self, place: Place, ts: MessageTs, message: SlackMessage, urgency: Urgency) -> None:
        """Replace a message. Raises SlackApiError, and Later if it has to wait for its turn."""
        try:
            await self.pace.turn("chat.update", f"{place.channel}/{ts}", urgency)
            with later_if_limited():
                await self._client.chat_update(
                    channel=place.channel,
                    ts=ts,
                    text=message.text,
                    blocks=message.blocks,
                    metadata=message.metadata,
                )
        except Later:
            self.redraws.held_up(ts)
            raise

    async def remove(self, place: Place, ts: MessageTs) -> None:
        """Delete a message, if it is still there. Raises Later, SlackRefused and CannotPostError."""
        with self.port_errors("chat.delete", place):
            await self.pace.turn("chat.delete", f"{place.channel}/{ts}", Urgency.NEXT)
            try:
                with later_if_limited():
                    await self._client.chat_delete(channel=place.channel, ts=ts)
            except SlackApiError as error:
                if fate_of(error) is not Fate.NO_MESSAGE and code_of(error) != "cant_delete_message":
                    raise

    @contextlib.contextmanager
    def port_errors(self, what: str, place: Place) -> Iterator[None]:
        """Translate the errors of Slack and of the connection. Raises SlackRefused and CannotPostError."""
        try:
            yield
        except SlackApiError as error:
            raise not_posted(what, error, place, self._bot) from None
        except (ClientError, SlackClientError, TimeoutError) as error:
            raise SlackRefused(what, type(error).__name__) from None

    # Find again -------------------------------------------------------------------------------------------------------

    async def find(self, place: Place, event: str, payload: Block, since: str = "0") -> list[Block]:
        """The bot's messages with this in their metadata, the oldest first. Raises SlackRefused."""
        found = [
            each async for each in self.own_messages(place, since) if payload.items() <= payload_of(each, event).items()
        ]
        return sorted(found, key=lambda message: float(message["ts"]))

    def since(self, place: Place, approvals: Sequence[Approval]) -> str:
        """The earliest time at which a message about these approvals can have been posted in a place.

        It is by Slack's clock: the thread's beginning, or elsewhere the message after which they were asked. The clock
        of the process that asked may have been wrong by any span: then a card that was posted would not be found, and
        a second one would be posted.
        """
        if place.thread_ts is not None:
            return place.thread_ts
        return f"{max(0.0, min(map(self._asked_after, approvals))):.6f}"

    def _asked_after(self, approval: Approval) -> float:
        """An instant before it was asked, as a `ts`; by our clock only for what an earlier version asked at a root."""
        known = approval.asked_after or approval.home.thread_ts
        if known is not None:
            return float(known) - SERVERS_DIFFER.total_seconds()
        return (approval.created_at - self._ahead).timestamp()

    async def own_messages(self, place: Place, oldest: str) -> AsyncIterator[Block]:
        """The bot's messages of a place, with their metadata. Raises SlackRefused."""
        cursor = ""
        for _ in range(_MOST_PAGES):
            try:
                page = await self._page(place, oldest, cursor)
            except SlackApiError as error:
                if fate_of(error) is Fate.NO_THREAD and place.thread_ts:
                    place, cursor = replace(place, thread_ts=None), ""
                    continue
                if fate_of(error) is Fate.CLOSED:
                    return
                raise refused("conversations.history", error) from None
            for message in page["messages"]:
                if message.get("user") == self._bot:
                    yield message
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    async def _page(self, place: Place, oldest: str, cursor: str) -> Any:
        asked: dict[str, Any] = {
            "limit": _PAGE,
            "include_all_metadata": True,
            "oldest": oldest,
            "cursor": cursor or None,
        }
        if place.thread_ts:
            return await self._client.conversations_replies(channel=place.channel, ts=place.thread_ts, **asked)
        return await self._client.conversations_history(channel=place.channel, **asked)

    # Channels and links -----------------------------------------------------------------------------------------------

    async def direct_messages(self, user: UserId) -> ChannelId | None:
        """A person's direct messages with the bot; None if there can be none. Raises Later and SlackRefused."""
        if user not in self._direct:
            try:
                with later_if_limited():
                    opened = await self._client.conversations_open(users=user)
            except SlackApiError as error:
                if is_broken(error):
                    raise refused("conversations.open", error) from None
                log.warning("person_not_reached", code=code_of(error))
                return None
            except (ClientError, SlackClientError, TimeoutError) as error:
                raise SlackRefused("conversations.open", type(error).__name__) from None
            if len(self._direct) >= _MOST_KEPT:
                self._direct.clear()
            self._direct[user] = ChannelId(opened["channel"]["id"])
        return self._direct[user]

    async def link(self, channel: ChannelId, message: MessageTs) -> str:
        """A link to a message, in brackets; "" if Slack gives none."""
        key = channel, message
        if key not in self._links:
            try:
                found = await self._client.chat_getPermalink(channel=channel, message_ts=message)
            except SlackApiError as error:
                log.warning("no_permalink", channel=channel, code=code_of(error))
                return ""
            except (ClientError, SlackClientError, TimeoutError) as error:
                log.warning("no_permalink", channel=channel, code=type(error).__name__)
                return ""
            if len(self._links) >= _MOST_KEPT:
                self._links.clear()
            self._links[key] = f" (<{found['permalink']}|open it>)"
        return self._links[key]


@contextlib.contextmanager
def later_if_limited() -> Iterator[None]:
    """Raise Later if Slack is called too often: for a call before which the work has written nothing."""
    try:
        yield
    except SlackApiError as error:
        seconds = retry_after(error)
        if seconds is None:
            raise
        raise Later(min(seconds, LONGEST)) from None


async def put_or_fall_back(
    put: Callable[[SlackMessage], Awaitable[MessageTs]], message: SlackMessage, fallback: Callable[[], SlackMessage]
) -> tuple[MessageTs, SlackMessage]:
    """Put a message, or the fallback if Slack refuses it; returns the one that was put. Raises SlackApiError."""
    try:
        return await put(message), message
    except SlackApiError as error:
        if fate_of(error) is not Fate.UNFIT:
            raise
        log.error("drawn_plainly", code=code_of(error))  # noqa: TRY400 - a code says it all
    plainer = fallback()
    return await put(plainer), plainer


def payload_of(message: Block, event: str) -> Block:
    """The metadata of a message, if it is of this event; else empty."""
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") if metadata.get("event_type") == event else None
    return payload if isinstance(payload, dict) else {}
