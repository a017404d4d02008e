"""The port `Listing` on Redis: indexes of pending approvals and of recently closed ones, for people to look at.

An approval is in `pending` from before it is written until after it was closed, so none is ever missing. What a crash
left there is found at the next look: the approvals themselves give their state, and closed ones are removed. Nothing is
decided by an index.

A look reads at most `MOST` approvals, in pieces, so that no look delays a click; what nobody wrote since the last look
is not parsed anew, and its request not even fetched. Each kind of look recalls its own approvals, so that no other one
makes it forget them. To count reads each approval once: what is counted of it never changes. But one that is decided
leaves the index only when its graph has the answer, and what a crash left there does not go by itself: so each count
reads the oldest `_CHECKED` again, and as many others by turns.
"""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final

from adapters.redis import codec
from adapters.redis.keys import Keys
from adapters.redis.stores.approvals import RedisApprovals
from adapters.redis.stores.indexes import ALL, index_closed, name_of
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.scripts import Command, Key
from engine.approvals.approval import OPEN, Approval, State
from engine.ids import ApprovalId, UserId, thread_of
from engine.ports import Pending

MOST = 1_000
_PIECE = 50
_CHECKED = 100

log: Final = logging.getLogger(__name__)


class RedisListing:
    """Finds approvals without their thread. Raises redis.exceptions.RedisError."""

    def __init__(self, database: AsyncTransport, keys: Keys, approvals: RedisApprovals) -> None:
        self._database, self._keys, self._approvals = database, keys, approvals
        self._oldest, self._of_people = approvals.recalling(MOST), approvals.recalling(MOST)
        self._checked = approvals.recalling(2 * _CHECKED)
        self._counted: dict[bytes, Pending] = {}
        """What was counted, in the order in which it was last read."""

    async def pending(self, most: int = MOST) -> Sequence[Approval]:
        """Read the pending approvals, the oldest first."""
        return await self._pending(self._keys.pending(ALL), most, self._oldest)

    async def counted(self, most: int) -> Sequence[Pending]:
        """Read what is counted of the pending approvals."""
        names = dict.fromkeys(await self._database.run(Command("ZRANGE", self._keys.pending(ALL), 0, most - 1)))
        self._counted = {name: each for name, each in self._counted.items() if name in names}
        oldest, longest_ago = (itertools.islice(each, _CHECKED) for each in (names, self._counted))
        wanted = list(dict.fromkeys([*(name for name in names if name not in self._counted), *oldest, *longest_ago]))
        for start in range(0, len(wanted), _PIECE):
            piece = wanted[start : start + _PIECE]
            still = await self._still_pending(self._keys.pending(ALL), piece, self._checked)
            found = {name_of(each): each for each in still}
            for name in piece:
                self._counted.pop(name, None)
                if (approval := found.get(name)) is not None:
                    self._counted[name] = Pending.of(approval)
        return list(self._counted.values())

    async def every_pending(self) -> AsyncIterator[Approval]:
        """Read all pending approvals, the oldest first, and hold a piece of them at a time: for operators."""
        names = await self._database.run(Command("ZRANGE", self._keys.pending(ALL), 0, -1))
        async for each in _read(names, self._approvals):
            if each.state is State.PENDING:
                yield each

    async def pending_named(self, start: str) -> Sequence[Approval]:
        """Read the pending approvals whose id, after the thread, begins with this."""
        names = await self._database.run(Command("ZRANGE", self._keys.pending(ALL), 0, -1))
        wanted = [each for each in names if each.rpartition(b"#")[2].startswith(start.encode())]
        found = [each async for each in _read(wanted, self._approvals)]
        return [each for each in found if each.state is State.PENDING]

    async def asked_by(self, user: UserId, most: int = MOST) -> Sequence[Approval]:
        """Read the pending approvals of this requester, the oldest first."""
        return await self._pending(self._keys.pending(user), most, self._of_people)

    async def lately(self, user: UserId, most: int) -> Sequence[Approval]:
        """Read the recently closed approvals that this person requested or voted on, the latest first."""
        words = ("ZRANGE", self._keys.recent(user), 0, most - 1, "REV")
        names = await self._database.run(Command(*words))
        found = [each async for each in _read(names, self._of_people)]
        return [each for each in found if each.state not in OPEN]

    async def closed_lately(self, most: int) -> Sequence[Approval]:
        """Read the approvals that were decided or closed last, the latest first. It scans all keys: for operators."""
        # First the index that an approval leaves, then those in which it is by then: none is missed in between.
        undelivered = await self._database.run(Command("ZRANGE", self._keys.pending(ALL), 0, MOST - 1))
        scored: dict[bytes, float] = {}
        async for key in self._database.scan(self._keys.every_recent()):
            flat = await self._database.run(
                Command("ZRANGE", Key(key.decode("utf-8", "replace")), 0, most - 1, "REV", "WITHSCORES")
            )
            scored |= {name: float(score) for name, score in zip(flat[::2], flat[1::2], strict=True)}
        latest = sorted(scored, key=lambda name: (scored[name], name), reverse=True)[:most]
        found = [each async for each in _read([*dict.fromkeys([*latest, *undelivered])], self._approvals)]
        over = [each for each in found if each.state is not State.PENDING]
        return sorted(over, key=_end, reverse=True)[:most]

    async def _pending(self, index: Key, most: int, approvals: RedisApprovals) -> Sequence[Approval]:
        names = await self._database.run(Command("ZRANGE", index, 0, most - 1))
        return sorted(await self._still_pending(index, names, approvals), key=_age)

    async def _still_pending(self, index: Key, names: Sequence[bytes], approvals: RedisApprovals) -> Sequence[Approval]:
        """Read those of an index that are pending, and take out of it those that are closed."""
        found: list[Approval] = []
        over: list[bytes] = []
        async for piece in _pieces(names, approvals):
            for name, approval in piece:
                if approval is None:
                    over.append(name)
                elif approval.state is State.PENDING:
                    found.append(approval)
                elif approval.state not in OPEN:
                    await self._database.run_all(*index_closed(self._keys, approval))
        if over:
            await self._database.run(Command("ZREM", index, *over))
        return found


