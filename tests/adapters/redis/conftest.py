from collections.abc import AsyncIterator, Iterator

import pytest
from fakes.valkey import redis_server, redis_url

from adapters.redis.connection import Database, SyncDatabase

__all__ = ["database", "redis_server", "redis_url", "sync_database"]


@pytest.fixture
async def database(redis_url: str) -> AsyncIterator[Database]:
    async with Database.from_url(redis_url) as database:
        yield database


@pytest.fixture
def sync_database(redis_url: str) -> Iterator[SyncDatabase]:
    with SyncDatabase.from_url(redis_url) as database:
        yield database
