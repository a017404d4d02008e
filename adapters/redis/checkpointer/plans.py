"""Operations of more than one round trip, written once for the asyncio saver and the blocking one.

A plan is a generator: it yields the calls of one round trip, gets their results, and returns what it made. The saver
(`adapters.redis.checkpointer.saver`) does the I/O. This module has what the plans share: how they walk threads,
checkpoints and ancestors.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from adapters.redis.checkpointer.format import CheckpointRef, escape, unescape
from adapters.redis.checkpointer.scripts import LoadCheckpoint
from adapters.redis.checkpointer.upkeep_scripts import Ancestor, FollowParents
from adapters.redis.keys import Keys, untag
from adapters.redis.transport.scripts import Command, RedisCall

T = TypeVar("T")
Calls: TypeAlias = Sequence[RedisCall[Any]]
Plan: TypeAlias = Generator[Calls, list[Any], T]

PAGE = 20
"""Checkpoints that are read, with their values, in one round trip."""
NAMES = 500
"""Names (of checkpoints, namespaces, threads, records) that are read in one round trip."""
STEPS = 100
"""Ancestors that are followed in one round trip."""


@dataclass(frozen=True, slots=True)
class ThreadCursor:
    """A position in the list of threads: a score, after some that have it too."""

    score: str | bytes
    skip: int


FIRST_THREADS = ThreadCursor("+inf", 0)


def threads_after(keys: Keys, after: ThreadCursor) -> "Plan[tuple[list[str], ThreadCursor | None]]":
    """Name some threads, and give the cursor to go on with."""
    (found,) = yield [
        Command("ZREVRANGEBYSCORE", keys.threads(), after.score, "-inf", "WITHSCORES", "LIMIT", after.skip, NAMES)
    ]
    names, scores = found[0::2], found[1::2]
    if len(names) < NAMES:
        return [untag(name.decode()) for name in names], None
    same = sum(1 for score in scores if score == scores[-1])
    skip = same + (after.skip if scores[-1] == after.score else 0)
    return [untag(name.decode()) for name in names], ThreadCursor(scores[-1], skip)


def checkpoints_of(keys: Keys, thread: str) -> Plan[list[bytes]]:
    """Name all checkpoints of a thread, those of a namespace oldest first."""
    found: list[bytes] = []
    while True:
        start = b"-" if not found else b"(" + found[-1]
        (some,) = yield [
            Command("ZRANGEBYLEX", keys.checkpoints(thread), start, "+", "LIMIT", 0, NAMES),
        ]
        found += some
        if len(some) < NAMES:
            return found


def ancestors_of(keys: Keys, at: CheckpointRef, channels: Sequence[str]) -> Plan[list[Ancestor]]:
    """Follow the parents of a checkpoint until each channel has a value, nearest first."""
    found: list[Ancestor] = []
    wanted, checkpoint = list(channels), escape(at.checkpoint)
    while True:
        follow = FollowParents(
            checkpoints=keys.checkpoints(at.thread),
            state=keys.state(at.thread),
            namespace=escape(at.namespace),
            checkpoint=checkpoint,
            own=bool(found),
            most=STEPS,
            channels=tuple(wanted),
        )
        ((checkpoint, some),) = yield [follow]
        found += some
        seeded = {channel.decode() for one in some for channel in one.values[0::2] if channel is not None}
        wanted = [channel for channel in wanted if channel not in seeded]
        if not checkpoint:
            return found


def load(keys: Keys, at: CheckpointRef, token: int | str = "") -> LoadCheckpoint:
    """Make the script that reads a checkpoint, for the run with this token."""
    named = keys.saved(at.thread)
    return LoadCheckpoint(
        named.checkpoints, named.state, named.fence, escape(at.namespace), escape(at.checkpoint), token
    )


def record_of(at: CheckpointRef) -> str:
    """Name the field of a checkpoint's record."""
    return f"c\0{escape(at.namespace)}\0{escape(at.checkpoint)}"


def member_of(at: CheckpointRef, checkpoint: str | None = None) -> bytes:
    """Name a checkpoint in its thread's index; `checkpoint` is another of the namespace, escaped."""
    return f"{escape(at.namespace)}\0{escape(at.checkpoint) if checkpoint is None else checkpoint}".encode()


def ref_of(thread: str, member: bytes) -> CheckpointRef:
    """Read a member of a thread's index."""
    namespace, _, checkpoint = member.decode().partition("\0")
    return CheckpointRef(thread, unescape(namespace), unescape(checkpoint))


def pieces(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Split a sequence into pieces of a size."""
    return (items[first : first + size] for first in range(0, len(items), size))
