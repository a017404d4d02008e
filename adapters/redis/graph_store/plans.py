"""A store's operations, written once for the asyncio store and the blocking one.

A plan is a generator: it yields a step (the calls of one round trip, or texts to embed), gets the step's result, and
returns what it made. `adapters.redis.graph_store.store` does the I/O.

Within one batch reads see the store as it was before the batch, and the last put of a key wins, as in LangGraph's
InMemoryStore. Values are checked and texts embedded before anything is written. The puts of one namespace are atomic;
those of several are not, and a search over several is no snapshot.
"""

import heapq
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple, TypeAlias, TypeVar

from langgraph.store.base import GetOp, ListNamespacesOp, Op, PutOp, Result, SearchItem, SearchOp

from adapters.redis.graph_store.format import (
    Namespace,
    Record,
    as_bytes,
    as_text,
    milliseconds,
    read_namespace,
    read_record,
    write_namespace,
    write_value,
)
from adapters.redis.graph_store.matching import fits, literal_prefix, matches
from adapters.redis.graph_store.scripts import (
    UNLISTED,
    ApplyPuts,
    CountItems,
    GetItem,
    ListNamespace,
    Page,
    ReadItems,
    RenewItems,
    UnlistNamespace,
)
from adapters.redis.graph_store.vectors import VectorIndex
from adapters.redis.keys import Keys
from adapters.redis.transport.scripts import Command, Key, RedisCall

T = TypeVar("T")

