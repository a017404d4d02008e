"""Approvals: compare, and write the approval, its effects and its audit rows at once.

A click costs two round trips: `get`, and one pipeline in which the mark of the lanes goes before the script (see
`adapters.redis.mail`). Before the document stands `VERSION WRITE newline`, so that the script compares the version
without reading JSON.

The client repeats a call whose answer got lost. Then the script finds its own write, known by a random name, and says
that it was written; effects and rows are not written again. A change that touches nothing leaves a marker for this.

What a person may still decide never expires, nor does its conversation and audit. When the last approval of a thread
is closed, all of it goes `retention` after the last write.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from adapters.redis import codec, mail
from adapters.redis.connection import Runs
from adapters.redis.keys import DAY, MONTH, Keys
from adapters.redis.scripts import Arg, Call, Command, Key, Script
from engine.approval import OPEN, Approval
from engine.effects import Effect, Lane, lane_of
from engine.ids import ApprovalId, ThreadId, thread_of
from engine.ports import Change

RETENTION = MONTH

_RECORD = """
local rows = tonumber(more[1])
for i = 2, rows + 1 do redis.call('RPUSH', audit, more[i]) end
for i = rows + 2, #more, 2 do redis.call('RPUSH', boxes[tonumber(more[i])], more[i + 1]) end
"""

_KEEP = """
local waited_for = redis.call('SCARD', unclosed) > 0
for _, key in ipairs({approvals, audit, conversation}) do
    if waited_for then redis.call('PERSIST', key) else redis.call('EXPIRE', key, retention) end
