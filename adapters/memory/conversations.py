"""Conversations in memory."""

from collections.abc import Sequence

from engine.conversation import Conversation
from engine.ids import ChannelId, ThreadId


class MemoryConversations:
    """The port `Conversations`."""

    def __init__(self) -> None:
        self._kept: dict[ThreadId, Conversation] = {}

    async def get(self, thread: ThreadId) -> Conversation | None:
        """The conversation of a thread, or None."""
        return self._kept.get(thread)

    async def of_channel(self, channel: ChannelId) -> Sequence[Conversation]:
        """The conversations of a channel, the latest first."""
        found = [each for each in self._kept.values() if each.place.channel == channel]
        return found[::-1]

    async def save(self, conversation: Conversation, fence: int) -> None:  # noqa: ARG002 - one process has no rival
        """Write it."""
        self._kept.pop(conversation.thread, None)
        self._kept[conversation.thread] = conversation
