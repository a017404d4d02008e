"""LangGraph's store on plain Redis >= 6.2 or Valkey: `AsyncRedisStore`, and `RedisStore` for blocking code.

What both do is in `adapters.redis.graph_store.plans`; here is the I/O.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import Future
from typing import Any, Self, TypeVar, cast

from langgraph.store.base import BaseStore, IndexConfig, Op, Result, TTLConfig
from redis.exceptions import RedisError
from typing_extensions import override

from adapters.redis.graph_store.format import milliseconds
from adapters.redis.graph_store.plans import Plan, StorePlans, Texts
from adapters.redis.graph_store.vectors import VectorIndex
from adapters.redis.keys import Keys
from adapters.redis.transport import deployments
from adapters.redis.transport.base import AsyncTransport, BlockingTransport

T = TypeVar("T")

_MS = 1000.0


class SharedStore(BaseStore):
    """Base of both stores: what they are configured with."""

    supports_ttl = True

    def __init__(self, keys: Keys | None, ttl: TTLConfig | None, index: IndexConfig | None) -> None:
        super().__init__()
        self.ttl_config = ttl
        self.index_config = index
        milliseconds((ttl or {}).get("default_ttl"), "ttl: default_ttl")
        every = milliseconds((ttl or {}).get("sweep_interval_minutes"), "ttl: sweep_interval_minutes")
        self._index = VectorIndex.of(index) if index else None
        self._plans = StorePlans(keys or Keys(), self._index, every / _MS or None)


class AsyncRedisStore(SharedStore):
    """A store for asyncio. Its blocking methods are for other threads than that of its event loop.

    `ttl`: LangGraph's configuration of expiry (`default_ttl` and `sweep_interval_minutes` in minutes,
    `refresh_on_read`). `index`: that of search by embeddings (`dims`, `embed`, `fields`), which needs NumPy.
    """

    def __init__(
        self,
        database: AsyncTransport,
        *,
        keys: Keys | None = None,
        ttl: TTLConfig | None = None,
        index: IndexConfig | None = None,
    ) -> None:
        super().__init__(keys, ttl, index)
        self._database = database
        self._loop: asyncio.AbstractEventLoop | None = None
        with contextlib.suppress(RuntimeError):  # made outside of a loop: the blocking methods then say so
            self._loop = asyncio.get_running_loop()

    @classmethod
    @contextlib.asynccontextmanager
    async def from_conn_string(
        cls, url: str, *, keys: Keys | None = None, ttl: TTLConfig | None = None, index: IndexConfig | None = None
    ) -> AsyncIterator[Self]:
        """Connect to `url` for as long as the context lasts. Raises UnusableRedisError."""
        async with deployments.multiplexed(url) as database:
            yield cls(database, keys=keys, ttl=ttl, index=index)

    @override
    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        here = asyncio.get_running_loop()
        self._loop = self._loop or here
        if self._loop is not here:  # such as asyncio.run in a tool that runs in a thread
            return await asyncio.wrap_future(self._submit(ops))
        results = await self._follow(self._plans.batch(ops))
        if self._plans.should_sweep:
            with contextlib.suppress(RedisError):  # the batch is done, and a later one will sweep
                await self._follow(self._plans.sweep_some())
        return results

    @override
    def batch(self, ops: Iterable[Op]) -> list[Result]:
        return self._submit(ops).result()

    async def sweep_ttl(self) -> int:
        """Delete the items that ended, and give their number. They are never shown, swept or not."""
        return await self._follow(self._plans.sweep())

    async def try_model(self) -> None:
        """Embed one text, if there is an index. Raises what the model raises, and ValueError for a wrong vector."""
        if self._index is not None:
            self._index.checked(["hello"], await self._embed(Texts(["hello"], queries=False)))

    async def _follow(self, plan: Plan[T]) -> T:
        result: Any = None
        while True:
            try:
                step = plan.send(result)
            except StopIteration as end:
                return cast("T", end.value)
            result = await self._embed(step) if isinstance(step, Texts) else await self._database.run_all(*step)

    async def _embed(self, wanted: Texts) -> list[list[float]]:
        if self._index is None:
            raise AssertionError("texts are embedded by an index")
        embeddings = self._index.embeddings
        if not wanted.queries:
            return await embeddings.aembed_documents(list(wanted.texts))
        return list(await asyncio.gather(*map(embeddings.aembed_query, wanted.texts)))

    def _submit(self, ops: Iterable[Op]) -> Future[list[Result]]:
        """Run a batch on the store's loop, from another thread."""
        with contextlib.suppress(RuntimeError):
            if self._loop in (None, asyncio.get_running_loop()):
                raise asyncio.InvalidStateError(
                    "AsyncRedisStore cannot block its own event loop: await aget, aput, asearch ... there, or use "
                    "RedisStore. Blocking nodes, tools and tasks run in threads, but blocking middleware does not: "
                    "make it async"
                )
        if self._loop is None:
            raise asyncio.InvalidStateError("AsyncRedisStore was made outside of an event loop: use RedisStore")
        if not self._loop.is_running():
            raise asyncio.InvalidStateError(
                "the event loop of this AsyncRedisStore has ended: make another, or use RedisStore"
            )
        return asyncio.run_coroutine_threadsafe(self.abatch(ops), self._loop)


class RedisStore(SharedStore):
    """A store for blocking code, which may be used from several threads. Its async methods run in a thread.

    `ttl` and `index` are those of `AsyncRedisStore`.
    """

    def __init__(
        self,
        database: BlockingTransport,
        *,
        keys: Keys | None = None,
        ttl: TTLConfig | None = None,
        index: IndexConfig | None = None,
    ) -> None:
        super().__init__(keys, ttl, index)
        self._database = database

    @classmethod
    @contextlib.contextmanager
    def from_conn_string(
        cls, url: str, *, keys: Keys | None = None, ttl: TTLConfig | None = None, index: IndexConfig | None = None
    ) -> Iterator[Self]:
        """Connect to `url` for as long as the context lasts. Raises UnusableRedisError."""
        with deployments.blocking(url) as database:
            yield cls(database, keys=keys, ttl=ttl, index=index)

    @override
    def batch(self, ops: Iterable[Op]) -> list[Result]:
        results = self._follow(self._plans.batch(ops))
        if self._plans.should_sweep:
            with contextlib.suppress(RedisError):  # as above
                self._follow(self._plans.sweep_some())
        return results

    @override
    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        return await asyncio.to_thread(self.batch, ops)

    def sweep_ttl(self) -> int:
        """Delete the items that ended, and give their number. They are never shown, swept or not."""
        return self._follow(self._plans.sweep())

    def _follow(self, plan: Plan[T]) -> T:
        result: Any = None
        while True:
            try:
                step = plan.send(result)
            except StopIteration as end:
                return cast("T", end.value)
            result = self._embed(step) if isinstance(step, Texts) else self._database.run_all(*step)

    def _embed(self, wanted: Texts) -> list[list[float]]:
        if self._index is None:
            raise AssertionError("texts are embedded by an index")
        embeddings = self._index.embeddings
        if wanted.queries:
            return [embeddings.embed_query(text) for text in wanted.texts]
        return embeddings.embed_documents(list(wanted.texts))
