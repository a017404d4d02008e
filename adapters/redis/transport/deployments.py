"""Makes the transport that a URL names: one server, a primary that Sentinels know, or a cluster; see `urls`.

    async with deployments.multiplexed("redis+cluster://10.0.0.1:7000,10.0.0.2:7000") as database:
        saver = AsyncRedisSaver(database)

Each transport has `run`, `run_all`, `check` and `address`, connects on first use, and is closed by its context.
"""

from adapters.redis.transport.cluster import Cluster, SyncCluster
from adapters.redis.transport.connection import SyncDatabase
from adapters.redis.transport.multiplexed import Multiplexed
from adapters.redis.transport.pools import SOCKET_TIMEOUT
from adapters.redis.transport.sentinel import FAILOVER_SECONDS
from adapters.redis.transport.urls import Nodes, read


def multiplexed(url: str, *, patience: float = SOCKET_TIMEOUT) -> Multiplexed | Cluster:
    """Make a transport for asyncio, many calls on one connection; `patience` is how many seconds an answer may take.

    A server that was reached once is waited for through a restart or a fail-over. Raises UnusableRedisError.
    """
    if isinstance(read(url), Nodes):
        return Cluster.from_url(url, patience=patience)
    return Multiplexed.from_url(url, patience=patience, ride_out=FAILOVER_SECONDS)


def blocking(url: str) -> SyncDatabase | SyncCluster:
    """Make a transport for blocking code and several threads; see `multiplexed`. Raises UnusableRedisError."""
    if isinstance(read(url), Nodes):
        return SyncCluster.from_url(url)
    return SyncDatabase.from_url(url, ride_out=FAILOVER_SECONDS)
