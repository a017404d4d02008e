"""What both savers share and is not I/O: from LangGraph's arguments to scripts, and from answers to tuples."""

import secrets
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
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
from typing_extensions import override

from adapters.redis.keys import Keys
from adapters.redis.saver_format import FENCE_KEY, Format, Place, escape, unescape, value_names
from adapters.redis.saver_scripts import Load, Loaded, Put, PutWrites
from adapters.redis.scripts import Command

PAGE = 20
"""Checkpoints that `list` reads in one round trip."""
_SCAN_COUNT = 1000


@dataclass(frozen=True, slots=True)
class Listed:
    """What `list` was asked for."""

    config: RunnableConfig | None
    filter: dict[str, Any] | None
    before: RunnableConfig | None
    limit: int | None

    @property
    def most(self) -> int:
        """How many to give at most."""
        return sys.maxsize if self.limit is None else max(self.limit, 0)

    def wants(self, at: Place) -> bool:
        """Tell whether a checkpoint may be listed, by its name alone."""
        told = (self.config or {}).get("configurable", {})
        until = Place.of(self.before).checkpoint if self.before else ""
        namespace, checkpoint = told.get("checkpoint_ns"), told.get("checkpoint_id")
        return (
            (namespace is None or at.namespace == namespace)
            and (not checkpoint or at.checkpoint == checkpoint)
            and (not until or at.checkpoint < until)
        )

    def keeps(self, metadata: CheckpointMetadata) -> bool:
        """Tell whether a checkpoint is listed, by its metadata."""
        return all(metadata.get(key) == value for key, value in (self.filter or {}).items())


class SharedSaver(BaseCheckpointSaver[str]):
    """What both savers share: from LangGraph's arguments to scripts, and from answers to LangGraph's tuples."""

    def __init__(self, keys: Keys, retention: timedelta | None, serde: SerializerProtocol | None) -> None:
        super().__init__(serde=serde)
        if retention is not None and retention < timedelta(seconds=1):
            raise ValueError(f"retention {retention} is shorter than a second: leave it out to keep threads for ever")
        self.keys = keys
        self._seconds = 0 if retention is None else int(retention.total_seconds())

    @property
    def _format(self) -> Format:
        """Made anew, since `with_allowlist` copies a saver and then gives the copy another serializer."""
        return Format(self.serde)

    @override
    def get_next_version(self, current: str | None, channel: None) -> str:
        """Count, and mark the count: two forks of one checkpoint count alike and mean different values."""
        count = 0 if current is None else int(str(current).partition(".")[0])
        return f"{count + 1:010}.{secrets.token_urlsafe(6)}"

    def _load(self, at: Place) -> Load:
        return Load(
            checkpoints=self.keys.checkpoints(at.thread),
            state=self.keys.state(at.thread),
            namespace=escape(at.namespace),
            checkpoint=escape(at.checkpoint),
        )

    def _put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> Put:
        at, names = Place.of(config), value_names(checkpoint)
        return Put(
            checkpoints=self.keys.checkpoints(at.thread),
            state=self.keys.state(at.thread),
            fence=self.keys.fence(at.thread),
            namespace=escape(at.namespace),
            checkpoint=escape(checkpoint["id"]),
            token=_token(config),
            seconds=self._seconds,
            record=self._format.record(config, checkpoint, metadata, list(names)),
            values=self._values(checkpoint, [name for name, channel in names.items() if channel in new_versions]),
        )

    def _put_lacking(self, put: Put, checkpoint: Checkpoint, lacking: Sequence[str]) -> Put:
        """Send values along that nobody stored: a checkpoint of another saver, say, put into this one."""
        return replace(put, values=put.values + self._values(checkpoint, lacking))

    def _values(self, checkpoint: Checkpoint, names: Iterable[str]) -> tuple[str | bytes, ...]:
        dump, values = self._format.dump, checkpoint["channel_values"]
        return tuple(part for name in names for part in (name, dump(values[name.partition("\0")[2]])))

    def _put_writes(self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task: str, path: str) -> PutWrites:
        at = Place.of(config)
        return PutWrites(
            checkpoints=self.keys.checkpoints(at.thread),
            state=self.keys.state(at.thread),
            fence=self.keys.fence(at.thread),
            namespace=escape(at.namespace),
            checkpoint=escape(at.checkpoint),
            token=_token(config),
            seconds=self._seconds,
            writes=tuple(self._format.writes(writes, task, path)),
        )

    def _delete(self, thread: str) -> Command:
        """The fence stays: an old run of the thread must not write it anew."""
        return Command("UNLINK", self.keys.checkpoints(thread), self.keys.state(thread))

    def _index(self, thread: str) -> Command:
        return Command("ZRANGE", self.keys.checkpoints(thread), 0, -1)

    def _scan(self, cursor: bytes) -> Command:
        return Command("SCAN", cursor, "MATCH", self.keys.all_checkpoints(), "COUNT", _SCAN_COUNT)

    def _tuple(self, at: Place, loaded: Loaded | None) -> CheckpointTuple | None:
        return None if loaded is None else self._format.read(at.thread, at.namespace, loaded)

    def _page(self, asked: Listed, page: Sequence[Place], found: Sequence[Loaded | None]) -> Iterator[CheckpointTuple]:
        """Make tuples of what a page found; what was deleted meanwhile is left out."""
        for at, loaded in zip(page, found, strict=True):
            if loaded is not None and asked.keeps(self._format.read_metadata(at, loaded.record)):
                yield self._format.read(at.thread, at.namespace, loaded)


def _token(config: RunnableConfig) -> int | str:
    token = config["configurable"].get(FENCE_KEY)
    if token is None:
        return ""
    if not isinstance(token, int) or isinstance(token, bool):
        raise TypeError(f"configurable[{FENCE_KEY!r}] is {token!r}: a fencing token is an int")
    return token


def pages(asked: Listed, threads: Sequence[str], indexes: Iterable[Sequence[bytes]]) -> Iterator[list[Place]]:
    """Sort what may be listed, newest first, into pages of one round trip each."""
    places = []
    for thread, index in zip(threads, indexes, strict=True):
        for member in index:
            namespace, _, checkpoint = member.decode().partition("\0")
            places.append(Place(thread, unescape(namespace), unescape(checkpoint)))
    places = [at for at in places if asked.wants(at)]
    places.sort(key=lambda at: at.checkpoint, reverse=True)
    if not asked.filter:
        del places[asked.most :]
    for first in range(0, len(places), PAGE):
        yield places[first : first + PAGE]
