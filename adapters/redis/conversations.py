"""Conversations: one document each. The last write is right, since only the thread's `run` lane writes."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from adapters.redis import codec
from adapters.redis.approvals import RETENTION
from adapters.redis.connection import Runs
from adapters.redis.keys import Keys
from adapters.redis.scripts import Command, Key, Script
from engine.conversation import Conversation
from engine.ids import ThreadId
from engine.ports import OvertakenError


@dataclass(frozen=True, slots=True)
class Keep(Script[bool]):
    """Write a conversation unless a newer holder has its lane; it stays while an approval of its thread is open."""

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


class RedisConversations:
    """The port `Conversations` on Redis."""

    def __init__(self, database: Runs, keys: Keys, retention: timedelta = RETENTION) -> None:
        self._database = database
        self._keys = keys
        self._retention = int(retention.total_seconds())

    async def get(self, thread: ThreadId) -> Conversation | None:
        """The conversation of a thread, or None. Raises codec.UnreadableError."""
        key = self._keys.conversation(thread)
        document = await self._database.run(Command("GET", key))
        return None if document is None else codec.CONVERSATION.load(document, key)

    async def save(self, conversation: Conversation, fence: int) -> None:
        """Write it; may be done many times. Raises OvertakenError when a newer holder has the thread's `run` lane."""
        thread = conversation.thread
        document = codec.CONVERSATION.dump(conversation)
        keys = self._keys
        keep = Keep(keys.conversation(thread), keys.open(thread), keys.fence(thread), fence, document, self._retention)
        if not await self._database.run(keep):
            raise OvertakenError(f"a newer holder has the thread {thread}")