NAMES = 100
"""Namespaces that are looked at in one round trip."""
ITEMS = 500
"""Items that are read in one round trip, at least."""
PAGE_BYTES = 4 * 2**20
"""Bytes that are read in one round trip, besides the item that exceeds them."""
MOST_BYTES = 512 * 2**20
"""Bytes that one batch may put into one namespace: Redis closes connections over which more comes at once."""
_KNOWN = 10_000


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts to embed: queries, or parts of items."""

    texts: Sequence[str]
    queries: bool


Step: TypeAlias = Sequence[RedisCall[Any]] | Texts
Plan: TypeAlias = Generator[Step, Any, T]


class Found(NamedTuple):
    """An item that a search found."""

    namespace: str
    record: Record
    score: float | None = None


class _Row(NamedTuple):
    """A row of a namespace, while a search reads it."""

    namespace: str
    key: bytes
    record: Record | None
    vectors: bytes | None = None
    score: float | None = None


_Take: TypeAlias = Callable[[str, Page], bool]
"""Takes a page of a namespace; True when no more are needed."""


@dataclass(slots=True)
class StorePlans:
    """The plans of one store. It remembers which namespaces it listed, and how far it has swept."""

    keys: Keys
    index: VectorIndex | None
    sweep_every: float | None = None
    """Seconds between sweeps, each of which is done by the next batch; None for none."""
    _known: set[str] = field(default_factory=set)
    _swept: float = field(default_factory=time.monotonic)
    _sweep_from: str | None = None

    def batch(self, ops: Iterable[Op]) -> Plan[list[Result]]:
        """Do all operations; the results are in their order. Raises before anything is written."""
        asked = list(ops)
        puts = _last_puts(asked)
        written = {at: b"" if op.value is None else write_value(op.value) for at, op in puts.items()}
        ends = {at: milliseconds(op.ttl) for at, op in puts.items()}
        results: list[Any] = [None] * len(asked)
        yield from self._gets(asked, results)
        queries = yield from self._embedded(_queries(asked) if self.index else [], queries=True)
        for place, op in enumerate(asked):
            if isinstance(op, SearchOp):
                results[place] = yield from self._search(op, queries.get(op.query or ""))
            elif isinstance(op, ListNamespacesOp):
                results[place] = yield from self._list(op)
        if puts:
            yield from self._put(puts, written, ends)
        return results

    # Gets.

    def _gets(self, asked: Sequence[Op], results: list[Any]) -> Plan[None]:
        places = [place for place, op in enumerate(asked) if isinstance(op, GetOp)]
        ops = [op for op in asked if isinstance(op, GetOp)]
        if not ops:
            return
        records = yield [
            GetItem(*self._keys(write_namespace(op.namespace)), as_bytes(op.key), op.refresh_ttl) for op in ops
        ]
        for place, op, raw in zip(places, ops, records, strict=True):
            results[place] = None if raw is None else read_record(op.key, raw).item(tuple(op.namespace))

    # Puts.

    def _put(
        self, puts: Mapping["_At", PutOp], written: Mapping["_At", bytes], ends: Mapping["_At", float]
    ) -> Plan[None]:
        texts = {at: self.index.texts(op) if self.index else [] for at, op in puts.items()}
        vectors = yield from self._embedded(list(dict.fromkeys(t for each in texts.values() for t in each)))
        changes: dict[str, list[bytes | str | int | float]] = {}
        creating: set[str] = set()
        for at, body in written.items():
            name, key = at
            packed = self.index.pack([vectors[text] for text in texts[at]]) if self.index else b""
            changes.setdefault(name, []).extend((as_bytes(key), body, int(ends[at]), packed))
            if body:
                creating.add(name)
        _check_sizes(changes.values())
        unlisted = [name for name in changes if name in creating and name not in self._known]
        yield from self._apply(changes, unlisted, creating)

    def _apply(
        self,
        changes: Mapping[str, Sequence[bytes | str | int | float]],
        unlisted: Sequence[str],
        creating: set[str],
    ) -> Plan[None]:
        """List what must be listed, and write; again for what another process deleted meanwhile."""
        todo = list(changes)
        while todo:
            listing: list[RedisCall[Any]] = [self._listing(name) for name in unlisted]
            putting = [
                ApplyPuts(*self._keys(name), name in unlisted or name not in creating, tuple(changes[name]))
                for name in todo
            ]
            done = (yield [*listing, *putting])[len(listing) :]
            self._know(unlisted)
            unlisted = todo = [name for name, result in zip(todo, done, strict=True) if result == UNLISTED]

    def _know(self, names: Iterable[str]) -> None:
        if len(self._known) >= _KNOWN:
            self._known.clear()
        self._known.update(names)

    def _listing(self, name: str) -> ListNamespace:
        return ListNamespace(self.keys.namespaces(), self.keys.listed(), as_bytes(name))

    def _embedded(self, texts: Sequence[str], *, queries: bool = False) -> Plan[Mapping[str, Any]]:
        if not texts or self.index is None:
            return {}
        return self.index.checked(texts, (yield Texts(texts, queries)))

    # Searches.

    def _search(self, op: SearchOp, query: Any) -> Plan[list[SearchItem]]:
        if query is not None:
            found = yield from self._ranked(op, query)
        elif op.filter:
            found = yield from self._filtered(op)
        else:
            found = yield from self._slice(op)
        if op.refresh_ttl:
            yield from self._renew(found)
        return [_search_item(each) for each in found]

    def _slice(self, op: SearchOp) -> Plan[list[Found]]:
        """Read only the items that are wanted: how many there are before these is counted in Redis."""
        skip, left = max(op.offset, 0), max(op.limit, 0)
        found: list[Found] = []
        after: str | None = None
        while left > len(found):
            names, after = yield from self._names(write_namespace(op.namespace_prefix), after)
            reads: list[tuple[str, int, int]] = []
            wanted = left - len(found)
            for name, count in (yield from self._counts(names)).items():
                most = min(max(count - skip, 0), wanted)
                if most:
                    reads.append((name, skip, most))
                skip, wanted = max(skip - count, 0), wanted - most
            budget = PAGE_BYTES // max(len(reads), 1)
            steps = [self._read(name, "0", skip=at, most=most, budget=budget) for name, at, most in reads]
            pages = (yield steps) if steps else []
            for (name, _, most), first in zip(reads, pages, strict=True):
                rows, page = list(first.rows), first
                while page.more and len(rows) < most:
                    (page,) = yield [self._read(name, page.last, most=most - len(rows))]
                    rows += page.rows
                found += [Found(name, row.record) for row in _rows(name, rows, op) if row.record is not None]
            if after is None:
                break
        return found

    def _filtered(self, op: SearchOp) -> Plan[list[Found]]:
        most = max(op.offset, 0) + max(op.limit, 0)
        found: list[Found] = []

        def take(name: str, page: Page) -> bool:
            found.extend(Found(name, row.record) for row in _rows(name, page.rows, op) if row.record is not None)
            return len(found) >= most

        yield from self._pages(write_namespace(op.namespace_prefix), take, items=True)
        return found[max(op.offset, 0) : most]

    def _ranked(self, op: SearchOp, query: Any) -> Plan[list[Found]]:
        """Score every item; the best come first, and those without an embedding last."""
        index = self.index
        if index is None:
            raise AssertionError("a query is embedded by an index")
        first = max(op.offset, 0)
        most = first + max(op.limit, 0)
        rows: list[_Row] = []

        def take(name: str, page: Page) -> bool:
            found = list(_rows(name, page.rows, op))
            scores = index.scores(query, [row.vectors for row in found])
            rows.extend(row._replace(score=score, vectors=None) for row, score in zip(found, scores, strict=True))
            if len(rows) >= 2 * (most + ITEMS):
                rows[:] = _best(rows, most)
            return False

        yield from self._pages(write_namespace(op.namespace_prefix), take, items=bool(op.filter), vectors=True)
        return (yield from self._complete(_best(rows, most)[first:]))

    def _complete(self, rows: Sequence[_Row]) -> Plan[list[Found]]:
        """Read the records that a search did not read yet; an item that was deleted meanwhile is left out."""
        lacking = [row for row in rows if row.record is None]
        raws = (yield [GetItem(*self._keys(row.namespace), row.key, renew=False) for row in lacking]) if lacking else []
        read = {(row.namespace, row.key): raw for row, raw in zip(lacking, raws, strict=True)}
        found = []
        for row in rows:
            raw = read.get((row.namespace, row.key))
            record = row.record or (None if raw is None else read_record(as_text(row.key), raw))
            if record is not None:
                found.append(Found(row.namespace, record, row.score))
        return found

    def _pages(self, prefix: str, take: _Take, *, items: bool, vectors: bool = False) -> Plan[None]:
        """Read everything under a prefix in order, several small namespaces at once, until `take` has enough."""
        after: str | None = None
        while True:
            names, after = yield from self._names(prefix, after)
            counts = yield from self._counts(names)
            for group in _groups(counts):
                budget = PAGE_BYTES // len(group)
                pages = yield [self._read(name, "0", budget=budget, items=items, vectors=vectors) for name in group]
                for name, page in zip(group, pages, strict=True):
                    if take(name, page):
                        return
                    last = page
                    while last.more:
                        (last,) = yield [self._read(name, last.last, items=items, vectors=vectors)]
                        if take(name, last):
                            return
            if after is None:
                return

    def _read(
        self,
        name: str,
        after: str,
        *,
        skip: int = 0,
        most: int = ITEMS,
        budget: int = PAGE_BYTES,
        items: bool = True,
        vectors: bool = False,
    ) -> ReadItems:
        return ReadItems(*self._keys(name), after, skip, most, budget, items, vectors)

    def _renew(self, found: Sequence[Found]) -> Plan[None]:
        ending = [(each.namespace, as_bytes(each.record.key)) for each in found if each.record.ttl]
        if ending:
            yield [
                RenewItems(*self._keys(name), tuple(key for _, key in some))
                for name, some in groupby(sorted(ending), key=lambda each: each[0])
            ]

    # Namespaces.

    def _names(self, prefix: str, after: str | None, most: int = NAMES) -> Plan[tuple[list[str], str | None]]:
        """Read the next namespaces of the index under a prefix; and the last of them, None at the end."""
        first = b"-" if not prefix else b"[" + as_bytes(prefix)
        if after is not None:
            first = b"(" + as_bytes(after)
        last = b"(" + as_bytes(prefix) + b"\xff" if prefix else b"+"
        ((members),) = yield [Command("ZRANGEBYLEX", self.keys.namespaces(), first, last, "LIMIT", 0, most)]
        names = [as_text(member) for member in members]
        return names, names[-1] if len(names) >= most else None

    def _counts(self, names: Sequence[str]) -> Plan[dict[str, int]]:
        """Count the items of namespaces, and forget the namespaces without any."""
        if not names:
            return {}
        counted = yield [CountItems(*self._keys(name)) for name in names]
        counts = {name: left for name, (_, left) in zip(names, counted, strict=True)}
        yield from self._forget([name for name, left in counts.items() if not left])
        return {name: left for name, left in counts.items() if left}

    def _forget(self, names: Sequence[str]) -> Plan[None]:
        if names:
            yield [UnlistNamespace(self.keys.namespaces(), self.keys.listed(), as_bytes(name)) for name in names]

    def _list(self, op: ListNamespacesOp) -> Plan[list[Namespace]]:
        first, most = max(op.offset, 0), max(op.offset, 0) + max(op.limit, 0)
        prefix = write_namespace(literal_prefix(op.match_conditions))
        found: dict[Namespace, None] = {}
        after: str | None = None
        while len(found) < most:
            names, after = yield from self._names(prefix, after, NAMES * 10)
            fitting = [name for name in names if fits(read_namespace(name), op.match_conditions)]
            there = (yield [Command("EXISTS", self.keys.order(name)) for name in fitting]) if fitting else []
            yield from self._forget([name for name, exists in zip(fitting, there, strict=True) if not exists])
            for name, exists in zip(fitting, there, strict=True):
                if exists:
                    found[read_namespace(name)[: op.max_depth]] = None
            if after is None:
                break
        return sorted(found)[first:most]

    # Sweeping.

    @property
    def should_sweep(self) -> bool:
        """True when it is time to go on with a sweep."""
        if self.sweep_every is None:
            return False
        return self._sweep_from is not None or time.monotonic() >= self._swept + self.sweep_every

    def sweep_some(self) -> Plan[None]:
        """Delete the ended items of some namespaces, and go on from there the next time.

        Calls that come meanwhile do not sweep, and a sweep that fails is tried again when the next one is due.
        """
        after, self._sweep_from, self._swept = self._sweep_from, None, time.monotonic()
        _, self._sweep_from = yield from self._sweep_after(after)

    def sweep(self) -> Plan[int]:
        """Delete all items that ended. Gives how many; Redis deletes namespaces of which all items end by itself."""
        gone, after = yield from self._sweep_after(None)
        while after is not None:
            more, after = yield from self._sweep_after(after)
            gone += more
        return gone

    def _sweep_after(self, after: str | None) -> Plan[tuple[int, str | None]]:
        names, last = yield from self._names("", after)
        if not names:
            return 0, None
        counted = yield [CountItems(*self._keys(name)) for name in names]
        yield from self._forget([name for name, (_, left) in zip(names, counted, strict=True) if not left])
        return sum(dropped for dropped, _ in counted), last

    def _keys(self, name: str) -> tuple[Key, Key, Key, Key]:
        keys = self.keys
        return keys.items(name), keys.order(name), keys.expiry(name), keys.vectors(name)


_At: TypeAlias = tuple[str, str]


def _last_puts(asked: Sequence[Any]) -> dict[_At, PutOp]:
    """Find the last put of each key. Raises ValueError for an operation of an unknown type."""
    puts: dict[_At, PutOp] = {}
    for op in asked:
        if isinstance(op, PutOp):
            puts[write_namespace(op.namespace), op.key] = op
        elif type(op) not in (GetOp, SearchOp, ListNamespacesOp):
            raise ValueError(f"Unknown operation type: {type(op)}")
    return puts


def _queries(asked: Sequence[Op]) -> list[str]:
    return list(dict.fromkeys(op.query for op in asked if isinstance(op, SearchOp) and op.query))


def _check_sizes(changes: Iterable[Sequence[bytes | str | int | float]]) -> None:
    largest = max(sum(len(each) for each in one if isinstance(each, bytes)) for one in changes)
    if largest > MOST_BYTES:
        raise ValueError(
            f"one batch puts {largest / 2**20:.0f} MB into one namespace, and Redis takes {MOST_BYTES / 2**20:.0f} MB "
            "at once: put less in one batch"
        )


def _best(rows: Iterable[_Row], most: int) -> list[_Row]:
    return heapq.nsmallest(most, rows, key=lambda row: (row.score is None, -(row.score or 0)))


def _rows(name: str, rows: Iterable[tuple[bytes, bytes | None, bytes | None]], op: SearchOp) -> Iterator[_Row]:
    """Give the rows of a page that pass the filter of a search."""
    for key, raw, vectors in rows:
        record = None if raw is None else read_record(as_text(key), raw)
        if not op.filter or (record is not None and matches(record.value(), op.filter)):
            yield _Row(name, key, record, vectors)


def _groups(counts: Mapping[str, int]) -> Iterator[list[str]]:
    """Group namespaces so that one round trip reads about `ITEMS` items."""
    group: list[str] = []
    total = 0
    for name, count in counts.items():
        group.append(name)
        total += count
        if total >= ITEMS:
            yield group
            group, total = [], 0
    if group:
        yield group


def _search_item(found: Found) -> SearchItem:
    item = found.record.item(read_namespace(found.namespace))
    return SearchItem(item.namespace, item.key, item.value, item.created_at, item.updated_at, found.score)
