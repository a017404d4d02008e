"""Approvals: compares the version, and writes the approval, its effects and its audit rows at once.

A click costs two round trips: `get`, and one pipeline in which the mark of the lanes precedes the script
(`adapters.redis.mailbox`, `adapters.redis.stores.approval_scripts`); the second alone in the process that created the
approval (`adapters.redis.stores.last_written`). The timers of a new approval are set there, too.

An open approval never expires, nor do its conversation and audit. When the last approval of a thread is closed, it
expires `retention` after the last write, and the audit `audit_retention` after it.

No operation reads the history of a thread. The open approvals are listed in a set; a closed one is found by its id or
by one of three small indexes, which are written with it when it is closed and live as long: its sheet, its card if
people can write below it, and the policies that it was decided under.
"""

import asyncio
import contextlib
import hashlib
import logging
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from redis.exceptions import RedisError

from adapters.redis import codec, mailbox
from adapters.redis.key_kinds import DAY, MONTH
from adapters.redis.keys import Keys, Requested
from adapters.redis.stores import documents, due_times, indexes
from adapters.redis.stores.approval_scripts import NOT_ASKED, WRITTEN, IndexClosed, WriteApproval, WriteEffects
from adapters.redis.stores.audit import pack_row
from adapters.redis.stores.last_written import LastWritten
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.scripts import Arg, Command, Key, RedisCall, Script
from engine.approvals import audit
from engine.approvals.approval import OPEN, Approval, policies_of
from engine.approvals.effects import Effect, Lane, SetTimer, lane_of
from engine.asks.ask import Ask
from engine.ids import ApprovalId, MessageTs, SheetId, ThreadId, thread_of
from engine.ports import Change

RETENTION = MONTH
_INDEX_SECONDS = 0.5
"""Seconds that a click waits for the indexes of closed approvals."""

log: Final = logging.getLogger(__name__)

R = TypeVar("R")


