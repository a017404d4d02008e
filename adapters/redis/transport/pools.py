"""redis-py's connections with our settings, for one server and for a primary that Sentinels know.

Decisions, each measured:
* redis-py's default pool raises MaxConnectionsError under 200 concurrent tasks; a blocking pool loses none, and 32
  connections are as fast as more.
* A client that gets its own pool has no retries, so the pool gets them. A repeated call may run twice: every script is
  safe to run twice (see `adapters.redis.transport.scripts`).
* RESP2 and no conversion of replies: a call reads the same bytes from every transport.
"""

import contextlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, assert_never

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from adapters.redis.transport.errors import UnusableRedisError
from adapters.redis.transport.sentinel import BlockingPrimaryPool, PrimaryPool
from adapters.redis.transport.urls import Node, Nodes, Sentinels, Single, read, unknown_option

POOL_SIZE = 32
POOL_WAIT = 20.0
"""Seconds that a call waits for a free connection before it fails."""
SOCKET_TIMEOUT = 5.0
"""Seconds without an answer after which a connection is given up. Blocking reads must ask for less."""

_RETRIES = 5
_BACKOFF = ExponentialWithJitterBackoff(base=0.01, cap=0.5)
_OPTIONS: Mapping[str, Any] = MappingProxyType(
    {
        "max_connections": POOL_SIZE,
        "timeout": POOL_WAIT,
        "socket_timeout": SOCKET_TIMEOUT,
        "socket_connect_timeout": SOCKET_TIMEOUT,
        "client_name": "signoff",
        "protocol": 2,
    }
)


def pool_of(url: str) -> "redis.asyncio.ConnectionPool":
    """Make a pool with our settings. Raises UnusableRedisError when `url` is not one of Redis, or a cluster's."""
    retry = AsyncRetry(_BACKOFF, _RETRIES)
    pool: redis.asyncio.ConnectionPool
    with _known_options():
        match read(url):
            case Single(url=url):
                pool = redis.asyncio.BlockingConnectionPool.from_url(url, **_OPTIONS, retry=retry)
            case Sentinels() as at:
                pool = PrimaryPool(at, **{**_OPTIONS, "retry": retry, **at.options})
            case Nodes():
                raise _is_cluster()
            case other:
                assert_never(other)
        _try_options(pool)
    return pool


def blocking_pool_of(url: str) -> "redis.ConnectionPool":
    """Do what `pool_of` does, for blocking code. Raises UnusableRedisError."""
    retry = Retry(_BACKOFF, _RETRIES)
    pool: redis.ConnectionPool
    with _known_options():
        match read(url):
            case Single(url=url):
                pool = redis.BlockingConnectionPool.from_url(url, **_OPTIONS, retry=retry)
            case Sentinels() as at:
                pool = BlockingPrimaryPool(at, **{**_OPTIONS, "retry": retry, **at.options})
            case Nodes():
                raise _is_cluster()
            case other:
                assert_never(other)
        _try_options(pool)
    return pool


def node_pool(node: Node, at: Nodes) -> "redis.asyncio.ConnectionPool":
    """Make a pool for one node of a cluster; a call is retried once, the cluster does the rest."""
    kind = redis.asyncio.SSLConnection if at.tls else redis.asyncio.Connection
    options = {**_OPTIONS, "retry": AsyncRetry(_BACKOFF, 1), **at.options, **node._asdict()}
    with _known_options():
        pool = redis.asyncio.BlockingConnectionPool(connection_class=kind, **options)
        _try_options(pool)
    return pool


def blocking_node_pool(node: Node, at: Nodes) -> "redis.ConnectionPool":
    """Do what `node_pool` does, for blocking code."""
    kind = redis.SSLConnection if at.tls else redis.Connection
    options = {**_OPTIONS, "retry": Retry(_BACKOFF, 1), **at.options, **node._asdict()}
    with _known_options():
        pool = redis.BlockingConnectionPool(connection_class=kind, **options)  # type: ignore[no-untyped-call]
        _try_options(pool)
    return pool


def address_of(pool: Any) -> str:
    """Give the address of a pool, without user and password."""
    if isinstance(pool, PrimaryPool | BlockingPrimaryPool):
        return pool.address
    options = pool.connection_kwargs
    if "path" in options:
        return str(options["path"])
    return str(Node(options.get("host", "localhost"), options.get("port", 6379)))


@contextlib.contextmanager
def _known_options() -> Iterator[None]:
    """Turn redis-py's errors about the URL's options into ours: its texts may repeat their values."""
    try:
        yield
    except (TypeError, ValueError, redis.RedisError):
        raise unknown_option() from None


def _try_options(pool: Any) -> None:
    """Make a connection, unopened, so that redis-py refuses bad options now and not on first use."""
    pool.connection_class(**pool.connection_kwargs)


def _is_cluster() -> UnusableRedisError:
    return UnusableRedisError(
        "REDIS_URL names a cluster, which cannot be used here: write redis://HOST:PORT/0, "
        "or redis+sentinel://HOST:26379/SERVICE/0"
    )
