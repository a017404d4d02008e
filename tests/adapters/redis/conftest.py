from collections.abc import AsyncIterator, Iterator

import pytest
from fakes.graph_stores import store, vectors
from fakes.valkey import cluster_url, redis_server, redis_url

from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.connection import Database, SyncDatabase
from adapters.redis.transport.multiplexed import Multiplexed

__all__ = [
    "cluster_url", "database", "redis_server", "redis_url", "runs", "store", "sync_database", "vectors",
]  # fmt: skip


@pytest.fixture
async def database(redis_url: str) -> AsyncIterator[Database]:
    async with Database.from_url(redis_url) as database:
        yield database


@pytest.fixture
def sync_database(redis_url: str) -> Iterator[SyncDatabase]:
    with SyncDatabase.from_url(redis_url) as database:
        yield database


@pytest.fixture(params=[Database, Multiplexed])
async def runs(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[AsyncTransport]:
    """Each transport that a store may stand on."""
    async with request.param.from_url(redis_url) as transport:
        yield transport
