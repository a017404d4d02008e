"""LangGraph's checkpointer on plain Redis >= 6.2 or Valkey: `AsyncRedisSaver`, and `RedisSaver` for blocking code.

To put, to put writes and to get is one call of one script. A channel's value is stored once for each of its versions. A
run that has a fencing token (`FENCE_KEY` in its `configurable`) can neither write nor read once its thread belongs to a
newer run: FencedError. Nothing expires unless `retention` says so; with it, a thread whose graph has ended expires as a
whole, that long after its last write: a thread that waits for an answer never expires.

Both savers share everything but I/O: a base class makes scripts and reads their replies, and what takes more than one
round trip is a plan (`adapters.redis.checkpointer.plans`).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Self, TypeVar, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from redis.exceptions import RedisError
from typing_extensions import override

from adapters.redis.checkpointer.base import SharedSaver
from adapters.redis.checkpointer.format import FENCE_KEY, CheckpointRef, DamagedCheckpointError
from adapters.redis.checkpointer.listing import Listing, ListQuery
from adapters.redis.checkpointer.plans import Plan
from adapters.redis.checkpointer.scripts import FencedError
from adapters.redis.keys import Keys
from adapters.redis.transport import deployments
from adapters.redis.transport.base import AsyncTransport, BlockingTransport
from adapters.redis.transport.scripts import RedisCall

__all__ = ["FENCE_KEY", "AsyncRedisSaver", "DamagedCheckpointError", "FencedError", "RedisSaver"]

T = TypeVar("T")


class AsyncRedisSaver(SharedSaver):
    """A checkpointer for asyncio. Its blocking methods are for other threads than that of its event loop.

    `retention`: how long threads are kept after their graph has ended; None keeps them for ever. `serde`: LangGraph's
    serializer, strict unless told otherwise (`adapters.redis.checkpointer.base.strict_serializer`), or its encrypted
    one.
    """

    def __init__(
        self,
        database: AsyncTransport,
        *,
        keys: Keys | None = None,
        retention: timedelta | None = None,
        serde: SerializerProtocol | None = None,
    ) -> None:
        super().__init__(keys or Keys(), retention, serde)
        self._database = database
        with contextlib.suppress(RuntimeError):  # made outside of a loop: the blocking methods then say so
            self._loop: asyncio.AbstractEventLoop | None = None
            self._loop = asyncio.get_running_loop()

    @classmethod
    @contextlib.asynccontextmanager
    async def from_conn_string(
        cls,
        url: str,
        *,
        keys: Keys | None = None,
        retention: timedelta | None = None,
        serde: SerializerProtocol | None = None,
    ) -> AsyncIterator[Self]:
        """Connect to `url` for as long as the context lasts. Raises UnusableRedisError."""
        async with deployments.multiplexed(url) as database:
            yield cls(database, keys=keys, retention=retention, serde=serde)

    @override
    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        at = CheckpointRef.of(config)
        return self._tuple(at, await self._database.run(self._load(config, at)))

    @override
    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        at = CheckpointRef.of(config)
        calls = self._put(config, checkpoint, metadata, new_versions)
        while lacks := (await self._last(calls)):
            calls = self._put_more(at.thread, calls, checkpoint, lacks)
        if self._should_tidy:
            with contextlib.suppress(RedisError):  # the checkpoint is stored, and a later put will tidy
                await self._follow(self._upkeep.tidy())
        return CheckpointRef(at.thread, at.namespace, checkpoint["id"]).config()

    async def _last(self, calls: Sequence[RedisCall[Any]]) -> Any:
        """Run calls in one round trip, and give what the last one gave."""
        if len(calls) == 1:
            return await self._database.run(calls[0])
        return (await self._database.run_all(*calls))[-1]

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
        """List newest first, a page at a time; without a thread, the most recently written threads come first."""
        listing = self._listing.listing(ListQuery(config, filter, before, limit))
        step = next(listing, None)
        while step is not None:
            if isinstance(step, CheckpointTuple):
                yield step
                step = next(listing, None)
            else:
                step = _sent(listing, await self._database.run_all(*step))

    @override
    async def adelete_thread(self, thread_id: str) -> None:
        await self._follow(self._upkeep.delete(str(thread_id)))

    @override
    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints of these runs in all threads; reads the metadata of every checkpoint."""
        await self._follow(self._upkeep.delete_for_runs(run_ids))

    @override
    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy every checkpoint of a thread with its writes; other checkpoints of the target stay."""
        await self._follow(self._upkeep.copy(str(source_thread_id), str(target_thread_id)))

    @override
    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Keep the newest checkpoint of each namespace and what delta channels need; with "delete", delete all."""
        await self._follow(self._upkeep.prune([str(thread) for thread in thread_ids], strategy))

    @override
    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        return await self._follow(self._upkeep.delta_history(config, channels))

    async def _follow(self, plan: Plan[T]) -> T:
        results: Any = None
        while True:
            try:
                calls = plan.send(results)
            except StopIteration as end:
                return cast("T", end.value)
            results = await self._database.run_all(*calls)

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

    @override
    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        self._wait(self.adelete_for_runs(run_ids))

    @override
    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        self._wait(self.acopy_thread(source_thread_id, target_thread_id))

    @override
    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        self._wait(self.aprune(thread_ids, strategy=strategy))

    @override
    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        return self._wait(self.aget_delta_channel_history(config=config, channels=channels))

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
        if not self._loop.is_running():
            work.close()
            raise asyncio.InvalidStateError("the event loop of this AsyncRedisSaver has ended: use RedisSaver")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class RedisSaver(SharedSaver):
    """A checkpointer for blocking code. Its async methods raise NotImplementedError: use AsyncRedisSaver.

    `retention` and `serde` are those of `AsyncRedisSaver`. It may be used from several threads.
    """

    def __init__(
        self,
        database: BlockingTransport,
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
        cls,
        url: str,
        *,
        keys: Keys | None = None,
        retention: timedelta | None = None,
        serde: SerializerProtocol | None = None,
    ) -> Iterator[Self]:
        """Connect to `url` for as long as the context lasts. Raises UnusableRedisError."""
        with deployments.blocking(url) as database:
            yield cls(database, keys=keys, retention=retention, serde=serde)

    @override
    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        at = CheckpointRef.of(config)
        return self._tuple(at, self._database.run(self._load(config, at)))

    @override
    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        at = CheckpointRef.of(config)
        calls = self._put(config, checkpoint, metadata, new_versions)
        while lacks := self._database.run_all(*calls)[-1]:
            calls = self._put_more(at.thread, calls, checkpoint, lacks)
        if self._should_tidy:
            with contextlib.suppress(RedisError):  # as above
                self._follow(self._upkeep.tidy())
        return CheckpointRef(at.thread, at.namespace, checkpoint["id"]).config()

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
        """List newest first, a page at a time; without a thread, the most recently written threads come first."""
        listing = self._listing.listing(ListQuery(config, filter, before, limit))
        step = next(listing, None)
        while step is not None:
            if isinstance(step, CheckpointTuple):
                yield step
                step = next(listing, None)
            else:
                step = _sent(listing, self._database.run_all(*step))

    @override
    def delete_thread(self, thread_id: str) -> None:
        self._follow(self._upkeep.delete(str(thread_id)))

    @override
    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints of these runs in all threads; reads the metadata of every checkpoint."""
        self._follow(self._upkeep.delete_for_runs(run_ids))

    @override
    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy every checkpoint of a thread with its writes; other checkpoints of the target stay."""
        self._follow(self._upkeep.copy(str(source_thread_id), str(target_thread_id)))

    @override
    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Keep the newest checkpoint of each namespace and what delta channels need; with "delete", delete all."""
        self._follow(self._upkeep.prune([str(thread) for thread in thread_ids], strategy))

    @override
    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        return self._follow(self._upkeep.delta_history(config, channels))

    def _follow(self, plan: Plan[T]) -> T:
        results: Any = None
        while True:
            try:
                calls = plan.send(results)
            except StopIteration as end:
                return cast("T", end.value)
            results = self._database.run_all(*calls)


def _sent(listing: Listing, results: Sequence[Any]) -> Any:
    """Give a listing its results; returns its next step, or None at its end."""
    try:
        return listing.send(results)
    except StopIteration:
        return None
