"""Sentences that one person sees: ephemeral, or in a direct message if that cannot be."""

from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.drawing import blocks
from adapters.slack.outbound.posts import later_if_limited
from adapters.slack.workspace.errors import NOT_THERE, Fate, code_of, fate_of, is_broken, refused
from engine.approvals.approval import Place
from engine.ids import UserId

log = structlog.get_logger(__name__)


async def tell(client: AsyncWebClient, place: Place, user: UserId, sentence: str) -> None:
    """Show a sentence to one person. Raises Later and SlackRefused."""
    message: dict[str, Any] = {"text": sentence, "blocks": blocks.sections(sentence)}
    if place.thread_ts:
        message["thread_ts"] = place.thread_ts
    try:
        with later_if_limited():
            await client.chat_postEphemeral(channel=place.channel, user=user, **message)
    except SlackApiError as error:
        if code_of(error) not in NOT_THERE and fate_of(error) not in (Fate.CLOSED, Fate.NO_THREAD):
            raise refused("chat.postEphemeral", error) from None
    else:
        return
    await _tell_directly(client, user, message)


async def _tell_directly(client: AsyncWebClient, user: UserId, message: dict[str, Any]) -> None:
    try:
        opened = await client.conversations_open(users=user)
        with later_if_limited():
            await client.chat_postMessage(channel=opened["channel"]["id"], **(message | {"thread_ts": None}))
    except SlackApiError as error:
        if is_broken(error):
            raise refused("chat.postMessage", error) from None
        log.warning("person_not_reached", code=code_of(error))
