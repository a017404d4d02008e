"""Makes the transport that a URL names: one server, a primary that Sentinels know, or a cluster; see `urls`.

    async with deployments.multiplexed("redis+cluster://10.0.0.1:7000,10.0.0.2:7000") as database:
        saver = AsyncRedisSaver(database)

Each transport has `run`, `run_all`, `check` and `address`, connects on first use, and is closed by its context.
"""

import redis.asyncio

from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.cluster import Cluster, SyncCluster
from adapters.redis.transport.connection import SyncDatabase
from adapters.redis.transport.multiplexed import Multiplexed
from adapters.redis.transport.pools import SOCKET_TIMEOUT, pool_of
from adapters.redis.transport.sentinel import FAILOVER_SECONDS
from adapters.redis.transport.urls import Nodes, read


def multiplexed(
    url: str, *, patience: float = SOCKET_TIMEOUT, ride_out: float = FAILOVER_SECONDS
) -> Multiplexed | Cluster:
    """Make a transport for asyncio, many calls on one connection; `patience` is how many seconds an answer may take.

    A server that was reached once is waited for, through a restart for `ride_out` seconds, and through a fail-over.
    Raises UnusableRedisError.
    """
    if isinstance(read(url), Nodes):
        return Cluster.from_url(url, patience=patience)
    return Multiplexed.from_url(url, patience=patience, ride_out=ride_out)


class Listening:
    """Opens the connections of a subscription, which take no other commands."""

    def __init__(self, database: AsyncTransport, url: str) -> None:
        self._database = database
        self._url = url

    def pool(self) -> "redis.asyncio.ConnectionPool":
        """Make a pool: to the server, or to any node of a cluster."""
        if isinstance(self._database, Cluster):
            return self._database.listening_pool()
        return pool_of(self._url)

    def is_over(self, pool: "redis.asyncio.ConnectionPool") -> bool:
        """Tell whether nothing will be heard there any more: a node has left the cluster."""
        return isinstance(self._database, Cluster) and not self._database.has(pool)


def blocking(url: str) -> SyncDatabase | SyncCluster:
    """Make a transport for blocking code and several threads; see `multiplexed`. Raises UnusableRedisError."""
    if isinstance(read(url), Nodes):
        return SyncCluster.from_url(url)
    return SyncDatabase.from_url(url, ride_out=FAILOVER_SECONDS)
