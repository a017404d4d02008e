"""Words that appear while an agent works: streamed if Slack takes a stream, else by `chat.update`.

Slack streams only into threads, closes a stream after some minutes, and refuses it in some places. After any refusal
the same message (or a new one, if none is posted) is written by `chat.update`. Slack reads a stream as Markdown, so
every Markdown character of the agent's words is escaped: no mention, no disguised link. The reply that replaces the
message has the style: see `adapters.slack.outbound.agent_messages`.

The pause between two writes grows with the number of live messages, to stay within Slack's limits: `chat.update` takes
about 50 a minute from an app in a workspace, `chat.appendStream` about 100.
https://docs.slack.dev/reference/methods/chat.appendStream, https://docs.slack.dev/apis/web-api/rate-limits
"""

import re
from typing import Any

import structlog
from aiohttp import ClientError
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.blockkit import limits
from adapters.slack.drawing import blocks
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.untrusted_text import clipped, escaped, plain_line, visible
from adapters.slack.outbound.agent_messages import spoken
from adapters.slack.workspace.errors import code_of
from adapters.slack.workspace.pacing import POST, Pace
from engine.approvals.approval import Place
from engine.budget import Urgency
from engine.ids import MessageTs, UserId

APPEND_EVERY = 1.0
UPDATE_EVERY = 1.5
"""Seconds between two writes of a live message that is the only one."""
_MOST_STREAMED = limits.MARKDOWN_TEXT - 500
_MOST_STEP = 150
_MOST_READ = 12_000
"""Characters of the words that are read for the first message, which holds fewer."""
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~:@])")

log = structlog.get_logger(__name__)


class Crowd:
    """The number of live messages of a process."""

    def __init__(self) -> None:
        self.live = 0


class SlackLive:
    """Implements `engine.ports.LiveMessage`."""

    def __init__(self, client: AsyncWebClient, place: Place, viewer: UserId, crowd: Crowd, pace: Pace) -> None:
        self._client, self._place, self._viewer, self._crowd = client, place, viewer, crowd
        self._pace = pace
        self._ts: MessageTs | None = None
        self._streamed: str | None = None
        """The words that were streamed; None without a stream."""
        self._may_stream = place.thread_ts is not None
        self._step = ""

    @property
    def ts(self) -> MessageTs | None:
        """The message, once one is posted."""
        return self._ts

    async def show(self, words: str, speaker: str, step: str) -> float:
        """Show the words so far; the seconds until the next call. See `engine.ports.LiveMessage`."""
        clean = visible(words)
        method = self._method()
        urgency = Urgency.FIRST if method.endswith("Stream") else Urgency.SPARE  # nothing else streams
        if wait := await self._pace.spare(method, self._place.channel, urgency):
            return wait
        try:
            if not (self._may_stream and await self._stream(clean, step)):
                await self._write(clean, speaker, step)
        except (SlackClientError, ClientError, TimeoutError, OSError) as error:
            log.warning("live_message_not_shown", channel=self._place.channel, error=_code(error))
        every = APPEND_EVERY if self._streamed is not None else UPDATE_EVERY
        return every * max(1, self._crowd.live)

    def _method(self) -> str:
        """The method that shows the words next."""
        if self._may_stream:
            return "chat.startStream" if self._ts is None else "chat.appendStream"
        return POST if self._ts is None else "chat.update"

    async def close(self) -> None:
        """Stop the stream, if there is one."""
        if self._ts is not None:
            self._crowd.live -= 1
        await self._leave_stream()

    # Streams ----------------------------------------------------------------------------------------------------------

    async def _stream(self, words: str, step: str) -> bool:
        """True if the stream shows the words now. A stream can only grow: words that it cannot show end it."""
        sent = self._streamed
        if len(words) > _MOST_STREAMED or (sent is not None and not words.startswith(sent)):
            await self._leave_stream()
            return False
        chunks = self._chunks(words[len(sent or "") :], step)
        try:
            if sent is None and self._ts is None:
                await self._start(chunks)
            elif sent is None:
                return False
            elif chunks:
                await self._client.chat_appendStream(channel=self._place.channel, ts=str(self._ts), chunks=chunks)
        except SlackApiError as error:
            if code_of(error) == "ratelimited":
                raise
            log.info("stream_refused", channel=self._place.channel, code=code_of(error))
            await self._leave_stream()
            return False
        self._streamed, self._step = words, step
        return True

    def _chunks(self, words: str, step: str) -> list[Block]:
        found: list[Block] = []
        if words:
            found.append({"type": "markdown_text", "text": _MARKDOWN.sub(r"\\\1", escaped(words))})
        if step != self._step and self._step:
            found.append(_task(self._step, "complete"))
        if step and step != self._step:
            found.append(_task(step, "in_progress"))
        return found

    async def _start(self, chunks: list[Block]) -> None:
        answer = await self._client.chat_startStream(
            channel=self._place.channel,
            thread_ts=str(self._place.thread_ts),
            recipient_team_id=self._place.team,
            recipient_user_id=self._viewer,
            chunks=chunks,
        )
        self._posted(answer["ts"])

    async def _leave_stream(self) -> None:
        """Switch to updates. A stream takes no update, so it is stopped, unless it has ended already."""
        streaming, self._may_stream, self._streamed = self._streamed is not None, False, None
        if not streaming or self._ts is None:
            return
        try:
            await self._client.chat_stopStream(channel=self._place.channel, ts=self._ts)
        except (SlackClientError, ClientError, TimeoutError, OSError) as error:
            log.info("stream_not_stopped", channel=self._place.channel, error=_code(error))

    # Updates ----------------------------------------------------------------------------------------------------------

    async def _write(self, words: str, speaker: str, step: str) -> None:
        message = _message(words, speaker, step)
        if self._ts is not None:
            await self._client.chat_update(channel=self._place.channel, ts=self._ts, **message)
            return
        thread: dict[str, Any] = {"thread_ts": self._place.thread_ts} if self._place.thread_ts else {}
        answer = await self._client.chat_postMessage(
            channel=self._place.channel, unfurl_links=False, unfurl_media=False, **thread, **message
        )
        self._posted(answer["ts"])

    def _posted(self, ts: str) -> None:
        self._ts = MessageTs(ts)
        self._crowd.live += 1


def _message(words: str, speaker: str, step: str) -> dict[str, Any]:
    """The first message of the words so far, and a line that more is to come."""
    first = spoken(words.strip()[:_MOST_READ], speaker)[0] if words.strip() else None
    doing = f"⏳ {plain_line(step, _MOST_STEP)} …" if step else "⏳ …"
    below = blocks.rich_text([blocks.rich_section(blocks.span(doing, italic=True))])
    return {
        "text": clipped(first.text, limits.UPDATE_TEXT) if first else escaped(doing),
        "blocks": [*(first.blocks if first else []), below],
    }


def _task(step: str, status: str) -> Block:
    title = plain_line(step, _MOST_STEP)
    return {"type": "task_update", "id": title, "title": title, "status": status}


def _code(error: Exception) -> str:
    return code_of(error) if isinstance(error, SlackApiError) else type(error).__name__