async def _read(names: Sequence[bytes], approvals: RedisApprovals) -> AsyncIterator[Approval]:
    """Read the approvals of these names that exist."""
    async for piece in _pieces(names, approvals):
        for _, approval in piece:
            if approval is not None:
                yield approval


async def _pieces(
    names: Sequence[bytes], approvals: RedisApprovals
) -> AsyncIterator[Sequence[tuple[bytes, Approval | None]]]:
    """Read the approvals of these names; None for one that no longer exists or a bad name.

    One that cannot be read is left out: it waits all the same, and another version of Signoff may read it.
    """
    for start in range(0, len(names), _PIECE):
        piece = names[start : start + _PIECE]
        ids = [_id(name) for name in piece]
        kept = await _kept([each for each in ids if each is not None], approvals)
        unreadable = {each for each, approval in kept.items() if approval is None}
        named = zip(piece, ids, strict=True)
        yield [(name, None if each is None else kept.get(each)) for name, each in named if each not in unreadable]
        await asyncio.sleep(0)


async def _kept(ids: Sequence[ApprovalId], approvals: RedisApprovals) -> dict[ApprovalId, Approval | None]:
    """Read those that exist; None for one that cannot be read."""
    try:
        return {each.id: each for each in await approvals.known(ids)}
    except codec.UnreadableError as error:
        if len(ids) > 1:
            return {name: each for one in ids for name, each in (await _kept([one], approvals)).items()}
        log.error("an approval is not listed: %s", error)  # noqa: TRY400 - the sentence is all there is to say
        return {ids[0]: None}


def _id(name: bytes) -> ApprovalId | None:
    try:
        approval = ApprovalId(name.decode("utf-8", "surrogatepass"))
        thread_of(approval)
    except ValueError:
        return None
    return approval


def _end(approval: Approval) -> tuple[datetime, ApprovalId]:
    return approval.closed_at or approval.created_at, approval.id


def _age(approval: Approval) -> tuple[datetime, ApprovalId]:
    return approval.created_at, approval.id
