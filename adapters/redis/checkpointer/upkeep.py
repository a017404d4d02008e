"""The plans of upkeep: delete, prune and copy threads, and take expired ones off the list."""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import DeltaChannelHistory

from adapters.redis.checkpointer.format import CheckpointRef, Format, escape, is_unfinished
from adapters.redis.checkpointer.plans import (
    FIRST_THREADS,
    NAMES,
    PAGE,
    Calls,
    Plan,
    ThreadCursor,
    ancestors_of,
    checkpoints_of,
    load,
    member_of,
    pieces,
    record_of,
    ref_of,
    threads_after,
)
from adapters.redis.checkpointer.scripts import PutCheckpoint, PutWrites, StoredCheckpoint
from adapters.redis.checkpointer.upkeep_scripts import DeleteCheckpoints, UnlistThreads
from adapters.redis.keys import Keys, tag, untag
from adapters.redis.transport.scripts import Command, RedisCall

_TRIES = 10


@dataclass(frozen=True, slots=True)
class UpkeepPlans:
    """The plans of upkeep, for a saver's keys, serializer and retention."""

    keys: Keys
    format: Format
    seconds: int

    def tidy(self) -> Plan[None]:
        """Take some expired threads off the list; existing ones are looked at again after `retention`."""
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

    def delete(self, thread: str) -> Plan[None]:
        """Delete a thread. Its fence stays: an old run must not write the thread again."""
        yield [
            Command("UNLINK", self.keys.checkpoints(thread), self.keys.state(thread)),
            Command("ZREM", self.keys.threads(), tag(thread)),
        ]

    def delete_for_runs(self, runs: Collection[str]) -> Plan[None]:
        """Delete the checkpoints of some runs. Reads the metadata of every checkpoint of every thread, in pages."""
        after: ThreadCursor | None = FIRST_THREADS if runs else None
        while after is not None:
            threads, after = yield from threads_after(self.keys, after)
            for thread in threads:
                yield from self._delete_for_runs(thread, frozenset(runs))

    def _delete_for_runs(self, thread: str, runs: frozenset[str]) -> Plan[None]:
        to_delete = []
        for page in pieces((yield from checkpoints_of(self.keys, thread)), NAMES):
            records = yield [Command("HGET", self.keys.state(thread), b"c\0" + member) for member in page]
            for member, record in zip(page, records, strict=True):
                at = ref_of(thread, member)
                if record is not None and self.format.read_metadata(at, record).get("run_id") in runs:
                    to_delete.append(member)
        if to_delete:
            (left,) = yield [self._delete_checkpoints(thread, to_delete)]
            if left == 0:
                yield from self.delete(thread)

    def prune(self, threads: Sequence[str], strategy: str) -> Plan[None]:
        """Prune threads. Raises ValueError for an unknown strategy."""
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f'strategy {strategy!r}: it is "keep_latest" or "delete"')
        for thread in threads:
            yield from self.delete(thread) if strategy == "delete" else self._keep_latest(thread)

    def _keep_latest(self, thread: str) -> Plan[None]:
        """Keep the newest checkpoint of each namespace, and the ancestors that its delta channels need."""
        for _ in range(_TRIES):
            members = yield from checkpoints_of(self.keys, thread)
            kept = set()
            for at in _newest_of(thread, members):
                kept |= yield from self._needed(at)
            to_delete = [member for member in members if member not in kept]
            (left,) = yield [self._delete_checkpoints(thread, to_delete, expected=len(members))]
            if left is not None:
                return
        raise RuntimeError(f"thread {thread!r} is being written all the time: prune it when its run has ended")

    def _needed(self, at: CheckpointRef) -> Plan[set[bytes]]:
        """Name a checkpoint and the ancestors that it is a difference to."""
        kept = {member_of(at)}
        (record,) = yield [Command("HGET", self.keys.state(at.thread), record_of(at))]
        if record is None:
            return kept
        deltas = self.format.deltas(at, record)
        if deltas:
            for ancestor in (yield from ancestors_of(self.keys, at, deltas)):
                kept.add(member_of(at, ancestor.checkpoint))
        return kept

    def copy(self, source: str, target: str) -> Plan[None]:
        """Copy a thread's checkpoints to another, oldest first, so that an interrupted copy can be repeated."""
        if source == target:
            return
        sent: set[str] = set()
        newest: StoredCheckpoint | None = None
        for page in pieces((yield from checkpoints_of(self.keys, source)), PAGE):
            places = [ref_of(source, member) for member in page]
            found: list[StoredCheckpoint | None] = yield [load(self.keys, at) for at in places]
            calls: list[RedisCall[Any]] = [self.list_thread(target)]
            for at, loaded in zip(places, found, strict=True):
                if loaded is not None:
                    calls += self._copied(target, at, loaded, sent)
                    newest = newest if at.namespace else loaded
            yield calls
        if newest is not None and self.seconds and not is_unfinished(self.format.read(source, "", newest).checkpoint):
            keys = self.keys.checkpoints(target), self.keys.state(target)
            yield [Command("EXPIRE", key, self.seconds) for key in keys]

    def _copied(self, target: str, at: CheckpointRef, loaded: StoredCheckpoint, sent: set[str]) -> Calls:
        """Write one checkpoint to another thread, with those of its values that were not sent yet."""
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

    def delta_history(self, config: RunnableConfig, channels: Sequence[str]) -> Plan[Mapping[str, DeltaChannelHistory]]:
        """Collect the history of delta channels: see `BaseCheckpointSaver.get_delta_channel_history`."""
        at = CheckpointRef.of(config)
        found = (yield from ancestors_of(self.keys, at, channels)) if channels else []
        return self.format.delta_history(at, channels, found)

    def list_thread(self, thread: str) -> Command:
        """Put a thread on the list of all."""
        return Command("ZADD", self.keys.threads(), time.time(), tag(thread))

    def _delete_checkpoints(
        self, thread: str, to_delete: Sequence[bytes], expected: int | str = ""
    ) -> DeleteCheckpoints:
        return DeleteCheckpoints(self.keys.checkpoints(thread), self.keys.state(thread), expected, tuple(to_delete))


def _newest_of(thread: str, members: Iterable[bytes]) -> Iterator[CheckpointRef]:
    """Give the newest checkpoint of each namespace, of a sorted index."""
    newest = {member.partition(b"\0")[0]: member for member in members}
    return (ref_of(thread, member) for member in newest.values())
