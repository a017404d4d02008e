"""The plan of `list`: which checkpoints are listed, newest first, a page at a time."""

import heapq
import sys
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointMetadata, get_checkpoint_id

from adapters.redis.checkpointer.format import CheckpointRef, Format, escape, unescape
from adapters.redis.checkpointer.plans import (
    FIRST_THREADS,
    NAMES,
    PAGE,
    Plan,
    ThreadCursor,
    load,
    record_of,
    threads_after,
)
from adapters.redis.checkpointer.scripts import StoredCheckpoint
from adapters.redis.checkpointer.upkeep_scripts import ListNamespaces
from adapters.redis.keys import Keys
from adapters.redis.transport.scripts import Command

Listing: TypeAlias = Generator[Any, Any, None]  # yields Calls, and CheckpointTuples that need no answer


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The arguments of `list`."""

    config: RunnableConfig | None
    filter: Mapping[str, Any] | None
    before: RunnableConfig | None
    limit: int | None

    @property
    def most(self) -> int:
        """The largest number of results."""
        return sys.maxsize if self.limit is None else max(self.limit, 0)

    @property
    def thread(self) -> str | None:
        """The thread; None for all."""
        return _configured(self.config, "thread_id")

    @property
    def namespace(self) -> str | None:
        """The namespace; None for all."""
        return _configured(self.config, "checkpoint_ns")

    @property
    def checkpoint(self) -> str | None:
        """The only checkpoint to list."""
        return (get_checkpoint_id(self.config) if self.config else None) or None

    @property
    def until(self) -> str | None:
        """The checkpoint before which the listed ones were made."""
        return (get_checkpoint_id(self.before) if self.before else None) or None

    def keeps(self, metadata: CheckpointMetadata) -> bool:
        """Tell whether a checkpoint is listed, by its metadata."""
        return all(metadata.get(key) == value for key, value in (self.filter or {}).items())


def _configured(config: RunnableConfig | None, key: str) -> str | None:
    value = (config or {}).get("configurable", {}).get(key)
    return None if value is None else str(value)


@dataclass(slots=True)
class _Stream:
    """The remaining checkpoints of one namespace, newest first."""

    namespace: str
    ids: deque[str] = field(default_factory=deque)
    ended: bool = False

    def __lt__(self, other: "_Stream") -> bool:
        """Put the stream with the newer checkpoint first in a heap."""
        return self.ids[0] > other.ids[0]


@dataclass(frozen=True, slots=True)
class ListPlans:
    """The plans of listing, for a saver's keys and serializer."""

    keys: Keys
    format: Format

    def listing(self, asked: ListQuery) -> Listing:
        """List newest first; several threads one after the other, the most recent one first."""
        left = asked.most
        after: ThreadCursor | None = FIRST_THREADS
        while left > 0 and after is not None:
            threads, after = (
                ([asked.thread], None) if asked.thread is not None else (yield from threads_after(self.keys, after))
            )
            for thread in threads:
                left = yield from self._listing_of_thread(thread, asked, left)

    def _listing_of_thread(self, thread: str, asked: ListQuery, left: int) -> Generator[Any, Any, int]:
        """List up to `left` checkpoints; gives how many more may come."""
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
        """Give the tuples of a page, without those that were deleted meanwhile or do not match."""
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
        """Name the candidates, newest first: merges the lists of the namespaces."""
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
        """Read more of some namespaces, before the checkpoint `until`."""
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
