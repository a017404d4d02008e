"""What takes more than one round trip: to list, prune, copy. Written once, for the saver that blocks and the other.

A plan is a generator: it yields calls, all of one round trip, gets their results, and returns what it made. Whoever
runs it (`adapters.redis.checkpointer.saver`) does the I/O. `listing` also yields what it found, a tuple at a time.
"""

import heapq
import sys
import time
from collections import deque
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointMetadata, DeltaChannelHistory, get_checkpoint_id

from adapters.redis.checkpointer.format import CheckpointRef, Format, escape, is_unfinished, unescape
from adapters.redis.checkpointer.scripts import LoadCheckpoint, PutCheckpoint, PutWrites, StoredCheckpoint
from adapters.redis.checkpointer.upkeep import Ancestor, DeleteCheckpoints, FollowParents, ListNamespaces, UnlistThreads
from adapters.redis.keys import Keys, tag, untag
from adapters.redis.transport.scripts import Command, RedisCall

T = TypeVar("T")
Calls: TypeAlias = Sequence[RedisCall[Any]]
Plan: TypeAlias = Generator[Calls, list[Any], T]
Listing: TypeAlias = Generator[Any, Any, None]  # yields Calls, and CheckpointTuples that need no answer

PAGE = 20
"""Checkpoints that are read, with their values, in one round trip."""
NAMES = 500
"""Names (of checkpoints, namespaces, threads, records) that are read in one round trip."""
STEPS = 100
"""Ancestors that are followed in one round trip."""
_TRIES = 10


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What `list` was asked for."""

    config: RunnableConfig | None
    filter: Mapping[str, Any] | None
    before: RunnableConfig | None
    limit: int | None

    @property
    def most(self) -> int:
        """How many to give at most."""
        return sys.maxsize if self.limit is None else max(self.limit, 0)

    @property
    def thread(self) -> str | None:
        """The thread; None for all."""
        return _told(self.config, "thread_id")

    @property
    def namespace(self) -> str | None:
        """The namespace; None for all."""
        return _told(self.config, "checkpoint_ns")

    @property
    def checkpoint(self) -> str | None:
        """The one checkpoint that is asked for."""
        return (get_checkpoint_id(self.config) if self.config else None) or None

    @property
    def until(self) -> str | None:
        """The checkpoint before which those asked for were made."""
        return (get_checkpoint_id(self.before) if self.before else None) or None

    def keeps(self, metadata: CheckpointMetadata) -> bool:
        """Tell whether a checkpoint is listed, by its metadata."""
        return all(metadata.get(key) == value for key, value in (self.filter or {}).items())


def _told(config: RunnableConfig | None, key: str) -> str | None:
    value = (config or {}).get("configurable", {}).get(key)
    return None if value is None else str(value)


@dataclass(slots=True)
class _Stream:
    """The checkpoints of one namespace that are still to come, newest first."""

    namespace: str
    ids: deque[str] = field(default_factory=deque)
    ended: bool = False

    def __lt__(self, other: "_Stream") -> bool:
        """Put the one with the newer checkpoint first, as a heap wants it."""
        return self.ids[0] > other.ids[0]


@dataclass(frozen=True, slots=True)
class Plans:
    """The plans, for a saver's keys, serializer and retention."""

    keys: Keys
    format: Format
    seconds: int

    # Listing ----------------------------------------------------------------------------------------------------------

    def listing(self, asked: ListQuery) -> Listing:
        """List newest first; several threads one after the other, the one that was taken up last first."""
        left = asked.most
        after: _Threads | None = _FIRST
        while left > 0 and after is not None:
            threads, after = ([asked.thread], None) if asked.thread is not None else (yield from self._threads(after))
            for thread in threads:
                left = yield from self._listing_of_thread(thread, asked, left)

    def _listing_of_thread(self, thread: str, asked: ListQuery, left: int) -> Generator[Any, Any, int]:
        """List up to `left`; gives how many more may come."""
        page: list[CheckpointRef] = []
        names = self._names(thread, asked)
        answer: Any = None
        while left > 0:
            try:
                step = names.send(answer)
            except StopIteration:
                break
            if not isinstance(step, CheckpointRef):
                answer = yield step
                continue
            answer = None
            page.append(step)
            if len(page) >= min(PAGE, left):
                left -= yield from self._read(page, asked)
                page = []
        return left - (yield from self._read(page[:left], asked))

    def _read(self, page: Sequence[CheckpointRef], asked: ListQuery) -> Generator[Any, Any, int]:
        """Give the tuples of a page; what was deleted meanwhile, or is not asked for, is left out."""
        if page and asked.filter:
            records = yield [Command("HGET", self.keys.state(at.thread), record_of(at)) for at in page]
            page = [
                at
                for at, record in zip(page, records, strict=True)
                if record is not None and asked.keeps(self.format.read_metadata(at, record))
            ]
        if not page:
            return 0
        found: list[StoredCheckpoint | None] = yield [load(self.keys, at) for at in page]
        given = [(at, loaded) for at, loaded in zip(page, found, strict=True) if loaded is not None]
        for at, loaded in given:
            yield self.format.read(at.thread, at.namespace, loaded)
        return len(given)

    def _names(self, thread: str, asked: ListQuery) -> Generator[Any, Any, None]:
        """Name what may be listed, newest first: the namespaces' own lists, merged."""
        spaces = [escape(asked.namespace)] if asked.namespace is not None else (yield from self._namespaces(thread))
        if asked.checkpoint is not None:
            for namespace in spaces:
                if asked.until is None or asked.checkpoint < asked.until:
                    yield CheckpointRef(thread, unescape(namespace), asked.checkpoint)
            return
        streams = [_Stream(namespace) for namespace in spaces]
        for first in range(0, len(streams), NAMES):
            yield from self._fill(thread, asked.until, streams[first : first + NAMES])
        heap = [stream for stream in streams if stream.ids]
        heapq.heapify(heap)
        while heap:
            stream = heapq.heappop(heap)
            last = stream.ids.popleft()
            yield CheckpointRef(thread, unescape(stream.namespace), unescape(last))
            if not stream.ids and not stream.ended:
                yield from self._fill(thread, last, [stream])
            if stream.ids:
                heapq.heappush(heap, stream)

    def _fill(self, thread: str, until: str | None, streams: Sequence[_Stream]) -> Plan[None]:
        """Read on in namespaces, below the checkpoint `until`."""
        found = yield [
            Command(
                "ZREVRANGEBYLEX",
                self.keys.checkpoints(thread),
                f"({stream.namespace}\1" if until is None else f"({stream.namespace}\0{escape(until)}",
                f"[{stream.namespace}\0",
                *("LIMIT", 0, PAGE),
            )
            for stream in streams
        ]
        for stream, members in zip(streams, found, strict=True):
            stream.ids.extend(member.decode().rpartition("\0")[2] for member in members)
            stream.ended = len(members) < PAGE

    def _namespaces(self, thread: str) -> Plan[list[str]]:
        """Name a thread's namespaces, escaped."""
        found: list[str] = []
        while True:
            (some,) = yield [
                ListNamespaces(self.keys.checkpoints(thread), not found, found[-1] if found else "", NAMES)
            ]
            found += some
            if len(some) < NAMES:
                return found

    def _threads(self, after: "_Threads") -> Plan["tuple[list[str], _Threads | None]"]:
        """Name some threads, and where to go on."""
        (found,) = yield [
            Command(
                "ZREVRANGEBYSCORE", self.keys.threads(), after.score, "-inf", "WITHSCORES", "LIMIT", after.skip, NAMES
            )
        ]
        names, scores = found[0::2], found[1::2]
        if len(names) < NAMES:
            return [untag(name.decode()) for name in names], None
        same = sum(1 for score in scores if score == scores[-1])
        skip = same + (after.skip if scores[-1] == after.score else 0)
        return [untag(name.decode()) for name in names], _Threads(scores[-1], skip)

    def tidy(self) -> Plan[None]:
        """Take some threads off the list that have expired; what is there is looked at again after `retention`."""
        now, threads = time.time(), self.keys.threads()
        (found,) = yield [
            Command("ZRANGEBYSCORE", threads, "-inf", now - self.seconds, "WITHSCORES", "LIMIT", 0, NAMES)
        ]
        listed = list(zip(found[0::2], found[1::2], strict=True))
        if not listed:
            return
        there = yield [Command("EXISTS", self.keys.checkpoints(untag(name.decode()))) for name, _ in listed]
        kept = [part for (name, _), is_there in zip(listed, there, strict=True) if is_there for part in (now, name)]
        gone = [part for one, is_there in zip(listed, there, strict=True) if not is_there for part in one]
        yield [UnlistThreads(threads, tuple(gone)), *([Command("ZADD", threads, "XX", *kept)] if kept else [])]

    # Upkeep -----------------------------------------------------------------------------------------------------------

    def delete(self, thread: str) -> Plan[None]:
        """Delete a thread. Its fence stays: an old run must not write it anew."""
        yield [
            Command("UNLINK", self.keys.checkpoints(thread), self.keys.state(thread)),
            Command("ZREM", self.keys.threads(), tag(thread)),
        ]

    def delete_for_runs(self, runs: Collection[str]) -> Plan[None]:
        """Delete what some runs made. Reads the metadata of every checkpoint of every thread, a page at a time."""
        after: _Threads | None = _FIRST if runs else None
        while after is not None:
            threads, after = yield from self._threads(after)
            for thread in threads:
                yield from self._delete_for_runs(thread, frozenset(runs))

    def _delete_for_runs(self, thread: str, runs: frozenset[str]) -> Plan[None]:
        doomed = []
        for page in _pieces((yield from self._members(thread)), NAMES):
            records = yield [Command("HGET", self.keys.state(thread), b"c\0" + member) for member in page]
            for member, record in zip(page, records, strict=True):
                at = _place(thread, member)
                if record is not None and self.format.read_metadata(at, record).get("run_id") in runs:
                    doomed.append(member)
        if doomed:
            (left,) = yield [self._sweep(thread, doomed)]
            if left == 0:
                yield from self.delete(thread)

    def prune(self, threads: Sequence[str], strategy: str) -> Plan[None]:
        """Prune threads. Raises ValueError for a strategy that is not one."""
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f'strategy {strategy!r}: it is "keep_latest" or "delete"')
        for thread in threads:
            yield from self.delete(thread) if strategy == "delete" else self._keep_latest(thread)

    def _keep_latest(self, thread: str) -> Plan[None]:
        """Keep the newest of each namespace, and on its way to the root what its delta channels are made of."""
        for _ in range(_TRIES):
            members = yield from self._members(thread)
            kept = set()
            for at in _newest(thread, members):
                kept |= yield from self._needed(at)
            doomed = [member for member in members if member not in kept]
            (left,) = yield [self._sweep(thread, doomed, expected=len(members))]
            if left is not None:
                return
        raise RuntimeError(f"thread {thread!r} is written all the time: prune it when its run has ended")

    def _needed(self, at: CheckpointRef) -> Plan[set[bytes]]:
        """Name a checkpoint, and the ancestors that hold what it says only by its difference to them."""
        kept = {_member(at)}
        (record,) = yield [Command("HGET", self.keys.state(at.thread), record_of(at))]
        if record is None:
            return kept
        deltas = self.format.deltas(at, record)
        if deltas:
            for ancestor in (yield from self._ancestors(at, deltas)):
                kept.add(_member(at, ancestor.checkpoint))
        return kept

    def copy(self, source: str, target: str) -> Plan[None]:
        """Copy a thread's checkpoints to another, oldest first, so that one that was cut off can be repeated."""
        if source == target:
            return
        sent: set[str] = set()
        newest: StoredCheckpoint | None = None
        for page in _pieces((yield from self._members(source)), PAGE):
            places = [_place(source, member) for member in page]
            found: list[StoredCheckpoint | None] = yield [load(self.keys, at) for at in places]
            calls: list[RedisCall[Any]] = [self.listed(target)]
            for at, loaded in zip(places, found, strict=True):
                if loaded is not None:
                    calls += self._copied(target, at, loaded, sent)
                    newest = newest if at.namespace else loaded
            yield calls
        if newest is not None and self.seconds and not is_unfinished(self.format.read(source, "", newest).checkpoint):
            keys = self.keys.checkpoints(target), self.keys.state(target)
            yield [Command("EXPIRE", key, self.seconds) for key in keys]

    def _copied(self, target: str, at: CheckpointRef, loaded: StoredCheckpoint, sent: set[str]) -> Calls:
        """Write one checkpoint to another thread, with those of its values that were not sent before."""
        to: dict[str, Any] = {
            "checkpoints": self.keys.checkpoints(target),
            "state": self.keys.state(target),
            "fence": self.keys.fence(target),
            "namespace": escape(at.namespace),
            "checkpoint": loaded.checkpoint,
            "token": "",
        }
        values: list[str | bytes] = []
        for name, value in zip(self.format.value_names(at, loaded), loaded.values, strict=True):
            place = f"{at.namespace}\0{name}"
            if value is not None and place not in sent:
                sent.add(place)
                values += [name, value]
        put = PutCheckpoint(**to, listed=True, seconds=0, record=loaded.record, values=tuple(values))
        names = loaded.names.decode().split("\0")
        writes: list[str | bytes] = []
        for task, index, write in zip(names[0::2], names[1::2], loaded.writes, strict=False):
            writes += [f"{task}\0{index}", write or b""]
        return [put, PutWrites(**to, holds=False, writes=tuple(writes))] if writes else [put]

    # Delta channels ---------------------------------------------------------------------------------------------------

    def history(self, config: RunnableConfig, channels: Sequence[str]) -> Plan[Mapping[str, DeltaChannelHistory]]:
        """Collect what some channels are made of: see `BaseCheckpointSaver.get_delta_channel_history`."""
        at = CheckpointRef.of(config)
        found = (yield from self._ancestors(at, channels)) if channels else []
        return self.format.delta_history(at, channels, found)

    def _ancestors(self, at: CheckpointRef, channels: Sequence[str]) -> Plan[list[Ancestor]]:
        """Follow the parents of a checkpoint until each channel has a value, nearest first."""
        found: list[Ancestor] = []
        wanted, checkpoint = list(channels), escape(at.checkpoint)
        while True:
            follow = FollowParents(
                checkpoints=self.keys.checkpoints(at.thread),
                state=self.keys.state(at.thread),
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

    # Parts ------------------------------------------------------------------------------------------------------------

    def listed(self, thread: str) -> Command:
        """Put a thread on the list of all."""
        return Command("ZADD", self.keys.threads(), time.time(), tag(thread))

    def _members(self, thread: str) -> Plan[list[bytes]]:
        """Name all checkpoints of a thread, those of a namespace oldest first."""
        found: list[bytes] = []
        while True:
            start = b"-" if not found else b"(" + found[-1]
            (some,) = yield [
                Command("ZRANGEBYLEX", self.keys.checkpoints(thread), start, "+", "LIMIT", 0, NAMES),
            ]
            found += some
            if len(some) < NAMES:
                return found

    def _sweep(self, thread: str, doomed: Sequence[bytes], expected: int | str = "") -> DeleteCheckpoints:
        return DeleteCheckpoints(self.keys.checkpoints(thread), self.keys.state(thread), expected, tuple(doomed))


@dataclass(frozen=True, slots=True)
class _Threads:
    """Where to go on in the list of threads: at a score, behind some that have it too."""

    score: str | bytes
    skip: int


_FIRST = _Threads("+inf", 0)


def load(keys: Keys, at: CheckpointRef) -> LoadCheckpoint:
    """Read a checkpoint."""
    named = keys.saved(at.thread)
    return LoadCheckpoint(named.checkpoints, named.state, escape(at.namespace), escape(at.checkpoint))


def record_of(at: CheckpointRef) -> str:
    """Name the field of a checkpoint's record."""
    return f"c\0{escape(at.namespace)}\0{escape(at.checkpoint)}"


def _member(at: CheckpointRef, checkpoint: str | None = None) -> bytes:
    """Name a checkpoint in its thread's index; `checkpoint` is another of the namespace, escaped."""
    return f"{escape(at.namespace)}\0{escape(at.checkpoint) if checkpoint is None else checkpoint}".encode()


def _place(thread: str, member: bytes) -> CheckpointRef:
    namespace, _, checkpoint = member.decode().partition("\0")
    return CheckpointRef(thread, unescape(namespace), unescape(checkpoint))


def _newest(thread: str, members: Iterable[bytes]) -> Iterator[CheckpointRef]:
    """Give the newest checkpoint of each namespace, of a sorted index."""
    newest = {member.partition(b"\0")[0]: member for member in members}
    return (_place(thread, member) for member in newest.values())


def _pieces(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[first : first + size] for first in range(0, len(items), size))