end
"""


@dataclass(frozen=True, slots=True)
class Write(Script[bool]):
    """Write a change where the version `expected` is stored, "" for none. Safe to run twice: it finds its own write.

    `more` is the number of audit rows, the rows, and for each effect the position of its box, from 1, and its message.
    """

    LUA = f"""
    local stored = redis.call('GET', approval)
    if stored == document then return 1 end
    if expected == '' and stored then return 0 end
    if expected ~= '' and (not stored or string.match(stored, '^%d+') ~= expected) then return 0 end
    if is_open == '1' then
        redis.call('SET', approval, document)
        redis.call('SADD', unclosed, mark)
    else
        redis.call('SET', approval, document, 'EX', retention)
        redis.call('SREM', unclosed, mark)
    end
    redis.call('ZADD', approvals, created, mark)
    {_RECORD}
    {_KEEP}
    return 1
    """
    approval: Key
    approvals: Key
    unclosed: Key
    audit: Key
    conversation: Key
    boxes: tuple[Key, ...]
    expected: str
    document: bytes
    mark: str
    created: int
    is_open: bool
    retention: int
    more: tuple[Arg, ...]

    def read(self, reply: Any) -> bool:
        """Tell whether it was written."""
        return bool(reply == 1)


@dataclass(frozen=True, slots=True)
class Note(Script[bool]):
    """Write effects and audit rows of something that changed no approval, once for each `seen`."""

    LUA = f"""
    if not redis.call('SET', seen, 1, 'NX', 'EX', seconds) then return 1 end
    {_RECORD}
    {_KEEP}
    return 1
    """
    seen: Key
    approvals: Key
    unclosed: Key
    audit: Key
    conversation: Key
    boxes: tuple[Key, ...]
    seconds: int
    retention: int
    more: tuple[Arg, ...]

    def read(self, reply: Any) -> bool:
        """Tell that it is written."""
        return bool(reply == 1)


class RedisApprovals:
    """The port `Approvals` on Redis. Raises redis.exceptions.RedisError, and codec.UnreadableError when reading."""

    def __init__(self, database: Runs, keys: Keys, retention: timedelta = RETENTION) -> None:
        self._database = database
        self._keys = keys
        self._retention = int(retention.total_seconds())

    async def get(self, approval: ApprovalId) -> Approval | None:
        """The approval as it stands, or None. One round trip."""
        key = self._keys.approval(thread_of(approval), approval)
        return _read(await self._database.run(Command("GET", key)), key)

    async def create(self, change: Change) -> bool:
        """Write a new approval unless one of its id exists."""
        return await self._write(change, expected="")

    async def save(self, change: Change) -> bool:
        """Compare and write. One round trip."""
        if not change.touches:
            return await self._note(change)
        return await self._write(change, expected=str(change.approval.version))

    async def of_thread(self, thread: ThreadId) -> Sequence[Approval]:
        """All approvals of a thread that are still kept, oldest first."""
        marks = await self._database.run(Command("ZRANGE", self._keys.approvals(thread), 0, -1))
        if not marks:
            return ()
        keys = [self._keys.approval(thread, mark.decode()) for mark in marks]
        documents = await self._database.run(Command("MGET", *keys))
        gone = [mark for mark, document in zip(marks, documents, strict=True) if document is None]
        if gone:  # they expired, one by one, while the thread went on
            await self._database.run(Command("ZREM", self._keys.approvals(thread), *gone))
        found = (_read(document, key) for document, key in zip(documents, keys, strict=True))
        return [approval for approval in found if approval is not None]

    async def _write(self, change: Change, expected: str) -> bool:
        before = change.approval
        stored = replace(before, version=before.version + 1)
        thread, mark = stored.thread, _mark(stored.id)
        post = _Post.of(self._keys, change, f"{stored.id}/{stored.version}")
        script = Write(
            approval=self._keys.approval(thread, stored.id),
            approvals=self._keys.approvals(thread),
            unclosed=self._keys.open(thread),
            audit=self._keys.audit(thread),
            conversation=self._keys.conversation(thread),
            boxes=post.boxes,
            expected=expected,
            document=b"%d %b\n%b" % (stored.version, _name().encode(), codec.APPROVAL.dump(stored)),
            mark=mark,
            created=int(stored.created_at.timestamp() * 1_000_000),
            is_open=stored.state in OPEN,
            retention=self._retention,
            more=post.more,
        )
        return await self._send(post, script)

    async def _note(self, change: Change) -> bool:
        thread, once = change.approval.thread, _name()
        post = _Post.of(self._keys, change, f"{change.approval.id}/{change.approval.version}/{once}")
        script = Note(
            seen=self._keys.seen(thread, "note", once),
            approvals=self._keys.approvals(thread),
            unclosed=self._keys.open(thread),
            audit=self._keys.audit(thread),
            conversation=self._keys.conversation(thread),
            boxes=post.boxes,
            seconds=int(DAY.total_seconds()),
            retention=self._retention,
            more=post.more,
        )
        return await self._send(post, script)

    async def _send(self, post: "_Post", script: Script[bool]) -> bool:
        if post.mark is None:
            return await self._database.run(script)
        return bool((await self._database.run_all(post.mark, script))[-1])


@dataclass(frozen=True, slots=True)
class _Post:
    """The effects and rows of a change, as a script takes them. `mark` goes before it."""

    mark: Call[Any] | None
    boxes: tuple[Key, ...]
    more: tuple[Arg, ...]

    @classmethod
    def of(cls, keys: Keys, change: Change, write: str) -> "_Post":
        rows = [codec.ENTRY.dump(entry) for entry in change.entries]
        stamp = mail.STAMPS.next()
        lanes = list(dict.fromkeys(map(lane_of, change.effects)))
        _refuse_other_threads(change, lanes)
        places = {lane: number for number, lane in enumerate(lanes, 1)}
        messages = (
            word
            for number, effect in enumerate(change.effects)
            for word in (places[lane_of(effect)], _message(write, number, stamp, effect))
        )
        return cls(
            mark=mail.mark(keys, lanes, stamp) if lanes else None,
            boxes=tuple(mail.box(keys, lane) for lane in lanes),
            more=(len(rows), *rows, *messages),
        )


def _message(write: str, number: int, stamp: int, effect: Effect) -> bytes:
    return mail.write(f"{write}/{number}", stamp, effect)


def _refuse_other_threads(change: Change, lanes: Sequence[Lane]) -> None:
    if any(lane.thread != change.approval.thread for lane in lanes):
        raise ValueError(f"{change.approval.id} has effects of another thread: they cannot be written at once")


def _name() -> str:
    """A name for one write, so that it is known when it is sent again."""
    return secrets.token_hex(6)


def _mark(approval: ApprovalId) -> str:
    return approval.rpartition("#")[2]


def _read(stored: bytes | None, key: Key) -> Approval | None:
    if stored is None:
        return None
    return codec.APPROVAL.load(stored.partition(b"\n")[2], key)
