"""Conversations: one document each. The last write wins, since only the thread's `run` lane writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from redis.exceptions import ResponseError

from adapters.redis import codec
from adapters.redis.keys import Keys
from adapters.redis.stores.approvals import RETENTION
from adapters.redis.stores.indexes import AddToIndex
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.failures import FailureLog, describe
from adapters.redis.transport.scripts import Command, Key, Script
from engine.conversation import Conversation
from engine.ids import ChannelId, ThreadId
from engine.ports import OvertakenError


@dataclass(frozen=True, slots=True)
class SaveConversation(Script[bool]):
    """Write a conversation unless a newer holder has its lane. It stays while an approval of its thread is open."""

    LUA = """
    if tonumber(redis.call('GET', fence) or '0') > tonumber(token) then return 0 end
    redis.call('SET', conversation, document)
    if redis.call('SCARD', unclosed) == 0 then redis.call('EXPIRE', conversation, retention) end
    return 1
    """
    conversation: Key
    unclosed: Key
    fence: Key
    token: int
    document: bytes
    retention: int

    def read(self, reply: Any) -> bool:
        """Tell whether it was written."""
        return bool(reply == 1)


MOST_TALKS = 40
"""Conversations that a channel's index keeps: people look back only a little."""


class RedisConversations:
    """The port `Conversations` on Redis."""

    def __init__(self, database: AsyncTransport, keys: Keys, retention: timedelta = RETENTION) -> None:
        self._database = database
        self._keys = keys
        self._retention = int(retention.total_seconds())
        self._failures = FailureLog()

    async def get(self, thread: ThreadId) -> Conversation | None:
        """Read the conversation of a thread. Raises codec.UnreadableError."""
        key = self._keys.conversation(thread)
        document = await self._database.run(Command("GET", key))
        return None if document is None else codec.CONVERSATION.load(document, key)

    async def save(self, conversation: Conversation, fence: int) -> None:
        """Write a conversation; safe to repeat. Raises OvertakenError if a newer holder has the thread's `run` lane."""
        thread = conversation.thread
        document = codec.shrunk(codec.CONVERSATION.dump(conversation))
        keys = self._keys
        keep = SaveConversation(
            keys.conversation(thread), keys.open(thread), keys.fence(thread), fence, document, self._retention
        )
        talks, at = keys.talks(conversation.place.channel), datetime.now(UTC).timestamp()
        index = AddToIndex(talks, at, thread, MOST_TALKS, self._retention)
        kept, _ = await self._database.run_all(keep, index)
        if not kept:
            raise OvertakenError(f"a newer holder has the thread {thread}")

    async def of_channel(self, channel: ChannelId) -> Sequence[Conversation]:
        """Read the last conversations of a channel, the latest first; unreadable ones are left out."""
        threads = await self._database.run(Command("ZRANGE", self._keys.talks(channel), 0, -1, "REV"))
        found = [await self._readable(thread) for thread in threads]
        return [each for each in found if each is not None]

    async def _readable(self, thread: bytes) -> Conversation | None:
        try:
            return await self.get(ThreadId(thread.decode("utf-8", "surrogatepass")))
        except (codec.UnreadableError, ResponseError, UnicodeDecodeError) as error:
            self._failures.report(repr(thread), f"the conversation {thread!r} is not shown: {describe(error)}")
            return None
