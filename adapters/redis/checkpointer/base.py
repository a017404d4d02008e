"""The part that both savers share, without I/O: turns LangGraph's arguments into scripts, and replies into tuples."""

import itertools
import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import INTERRUPT
from typing_extensions import override

from adapters.redis.checkpointer import checkpoint_ids
from adapters.redis.checkpointer.format import FENCE_KEY, CheckpointRef, Format, escape, is_unfinished, value_names
from adapters.redis.checkpointer.listing import ListPlans
from adapters.redis.checkpointer.plans import load
from adapters.redis.checkpointer.scripts import UNLISTED, LoadCheckpoint, PutCheckpoint, PutWrites, StoredCheckpoint
from adapters.redis.checkpointer.upkeep import UpkeepPlans
from adapters.redis.keys import Keys
from adapters.redis.transport.scripts import RedisCall

_KNOWN = 10_000
"""Threads that a saver remembers as listed."""
_LISTINGS = 100
"""A saver with a retention looks for expired threads after so many new ones."""


class _Marks:
    """Gives marks that are unique among all processes and calls, cheaper than random ones from the system."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.process = secrets.token_urlsafe(4)
        self.count = itertools.count()


_marks = _Marks()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_marks.begin)


def strict_serializer() -> JsonPlusSerializer:
    """Make LangGraph's serializer, restricted to types that are known to be harmless.

    With `LANGGRAPH_STRICT_MSGPACK=true` LangGraph adds the types of a graph's own state by itself; without it, name
    them with `with_allowlist`. `LANGGRAPH_STRICT_MSGPACK=false` lets any type in, as LangGraph does where it is not
    set: anybody who can write to Redis can then run code here
    (https://github.com/langchain-ai/langgraph, .github/THREAT_MODEL.md).
    """
    lax = os.environ.get("LANGGRAPH_STRICT_MSGPACK", "true").lower() not in ("1", "true", "yes")
    return JsonPlusSerializer(allowed_msgpack_modules=True if lax else None)


class LoadedTuple(CheckpointTuple):
    """A checkpoint as it was loaded. `again` decodes the same bytes once more: LangGraph changes what it is given."""

    again: Callable[[], CheckpointTuple]


class SharedSaver(BaseCheckpointSaver[str]):
    """Base of both savers: turns LangGraph's arguments into scripts, and replies into LangGraph's tuples."""

    def __init__(self, keys: Keys, retention: timedelta | None, serde: SerializerProtocol | None) -> None:
        super().__init__(serde=serde or strict_serializer())
        if retention is not None and retention < timedelta(seconds=1):
            raise ValueError(f"retention {retention} is shorter than a second: leave it out to keep threads for ever")
        self.keys = keys
        self._known: set[str] = set()
        self._listings = 0
        self._seconds = 0 if retention is None else int(retention.total_seconds())

    @property
    def _format(self) -> Format:
        """The format, made each time: `with_allowlist` copies a saver and then gives the copy another serializer."""
        return Format(self.serde)

    @override
    def get_next_version(self, current: str | None, channel: None) -> str:
        """Count, and add a unique mark: two forks of one checkpoint count alike but have different values."""
        count = 0 if current is None else int(str(current).partition(".")[0])
        return f"{count + 1:010}.{_marks.process}{next(_marks.count):x}"

    @property
    def _listing(self) -> ListPlans:
        return ListPlans(self.keys, self._format)

    @property
    def _upkeep(self) -> UpkeepPlans:
        return UpkeepPlans(self.keys, self._format, self._seconds)

    def _put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> list[RedisCall[Any]]:
        """Store a checkpoint, and list its thread if this saver did not do so yet."""
        at, names = CheckpointRef.of(config), value_names(checkpoint)
        keys = self.keys.saved(at.thread)
        put = PutCheckpoint(
            checkpoints=keys.checkpoints,
            state=keys.state,
            fence=keys.fence,
            namespace=escape(at.namespace),
            checkpoint=escape(checkpoint["id"]),
            token=_token(config),
            listed=at.thread not in self._known,
            seconds="" if at.namespace else 0 if is_unfinished(checkpoint) else self._seconds,
            record=self._format.record(config, checkpoint, metadata, list(names)),
            values=self._values(checkpoint, [name for name, channel in names.items() if channel in new_versions]),
        )
        if not put.listed:
            return [put]
        self._know(at.thread)
        return [self._upkeep.list_thread(at.thread), put]

    def _put_more(
        self, thread: str, calls: Sequence[RedisCall[Any]], checkpoint: Checkpoint, lacks: Any
    ) -> list[RedisCall[Any]]:
        """Add what a `PutCheckpoint` lacked: the listing of its thread, or values that nobody stored.

        Another process deleted the thread, or a checkpoint of another saver is put into this one, say.
        """
        put: Any = calls[-1]
        if lacks == UNLISTED:
            return [self._upkeep.list_thread(thread), replace(put, listed=True)]
        return [replace(put, values=put.values + self._values(checkpoint, lacks))]

    def _know(self, thread: str) -> None:
        if len(self._known) >= _KNOWN:
            self._known.clear()
        self._known.add(thread)
        self._listings += 1

    @property
    def _should_tidy(self) -> bool:
        """True when it is time to look for expired threads on the list: more often than new ones fill it."""
        if not self._seconds or self._listings < _LISTINGS:
            return False
        self._listings = 0
        return True

    def _values(self, checkpoint: Checkpoint, names: Iterable[str]) -> tuple[str | bytes, ...]:
        dump, values = self._format.dump, checkpoint["channel_values"]
        return tuple(part for name in names for part in (name, dump(values[name.partition("\0")[2]])))

    def _put_writes(self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task: str, path: str) -> PutWrites:
        at = CheckpointRef.of(config)
        keys = self.keys.saved(at.thread)
        return PutWrites(
            checkpoints=keys.checkpoints,
            state=keys.state,
            fence=keys.fence,
            namespace=escape(at.namespace),
            checkpoint=escape(at.checkpoint),
            token=_token(config),
            holds=any(channel == INTERRUPT for channel, _ in writes),
            writes=tuple(self._format.writes(writes, task, path)),
        )

    def _load(self, config: RunnableConfig, at: CheckpointRef) -> LoadCheckpoint:
        return load(self.keys, at, _token(config))

    def _tuple(self, at: CheckpointRef, loaded: StoredCheckpoint | None) -> CheckpointTuple | None:
        if loaded is None:
            return None
        decode = partial(self._format.read, at.thread, at.namespace, loaded)
        read = LoadedTuple(*decode())
        read.again = decode
        checkpoint_ids.follow(CheckpointRef.of(read.config).checkpoint)  # not what it says itself: it may be damaged
        return read


def _token(config: RunnableConfig) -> int | str:
    token = config["configurable"].get(FENCE_KEY)
    if token is None:
        return ""
    if not isinstance(token, int) or isinstance(token, bool):
        raise TypeError(f"configurable[{FENCE_KEY!r}] is {token!r}: a fencing token is an int")
    return token
