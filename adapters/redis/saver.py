"""LangGraph's checkpointer on plain Redis >= 6.2 or Valkey: `AsyncRedisSaver`, and `RedisSaver` for code that blocks.

Every operation is one call of one script. A channel's value is stored once for each of its versions. A run that carries
a fencing token (`FENCE_KEY` in its `configurable`) cannot write once its thread belongs to a newer run: FencedError.
Nothing expires unless `retention` says so: an agent may be resumed at any later time; with it, the whole thread expires
together, that long after its last write.

Both savers share what is not I/O: a base class makes the scripts, and makes tuples of what they answer. What LangGraph
has optional (`copy_thread`, `prune`, `delete_for_runs`) raises NotImplementedError as its base class does; the history
of delta channels works by the base class's own walk.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Self, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from typing_extensions import override

from adapters.redis.connection import Database, Runs, SyncDatabase
from adapters.redis.keys import Keys, thread_of
from adapters.redis.saver_base import Listed, SharedSaver, pages
from adapters.redis.saver_format import FENCE_KEY, DamagedCheckpointError, Place
from adapters.redis.saver_scripts import FencedError

__all__ = ["FENCE_KEY", "AsyncRedisSaver", "DamagedCheckpointError", "FencedError", "RedisSaver"]

T = TypeVar("T")


class AsyncRedisSaver(SharedSaver):
    """Checkpointer for asyncio. Its blocking methods are for other threads than that of its event loop."""

    def __init__(
        self,
        database: Runs,
        *,
        keys: Keys | None = None,
        retention: timedelta | None = None,
        serde: SerializerProtocol | None = None,
    ) -> None:
        super().__init__(keys or Keys(), retention, serde)
        self._database = database
        with contextlib.suppress(RuntimeError):  # made outside of a loop: the blocking methods then explain themselves
            self._loop: asyncio.AbstractEventLoop | None = None
            self._loop = asyncio.get_running_loop()

    @classmethod
    @contextlib.asynccontextmanager
    async def from_conn_string(
        cls, url: str, *, keys: Keys | None = None, retention: timedelta | None = None
    ) -> AsyncIterator[Self]:
        """Connect to `url` for as long as the context lasts. Raises UnusableRedisError."""
        async with Database.from_url(url) as database:
            yield cls(database, keys=keys, retention=retention)

    @override
    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        at = Place.of(config)
        return self._tuple(at, await self._database.run(self._load(at)))

    @override
    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        put = self._put(config, checkpoint, metadata, new_versions)
        if lacking := await self._database.run(put):
            await self._database.run(self._put_lacking(put, checkpoint, lacking))
        return replace(Place.of(config), checkpoint=checkpoint["id"]).config()

    @override
    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        await self._database.run(self._put_writes(config, writes, task_id, task_path))

    @override
    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """List newest first; `config` None lists every thread, by a scan over the whole server."""
        asked = Listed(config, filter, before, limit)
        left = asked.most
        threads = [Place.of(config).thread] if config else await self._threads()
        indexes = [await self._database.run(self._index(thread)) for thread in threads]
        for page in pages(asked, threads, indexes):
            found = await self._database.run_all(*map(self._load, page))
            for one in self._page(asked, page, found):
                if left == 0:
                    return
                left -= 1
                yield one

    @override
    async def adelete_thread(self, thread_id: str) -> None:
        await self._database.run(self._delete(str(thread_id)))

    async def _threads(self) -> Sequence[str]:
        found: set[bytes] = set()
        cursor = b"0"
        while True:
            cursor, some = await self._database.run(self._scan(cursor))
            found.update(some)
            if cursor == b"0":
                return [thread_of(key.decode()) for key in found]

    @override
    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return self._wait(self.aget_tuple(config))

    @override
    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return self._wait(self.aput(config, checkpoint, metadata, new_versions))

    @override
    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        self._wait(self.aput_writes(config, writes, task_id, task_path))

    @override
    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        listed = self.alist(config, filter=filter, before=before, limit=limit)

        async def following() -> CheckpointTuple | None:
            return await anext(listed, None)

        while (one := self._wait(following())) is not None:
            yield one

    @override
    def delete_thread(self, thread_id: str) -> None:
        self._wait(self.adelete_thread(thread_id))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run work on the saver's loop, from another thread."""
        with contextlib.suppress(RuntimeError):
            if self._loop in (None, asyncio.get_running_loop()):
                work.close()
                raise asyncio.InvalidStateError(
                    "AsyncRedisSaver cannot block its own event loop: call the method's async twin "
                    "(aget_tuple, ainvoke ...), or use RedisSaver"
                )
        if self._loop is None:
            work.close()
            raise asyncio.InvalidStateError("AsyncRedisSaver was made outside of an event loop: use RedisSaver")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class RedisSaver(SharedSaver):
    """Checkpointer for code that blocks. Its async methods raise NotImplementedError: use AsyncRedisSaver."""

    def __init__(
        self,
        database: SyncDatabase,
        *,
        keys: Keys | None = None,
        retention: timedelta | None = None,
        serde: SerializerProtocol | None = None,
    ) -> None:
        super().__init__(keys or Keys(), retention, serde)
        self._database = database

    @classmethod
    @contextlib.contextmanager
    def from_conn_string(
        cls, url: str, *, keys: Keys | None = None, retention: timedelta | None = None
    ) -> Iterator[Self]:
        """Connect to `url` for as long as the context lasts. Raises UnusableRedisError."""
        with SyncDatabase.from_url(url) as database:
            yield cls(database, keys=keys, retention=retention)

    @override
    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        at = Place.of(config)
        return self._tuple(at, self._database.run(self._load(at)))

    @override
    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        put = self._put(config, checkpoint, metadata, new_versions)
        if lacking := self._database.run(put):
            self._database.run(self._put_lacking(put, checkpoint, lacking))
        return replace(Place.of(config), checkpoint=checkpoint["id"]).config()

    @override
    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        self._database.run(self._put_writes(config, writes, task_id, task_path))

    @override
    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """List newest first; `config` None lists every thread, by a scan over the whole server."""
        asked = Listed(config, filter, before, limit)
        left = asked.most
        threads = [Place.of(config).thread] if config else self._threads()
        indexes = [self._database.run(self._index(thread)) for thread in threads]
        for page in pages(asked, threads, indexes):
            found = self._database.run_all(*map(self._load, page))
            for one in self._page(asked, page, found):
                if left == 0:
                    return
                left -= 1
                yield one

    @override
    def delete_thread(self, thread_id: str) -> None:
        self._database.run(self._delete(str(thread_id)))

    def _threads(self) -> Sequence[str]:
        found: set[bytes] = set()
        cursor = b"0"
        while True:
            cursor, some = self._database.run(self._scan(cursor))
            found.update(some)
            if cursor == b"0":
                return [thread_of(key.decode()) for key in found]