class RedisApprovals:
    """The port `Approvals` on Redis. Raises redis.exceptions.RedisError, and codec.UnreadableError when reading."""

    def __init__(
        self,
        database: AsyncTransport,
        keys: Keys,
        retention: timedelta = RETENTION,
        audit_retention: timedelta = audit.RETENTION,
        *,
        recalled: documents.Recalled | None = None,
    ) -> None:
        self._database = database
        self._recalled = recalled
        self._written = LastWritten()
        self._keys = keys
        self._retention = int(retention.total_seconds())
        self._audit_retention = int(audit_retention.total_seconds())

    def recalling(self, most: int) -> "RedisApprovals":
        """Give the same store, which does not parse anew what it read before and nobody wrote since."""
        kept, audited = (timedelta(seconds=each) for each in (self._retention, self._audit_retention))
        return RedisApprovals(self._database, self._keys, kept, audited, recalled=documents.Recalled(most))

    async def get(self, approval: ApprovalId) -> Approval | None:
        """Read an approval. One round trip."""
        found = await self.known([approval])
        return found[0] if found else None

    async def ask(self, approval: ApprovalId) -> Ask | None:
        """Read the request of an approval, kept as long as its audit; None, and logged, if it is unreadable."""
        try:
            return await self._ask(approval)
        except codec.UnreadableError as error:
            log.error("%s", error)  # noqa: TRY400 - the sentence is all there is to say
            return None

    async def _ask(self, approval: ApprovalId) -> Ask | None:
        key = self._keys.ask(thread_of(approval), approval)
        asked = await self._database.run(Command("GET", key))
        if asked is not None:
            return documents.load_asked(asked, key)
        known = await self.get(approval)
        return None if known is None else known.ask

    async def create(self, change: Change) -> bool:
        """Write a new approval unless one of its id exists."""
        return await self._write(change, expected="")

    async def save(self, change: Change) -> bool:
        """Compare and write. One round trip."""
        if not change.touches:
            return await self._write_effects(change)
        version, name = change.approval.version, self._written.taken(change.approval)
        return await self._write(change, expected=f"{version} {name}" if name else str(version))

    def remembered(self, approval: ApprovalId) -> Approval | None:
        """Give an open approval as this process wrote it last, if it is remembered."""
        return self._written.get(approval)

    async def open(self, thread: ThreadId, *, but: Collection[ApprovalId] = ()) -> Sequence[Approval]:
        """Read the open approvals of a thread without some of them, oldest first; one round trip if there are none."""
        marks = await self._database.run(Command("SMEMBERS", self._keys.open(thread)))
        left_out = {_mark(each).encode() for each in but}
        found = await self._marked(thread, [mark for mark in marks if mark not in left_out])
        return sorted((each for each in found if each.state in OPEN), key=_age)

    async def known(self, approvals: Sequence[ApprovalId]) -> Sequence[Approval]:
        """Read those of these approvals that exist. One round trip."""
        return await self._read([(thread_of(each), each) for each in approvals])

    async def of_sheet(self, thread: ThreadId, sheet: SheetId) -> Sequence[Approval]:
        """Read the approvals of a sheet, oldest first."""
        await self._upgrade_indexes(thread)
        # The open ones first: one that is closed in between is then found among the closed ones.
        found = {each.id: each for each in await self.open(thread)}
        marks = await self._database.run(Command("SMEMBERS", self._keys.sheet(thread, sheet)))
        found |= {each.id: each for each in await self._marked(thread, marks)}
        return sorted((each for each in found.values() if each.sheet == sheet), key=_age)

    async def by_card(self, thread: ThreadId, card: MessageTs) -> ApprovalId | None:
        """Find the approval whose card is this message at the root of its channel."""
        await self._upgrade_indexes(thread)
        open_ones = await self.open(thread)
        found = next((each.id for each in open_ones if each.card == card and each.place.thread_ts is None), None)
        mark = None if found else await self._database.run(Command("GET", self._keys.card(thread, card)))
        return ApprovalId(f"{thread}#{mark.decode('utf-8', 'replace')}") if mark else found

    async def deciding(self, thread: ThreadId) -> Sequence[Approval]:
        """Read approvals of the thread that cover all its policies."""
        await self._upgrade_indexes(thread)
        open_ones = await self.open(thread)
        closed = await self._marked(thread, await self._database.run(Command("HVALS", self._keys.policies(thread))))
        return [each for each in (*open_ones, *closed) if policies_of([each])]

    async def _marked(self, thread: ThreadId, marks: Collection[bytes]) -> list[Approval]:
        return await self._read([(thread, mark.decode("utf-8", "replace")) for mark in marks])

    async def _read(self, names: Sequence[tuple[ThreadId, str]]) -> list[Approval]:
        keys = [self._keys.requested(*name) for name in names]
        found, unread = ({}, keys) if self._recalled is None else await self._recall(self._recalled, keys)
        found |= await self._read_anew(unread)
        return [found[each.approval] for each in keys if each.approval in found]

    async def _recall(
        self, recalled: documents.Recalled, keys: Sequence[Requested]
    ) -> tuple[dict[Key, Approval], list[Requested]]:
        """Give those that were not written since they were read, and the keys of others."""
        found: dict[Key, Approval] = {}
        unread: list[Requested] = []
        stored = await self._database.run(Command("MGET", *(each.approval for each in keys))) if keys else []
        for each, document in zip(keys, stored, strict=True):
            if document is None:
                continue
            known = recalled.get(each.approval, document)
            if known is None:
                unread.append(each)
            else:
                found[each.approval] = known
        return found, unread

    async def _read_anew(self, keys: Sequence[Requested]) -> dict[Key, Approval]:
        if not keys:
            return {}
        wanted = (*(each.approval for each in keys), *(each.ask for each in keys))
        stored = await self._database.run(Command("MGET", *wanted))
        found: dict[Key, Approval] = {}
        for each, document, asked in zip(keys, stored[: len(keys)], stored[len(keys) :], strict=True):
            if document is not None:
                approval = found[each.approval] = documents.read(document, asked, each.approval)
                if self._recalled is not None:
                    self._recalled.keep(each.approval, document, approval)
        return found

    async def _upgrade_indexes(self, thread: ThreadId) -> None:
        """Index what the last version closed: it kept one list of all approvals of a thread."""
        listed = self._keys.approvals(thread)
        marks = await self._database.run(Command("ZRANGE", listed, 0, -1))
        if not marks:
            return
        closed = [each for each in await self._marked(thread, marks) if each.state not in OPEN]
        found: list[RedisCall[Any]] = [IndexClosed(**self._index_arguments(each)) for each in closed]
        await self._database.run_all(*found, Command("DEL", listed))

    def _index_arguments(self, approval: Approval) -> dict[str, Any]:
        """Give the arguments by which the scripts index a closed approval; an open one is not indexed."""
        keys, thread = self._keys, approval.thread
        return {
            "sheet": keys.sheet(thread, approval.sheet),
            "card": keys.card(thread, approval.card or ""),
            "policies": keys.policies(thread),
            "mark": _mark(approval.id),
            "in_sheet": bool(approval.sheet),
            "at_root": approval.card is not None and approval.place.thread_ts is None,
            "under": "" if approval.state in OPEN else _policies_name(approval),
            "retention": self._retention,
        }

    async def _write(self, change: Change, expected: str) -> bool:
        before, name = change.approval, _new_name()
        stored = replace(before, version=before.version + 1)
        thread, keys = stored.thread, self._keys
        timers, effects = _timers_apart(keys, change) if not expected else ([], change.effects)
        attached = _EffectsAndRows.of(keys, replace(change, effects=effects), f"{stored.id}/{stored.version}")
        script = WriteApproval(
            approval=keys.approval(thread, stored.id),
            ask=keys.ask(thread, stored.id),
            approvals=keys.approvals(thread),
            unclosed=keys.open(thread),
            audit=keys.audit(thread),
            conversation=keys.conversation(thread),
            boxes=attached.boxes,
            expected=expected,
            document=b"%d %b\n%b" % (stored.version, name.encode(), documents.dump(stored)),
            asked=b"" if expected else documents.dump_asked(stored.ask),
            is_open=stored.state in OPEN,
            audit_retention=self._audit_retention,
            more=attached.more,
            **self._index_arguments(stored),
        )
        earlier = indexes.index_pending(keys, stored) if not expected or _is_asked_again(change) else []
        written = await self._send(attached, script, *timers, *earlier)
        if written == NOT_ASKED:  # the last version kept the request in the approval
            written = await self._send(attached, replace(script, asked=documents.dump_asked(stored.ask)))
        if written != WRITTEN:
            return False
        if not expected:  # as it is read: the request's own objects may belong to the graph, which goes on to use them
            self._written.begin(documents.read(script.document, script.asked, script.approval), name)
        elif " " in expected:
            self._written.note(stored, name)
        if stored.state not in OPEN:
            await self._index_closed(stored)
        return True

    async def _index_closed(self, approval: Approval) -> None:
        """Move an approval to the closed ones in the indexes for people, if their nodes answer soon.

        The decision is stored, so a click does not wait for the other nodes of a cluster, and does not fail with them:
        neither where they are away nor where they refuse to write. The next look at the pending ones repeats what is
        missing.
        """
        with contextlib.suppress(TimeoutError, RedisError):
            async with asyncio.timeout(_INDEX_SECONDS):
                await self._database.run_all(*indexes.index_closed(self._keys, approval))

    async def _write_effects(self, change: Change) -> bool:
        thread, once = change.approval.thread, _new_name()
        attached = _EffectsAndRows.of(self._keys, change, f"{change.approval.id}/{change.approval.version}/{once}")
        script = WriteEffects(
            seen=self._keys.seen(thread, "note", once),
            approvals=self._keys.approvals(thread),
            unclosed=self._keys.open(thread),
            audit=self._keys.audit(thread),
            conversation=self._keys.conversation(thread),
            boxes=attached.boxes,
            seconds=int(DAY.total_seconds()),
            retention=self._retention,
            audit_retention=self._audit_retention,
            more=attached.more,
        )
        return await self._send(attached, script)

    async def _send(self, attached: "_EffectsAndRows", script: Script[R], *earlier: RedisCall[Any]) -> R:
        marks = [] if attached.mark is None else [attached.mark]
        if not marks and not earlier:
            return await self._database.run(script)
        reply: R = (await self._database.run_all(*marks, *earlier, script))[-1]
        return reply


