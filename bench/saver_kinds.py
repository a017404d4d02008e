"""The savers that are compared, each opened as its own documentation shows, on an empty store.

Those of a server that neither pip nor apt installs are left out, and those of a service: MongoDB, Oracle, SQL Server,
SAP HANA, Cassandra, ScyllaDB, Couchbase, Aerospike, Neo4j, OpenSearch, SingleStore, OceanBase, SurrealDB (its saver
cannot sign in to the embedded one); DynamoDB, Cosmos DB, Firestore, Snowflake, S3, Cloudflare D1, Supabase, Upstash.
Of those that need no server, `langgraph-checkpoint-lmdb` cannot delete a thread, as each cycle does,
`langgraph-checkpoint-duckdb` needs an older LangGraph, and `langgraph-checkpoint-objectstorage` keeps each value as a
file, which takes ten times as long as the slowest here. `langgraph-checkpoint-postgres-pg8000` has no asyncio.
"""

import contextlib
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis.asyncio
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver

from adapters.redis.checkpointer.saver import AsyncRedisSaver

REFERENCE = "InMemorySaver"
OURS = "ours"
_TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")


class AbsentError(Exception):
    """A saver's package or its server is not here."""


@dataclass(frozen=True, slots=True)
class Servers:
    """Where savers store: Valkey that syncs its log once a second, one that does so before each answer, and others."""

    valkey: str
    synced: str
    postgres: str | None
    mariadb: str | None
    folder: Path


@dataclass(frozen=True, slots=True)
class Opened:
    """A saver and what its store takes, in bytes; None where nobody can tell."""

    saver: BaseCheckpointSaver[Any]
    stored: Callable[[], Awaitable[int | None]]


Open = Callable[[Servers], AbstractAsyncContextManager[Opened]]


@contextlib.asynccontextmanager
async def _memory(_: Servers) -> AsyncIterator[Opened]:
    async def unknown() -> None:
        return None

    yield Opened(InMemorySaver(), unknown)


@contextlib.asynccontextmanager
async def _ours(servers: Servers) -> AsyncIterator[Opened]:
    async with _emptied(servers.valkey, 1) as (url, stored), AsyncRedisSaver.from_conn_string(url) as saver:
        yield Opened(saver, stored)


@contextlib.asynccontextmanager
async def _ours_synced(servers: Servers) -> AsyncIterator[Opened]:
    async with _emptied(servers.synced, 1) as (url, stored), AsyncRedisSaver.from_conn_string(url) as saver:
        yield Opened(saver, stored)


def _valkey(number: int, **options: int) -> Open:
    @contextlib.asynccontextmanager
    async def opened(servers: Servers) -> AsyncIterator[Opened]:
        made = _class("langgraph_checkpoint_aws.checkpoint.valkey", "AsyncValkeySaver")
        async with _emptied(servers.valkey, number) as (url, stored), made.from_conn_string(url, **options) as saver:
            yield Opened(saver, stored)

    return opened


def _plainredis(number: int, options: str = "") -> Open:
    @contextlib.asynccontextmanager
    async def opened(servers: Servers) -> AsyncIterator[Opened]:
        made = _class("langgraph_checkpoint_plainredis", "AsyncRedisSaver")
        async with _emptied(servers.valkey, number) as (url, stored):
            saver = made(url=f"{url}{options}")
            try:
                yield Opened(saver, stored)
            finally:
                await saver.aclose()

    return opened


@contextlib.asynccontextmanager
async def _modules(servers: Servers) -> AsyncIterator[Opened]:
    """Open `langgraph-checkpoint-redis`, which needs what Redis 8 and Redis Stack have."""
    async with _emptied(servers.valkey, 0) as (url, stored):
        async with redis.asyncio.Redis.from_url(url) as client:
            if b"ReJSON" not in {module[b"name"] for module in await client.module_list()}:
                raise AbsentError("not here: needs RedisJSON and RediSearch")
        made = _class("langgraph.checkpoint.redis.aio", "AsyncRedisSaver")
        async with made.from_conn_string(url) as saver:
            await saver.asetup()
            yield Opened(saver, stored)


@contextlib.asynccontextmanager
async def _sqlite(servers: Servers) -> AsyncIterator[Opened]:
    made, path = _class("langgraph.checkpoint.sqlite.aio", "AsyncSqliteSaver"), servers.folder / "checkpoints.sqlite"
    for old in servers.folder.glob(f"{path.name}*"):
        old.unlink()

    async with made.from_conn_string(str(path)) as saver:

        async def stored() -> int:
            await saver.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return path.stat().st_size

        await saver.setup()
        yield Opened(saver, stored)


@contextlib.asynccontextmanager
async def _mysql(servers: Servers) -> AsyncIterator[Opened]:
    made = _class("langgraph.checkpoint.mysql.aio", "AIOMySQLSaver")
    if servers.mariadb is None:
        raise AbsentError("no MariaDB here")
    async with made.from_conn_string(servers.mariadb) as saver, saver.conn.cursor() as cursor:

        async def stored() -> int:
            await cursor.execute(f"OPTIMIZE TABLE {', '.join(_TABLES)}")
            sizes = "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_name IN %s"
            await cursor.execute(sizes, (_TABLES,))
            return int((await cursor.fetchone())[0])

        await saver.setup()
        for table in _TABLES:
            await cursor.execute(f"TRUNCATE TABLE {table}")
        yield Opened(saver, stored)


@contextlib.asynccontextmanager
async def _postgres(servers: Servers) -> AsyncIterator[Opened]:
    made = _class("langgraph.checkpoint.postgres.aio", "AsyncPostgresSaver")
    if servers.postgres is None:
        raise AbsentError("no PostgreSQL here")
    async with made.from_conn_string(servers.postgres) as saver:

        async def stored() -> int:
            sizes = ", ".join(f"pg_total_relation_size('{table}') AS {table}" for table in _TABLES)
            (row,) = await (await saver.conn.execute(f"SELECT {sizes}")).fetchall()
            return int(sum(row.values()))

        await saver.setup()
        await saver.conn.execute(f"TRUNCATE {', '.join(_TABLES)}")
        yield Opened(saver, stored)


KINDS: dict[str, Open] = {
    REFERENCE: _memory,
    OURS: _ours,
    "ours, synced": _ours_synced,
    "AsyncValkeySaver": _valkey(2),
    "AsyncValkeySaver, pool_size=200": _valkey(3, pool_size=200),
    "plainredis": _plainredis(4),
    "plainredis, max_connections=200": _plainredis(5, "&max_connections=200"),
    "langgraph-checkpoint-redis": _modules,
    "AsyncSqliteSaver": _sqlite,
    "AsyncPostgresSaver": _postgres,
    "AIOMySQLSaver": _mysql,
}


def _class(module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise AbsentError("not installed") from error


@contextlib.asynccontextmanager
async def _emptied(url: str, number: int) -> AsyncIterator[tuple[str, Callable[[], Awaitable[int]]]]:
    """One of the databases of a server, and what its keys take."""
    url = f"{url}?db={number}"
    async with redis.asyncio.Redis.from_url(url) as client:

        async def stored() -> int:
            keys = [key async for key in client.scan_iter(count=10_000)]
            return sum([int(await client.memory_usage(key, samples=0) or 0) for key in keys])

        await client.flushdb()
        yield url, stored
