"""Mailboxes of lanes: the format of a message, the box where it waits, and the index that keeps every lane findable.

A message is one line `[id, stamp]` and the effect's document. The boxes of a thread have its hash tag and are written
by the script that writes the approval. The index of lanes with work has another slot, so it is marked *before* the box:
a crash in between leaves a mark without work, never work without a mark. On one server that is the same round trip. On
a cluster the mark is answered before the box is written, as the order of two packets is known by nothing else.

Because the mark comes first, a process that finds a box empty must not simply remove its mark: a message may be on its
way. So each mark is a stamp of its own, which the message carries too. The process that finished the message with that
stamp knows that nothing comes after the mark; any other mark is removed once it is older than a minute.
"""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from adapters.redis import codec
from adapters.redis.key_kinds import MAIL
from adapters.redis.keys import Keys, thread_of
from adapters.redis.transport.scripts import Command, Key, Script
from engine.approvals.effects import Effect, Lane
from engine.ids import ThreadId


@dataclass(frozen=True, slots=True)
class Mail:
    """A waiting message. `first_line` identifies it at the head of a box."""

    id: str
    stamp: int
    effect: Effect
    first_line: bytes


def write(id: str, stamp: int, effect: Effect) -> bytes:  # noqa: A002 - the message's id
    """Make a message."""
    first = json.dumps([id, stamp], separators=(",", ":"))
    return first.encode() + b"\n" + codec.EFFECT.dump(effect)


def read(message: bytes, key: Key) -> Mail:
    """Read a message found under `key`. Raises codec.UnreadableError."""
    first, newline, document = message.partition(b"\n")
    try:
        id, stamp = json.loads(first)  # noqa: A001 - as above
    except (ValueError, TypeError, RecursionError):
        id = stamp = None  # noqa: A001 - as above
    if type(id) is not str or type(stamp) is not int:
        raise codec.UnreadableError(key, "it is not a message of Signoff")
    return Mail(id, stamp, codec.EFFECT.load(document, key), first + newline)


def effects_of(messages: Iterable[bytes], key: Key) -> Sequence[Effect]:
    """Read the effects of the messages found under `key`; an unreadable one is left out and logged."""
    return [*codec.EFFECT.load_all((each.partition(b"\n")[2] for each in messages), key)]


def first_line_of(message: bytes) -> bytes:
    """The first line of a message that cannot be read further."""
    first, newline, _ = message.partition(b"\n")
    return first + newline


class Stamps:
    """Gives microseconds since 1970, each once in this process. They fit a sorted set's score exactly."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        """Give a stamp that is larger than all before."""
        self._last = max(self._last + 1, time.time_ns() // 1000)
        return self._last


STAMPS = Stamps()


def write_lane(lane: Lane) -> bytes:
    """Write a lane as it stands in the index: `NAME@THREAD`."""
    return str(lane).encode("utf-8", "surrogatepass")


def read_lane(name: bytes) -> Lane:
    """Read a lane from the index. Raises ValueError for anything else."""
    lane, at, thread = name.decode("utf-8", "surrogatepass").partition("@")
    if not lane or not at:
        raise ValueError("not the name of a lane")
    return Lane(ThreadId(thread), lane)


def box(keys: Keys, lane: Lane) -> Key:
    """Name the box of a lane."""
    return keys.mail(lane.thread, lane.name)


def mark_lanes(keys: Keys, lanes: Sequence[Lane], stamp: int) -> Command:
    """Mark lanes of one thread as having work; goes before the write of that work."""
    return Command("ZADD", keys.dirty(lanes[0].thread), *(word for lane in lanes for word in (stamp, write_lane(lane))))


def lane_of_box(key: str) -> Lane:
    """Give the lane of a mailbox. Raises ValueError for another key."""
    return Lane(ThreadId(thread_of(key)), unquote(key.rpartition(f":{MAIL.name}:")[2]))


@dataclass(frozen=True, slots=True)
class AppendMail(Script[bool]):
    """Add a message unless one of its key was added within a day. Safe to run twice: it finds its own stamp."""

    ACKED = True
    LUA = """
    if redis.call('SET', seen, stamp, 'NX', 'EX', seconds) then
        redis.call('RPUSH', box, message)
        return 1
    end
    if redis.call('GET', seen) ~= stamp then return 0 end
    redis.call('EXPIRE', seen, seconds) -- a write, for which `?wait=1` can wait
    return 1
    """
    box: Key
    seen: Key
    seconds: int
    stamp: int
    message: bytes

    def read(self, reply: Any) -> bool:
        """Tell whether it was added."""
        return bool(reply == 1)
