"""Writes the indexes by which people find approvals: see `adapters.redis.stores.listing`."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from adapters.redis.keys import Keys
from adapters.redis.transport.scripts import Command, Key, RedisCall, Script
from engine.approvals.approval import Approval, people_of

ALL = "all"
MOST_RECENT = 60
"""Closed approvals in the index of each person."""
RECENTLY = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class AddToIndex(Script[None]):
    """Add a member to an index. With `most` only the newest are kept, and these for `seconds` after the last one.

    If another program wrote the key it holds nothing of ours, and is deleted: it would stop all who write to the index.
    """

    LUA = """
    if redis.call('TYPE', index).ok ~= 'zset' then redis.call('DEL', index) end
    redis.call('ZADD', index, score, member)
    if tonumber(most) > 0 then
        redis.call('ZREMRANGEBYRANK', index, 0, -most - 1)
        redis.call('EXPIRE', index, seconds)
    end
    """
    index: Key
    score: float
    member: bytes | str
    most: int = 0
    seconds: int = 0

    def read(self, reply: Any) -> None:
        """Read nothing."""


def index_pending(keys: Keys, approval: Approval) -> list[RedisCall[Any]]:
    """Index a pending approval. Goes before its own write; safe to repeat."""
    at, name = approval.created_at.timestamp(), name_of(approval)
    return [AddToIndex(keys.pending(place), at, name) for place in (ALL, approval.requester)]


def index_closed(keys: Keys, approval: Approval) -> list[RedisCall[Any]]:
    """Move an approval to the closed ones, in which it is before it leaves the pending ones.

    Goes after its own write; safe to repeat.
    """
    at = (approval.closed_at or approval.created_at).timestamp()
    name, seconds = name_of(approval), int(RECENTLY.total_seconds())
    return [
        *(AddToIndex(keys.recent(user), at, name, MOST_RECENT, seconds) for user in people_of(approval)),
        *(Command("ZREM", keys.pending(place), name) for place in (ALL, approval.requester)),
    ]


def name_of(approval: Approval) -> bytes:
    """Give the name of an approval in an index."""
    return approval.id.encode("utf-8", "surrogatepass")
