"""LangGraph's store in memory and both of ours, for tests that run on each with the same assertions."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from langgraph.store.base import BaseStore, IndexConfig
from langgraph.store.memory import InMemoryStore

from adapters.redis import AsyncRedisStore, RedisStore

KINDS = ["memory", "blocking", "asyncio"]


def embed(texts: Sequence[str]) -> list[list[float]]:
    """Count some letters: texts with the same letters are alike."""
    return [[text.count(letter) + 0.01 for letter in "abcd"] for text in texts]


async def aembed(texts: Sequence[str]) -> list[list[float]]:
    """Do the same on the event loop."""
    return embed(texts)


@pytest.fixture(params=KINDS)
async def store(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[BaseStore]:
    """Yield a store without an index."""
    async for each in _made(request.param, redis_url):
        yield each


@pytest.fixture(params=KINDS)
async def vectors(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[BaseStore]:
    """Yield a store that searches by `embed` of the field `text`."""
    index: IndexConfig = {"dims": 4, "embed": embed if request.param == "blocking" else aembed, "fields": ["text"]}
    async for each in _made(request.param, redis_url, index):
        yield each


async def _made(kind: str, url: str, index: IndexConfig | None = None) -> AsyncIterator[BaseStore]:
    if kind == "memory":
        yield InMemoryStore(index=index)
    elif kind == "blocking":
        with RedisStore.from_conn_string(url, index=index) as blocking:
            yield blocking
    else:
        async with AsyncRedisStore.from_conn_string(url, index=index) as made:
            yield made


async def keys_of(store: BaseStore, *prefix: str, **more: Any) -> list[str]:
    """Search, and give the keys of what was found."""
    return [item.key for item in await store.asearch(prefix, **more)]
