"""Tells one person a sentence where they clicked, within the time that Slack allows for an answer."""

import asyncio

import structlog

from adapters.slack.inbound.payloads.actor import Actor
from engine.ports import Chat

PATIENCE = 2.5
"""Seconds before an answer: Slack waits 3, and Bolt's own limit does not apply to a middleware."""

log = structlog.get_logger(__name__)


class Teller:
    """Tells people things, and gives up after `patience` seconds."""

    def __init__(self, chat: Chat, patience: float = PATIENCE) -> None:
        self._chat, self.patience = chat, patience

    async def tell(self, person: Actor, sentence: str) -> None:
        """Show a sentence to one person; never raises but for cancellation."""
        if person.place is None:
            return
        try:
            async with asyncio.timeout(self.patience):
                await self._chat.tell(person.place, person.user, sentence)
        except Exception as error:  # noqa: BLE001 - the sentence is an aid; the answer to Slack goes first
            log.warning("person_not_told", error=type(error).__name__)
