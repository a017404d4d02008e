"""What becomes of the channels that the bot listens and posts in."""

import structlog

from bot.posting import Posting
from engine.ids import ChannelId

log = structlog.get_logger(__name__)


class Channels:
    """Implements `engine.ports.Channels`."""

    def __init__(self, posting: Posting) -> None:
        self._posting = posting

    async def opened(self, channel: ChannelId, event: str) -> None:
        """The bot can post there again: what waits for it is tried again."""
        log.info("channel_opened", channel=channel, by=event.partition("/")[0])
        await self._posting.opened(channel, event)

    async def closed(self, channel: ChannelId, why: str) -> None:
        """Nothing can be posted there any more."""
        log.warning("channel_closed", channel=channel, why=why)

    async def renamed(self, channel: ChannelId, name: str) -> None:
        """The bot knows channels by their ids, so it follows."""
        log.info("channel_renamed", channel=channel, name=name)
