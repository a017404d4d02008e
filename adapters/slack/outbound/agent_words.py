"""The words of an agent once they are complete."""

import asyncio
from dataclasses import replace

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.blockkit import limits
from adapters.slack.cards.message import SlackMessage
from adapters.slack.drawing.untrusted_text import clipped
from adapters.slack.outbound.agent_messages import Spoken, by_person, spoken
from adapters.slack.outbound.posts import Posts
from adapters.slack.workspace.errors import STREAMING, Fate, code_of, fate_of, refused
from engine.approvals.approval import Place
from engine.budget import Urgency
from engine.ids import MessageTs, UserId

SPOKEN_EVENT = "signoff_message"
_LONG = 5_000
"""Characters whose Markdown is read in a thread: a report of a megabyte takes seconds, and clicks are not to wait."""

log = structlog.get_logger(__name__)


class AgentWords:
    """Posts an agent's words, the first message in place of a live one."""

    def __init__(self, client: AsyncWebClient, posts: Posts) -> None:
        self._client, self._posts = client, posts

    async def say(
        self,
        place: Place,
        text: str,
        key: str,
        *,
        speaker: str,
        attempt: int,
        at: MessageTs | None = None,
        by: UserId | None = None,
    ) -> None:
        """Post the words in as many messages as they take; `at` is a live message that the first one replaces.

        `by`: the text continues a mention of this person. Raises Later, SlackRefused and CannotPostError.
        """
        done = await self._posts.find(place, SPOKEN_EVENT, {"key": key}) if attempt > 1 else []
        parts = {message["metadata"]["event_payload"].get("part") for message in done}
        messages = [
            SlackMessage(
                each.text,
                each.blocks,
                {"event_type": SPOKEN_EVENT, "event_payload": {"key": key, "part": part}},
            )
            for part, each in enumerate(by_person(by, text) if by else await _spoken(text, speaker))
            if part not in parts
        ]
        if at is not None and 0 not in parts and await self._replaced(place, at, messages[0]):
            messages = messages[1:]
        await self._posts.post_all(place, messages, key)

    async def _replaced(self, place: Place, at: MessageTs, message: SlackMessage) -> bool:
        """True if the live message was replaced; a stream that a crash left open is stopped first."""
        for _ in range(2):
            try:
                clip = replace(message, text=clipped(message.text, limits.UPDATE_TEXT))
                await self._posts.update(place, at, clip, Urgency.NEXT)
            except SlackApiError as error:
                if fate_of(error) is not Fate.PASSES:
                    return False
                if code_of(error) != STREAMING:
                    raise refused("chat.update", error) from None
                await self._stop_stream(place, at)
            else:
                return True
        return False

    async def _stop_stream(self, place: Place, at: MessageTs) -> None:
        try:
            await self._client.chat_stopStream(channel=place.channel, ts=at)
        except SlackApiError as error:
            log.warning("stream_not_stopped", channel=place.channel, code=code_of(error))


async def _spoken(text: str, speaker: str) -> list[Spoken]:
    return spoken(text, speaker) if len(text) <= _LONG else await asyncio.to_thread(spoken, text, speaker)