@dataclass(frozen=True, slots=True)
class _EffectsAndRows:
    """The effects and rows of a change, as a script takes them. `mark` goes before the script."""

    mark: RedisCall[Any] | None
    boxes: tuple[Key, ...]
    more: tuple[Arg, ...]

    @classmethod
    def of(cls, keys: Keys, change: Change, write: str) -> "_EffectsAndRows":
        rows = [pack_row(entry) for entry in change.entries]
        stamp = mailbox.STAMPS.next()
        lanes = list(dict.fromkeys(map(lane_of, change.effects)))
        _refuse_other_threads(change, lanes)
        places = {lane: number for number, lane in enumerate(lanes, 1)}
        messages = (
            word
            for number, effect in enumerate(change.effects)
            for word in (places[lane_of(effect)], _message(write, number, stamp, effect))
        )
        return cls(
            mark=mailbox.mark_lanes(keys, lanes, stamp) if lanes else None,
            boxes=tuple(mailbox.box(keys, lane) for lane in lanes),
            more=(len(rows), *rows, *messages),
        )


def _timers_apart(keys: Keys, change: Change) -> tuple[list[Command], tuple[Effect, ...]]:
    """Give what sets the timers of a new approval, and its other effects.

    The timers are set in the round trip of the write and before it, not from the lane. One that fires for an approval
    that was not written, or that exists already and has other deadlines, changes nothing: its handler looks at those.
    """
    timers = [each for each in change.effects if isinstance(each, SetTimer)]
    calls = [due_times.set_missing_timer(keys, each.approval, each.timer, each.at) for each in timers]
    return calls, tuple(each for each in change.effects if not isinstance(each, SetTimer))


def _message(write: str, number: int, stamp: int, effect: Effect) -> bytes:
    return mailbox.write(f"{write}/{number}", stamp, effect)


def _refuse_other_threads(change: Change, lanes: Sequence[Lane]) -> None:
    if any(lane.thread != change.approval.thread for lane in lanes):
        raise ValueError(f"{change.approval.id} has effects of another thread: they cannot be written at once")


def _is_asked_again(change: Change) -> bool:
    """True where people are asked again: its end took it out of the index of what waits."""
    return any(each.what is audit.What.ASKED for each in change.entries)


def _new_name() -> str:
    """Name a write, so that it is recognised when it is sent again."""
    return secrets.token_hex(6)


def _mark(approval: ApprovalId) -> str:
    return approval.rpartition("#")[2]


def _age(approval: Approval) -> tuple[datetime, ApprovalId]:
    return approval.created_at, approval.id


def _policies_name(approval: Approval) -> str:
    """Name the policies that an approval is decided under; "" if nothing is to be decided."""
    policies = policies_of([approval])
    return hashlib.sha256(codec.POLICIES.dump(policies)).hexdigest()[:16] if policies else ""
