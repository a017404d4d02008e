"""Writes the indexes by which people find approvals: see `adapters.redis.stores.listing`."""

from datetime import timedelta
from typing import Any

from adapters.redis.key_kinds import PENDING, RECENT
from adapters.redis.keys import Keys
from adapters.redis.transport.scripts import Command, DropMistypedKey, Key, RedisCall
from engine.approvals.approval import Approval, people_of

ALL = "all"
MOST_RECENT = 60
"""Closed approvals in the index of each person."""
RECENTLY = timedelta(days=30)


def index_pending(keys: Keys, approval: Approval) -> list[RedisCall[Any]]:
    """Index a pending approval. Goes before its own write; safe to repeat."""
    return [
        call
        for place in (ALL, approval.requester)
        for call in _add(keys.pending(place), PENDING.type, approval, approval.created_at.timestamp())
    ]


def index_closed(keys: Keys, approval: Approval) -> list[RedisCall[Any]]:
    """Move an approval to the closed ones, in which it is before it leaves the pending ones.

    Goes after its own write; safe to repeat.
    """
    at = (approval.closed_at or approval.created_at).timestamp()
    made: list[RedisCall[Any]] = []
    for user in people_of(approval):
        index = keys.recent(user)
        made += _add(index, RECENT.type, approval, at)
        made += [
            Command("ZREMRANGEBYRANK", index, 0, -MOST_RECENT - 1),
            Command("EXPIRE", index, int(RECENTLY.total_seconds())),
        ]
    return [*made, *(Command("ZREM", keys.pending(place), name_of(approval)) for place in (ALL, approval.requester))]


def _add(index: Key, kind: str, approval: Approval, score: float) -> list[RedisCall[Any]]:
    return [DropMistypedKey(index, kind), Command("ZADD", index, score, name_of(approval))]


def name_of(approval: Approval) -> bytes:
    """Give the name of an approval in an index."""
    return approval.id.encode("utf-8", "surrogatepass")
