"""Connections to a primary that Sentinels know, and what they do during a fail-over.

A connection asks the Sentinels for the primary each time it opens, and then asks the server whether it is the primary
(https://valkey.io/topics/sentinel-clients/): Sentinels name the old primary until they have agreed on a new one. So to
open a connection may mean to wait out a fail-over, for `FAILOVER_SECONDS`; a primary that this process never reached is
not waited for. A primary that becomes a replica answers READONLY, which ends the connection.
"""

# redis-py has no types for these classes.
# mypy: disable-error-code="no-untyped-call"

import asyncio
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import redis
import redis.asyncio
import redis.asyncio.sentinel
import redis.sentinel
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError
from redis.retry import Retry

from adapters.redis.transport.errors import LOST, is_no_primary
from adapters.redis.transport.urls import Sentinels

FAILOVER_SECONDS = 30.0
"""How long calls wait for the new primary of a deployment that has fail-overs."""
SENTINEL_TIMEOUT = 1.0
"""Seconds after which the next Sentinel is asked."""

_PAUSE = 0.1
_SENTINEL_OPTIONS: Mapping[str, Any] = MappingProxyType(
    {"socket_timeout": SENTINEL_TIMEOUT, "socket_connect_timeout": SENTINEL_TIMEOUT, "protocol": 2}
)


class _Demoted(redis.ConnectionError):
    """The server is a replica now, or still."""


class _PrimaryConnection(redis.asyncio.sentinel.SentinelManagedConnection):
    """A connection to the current primary, which waits for it through a fail-over."""

    async def connect(self) -> None:
        pool, end = self.connection_pool, time.monotonic() + FAILOVER_SECONDS
        while not self.is_connected:
            try:
                await super().connect()
                await self._refuse_replica()
                pool.known = True
            except LOST:
                await self.disconnect(nowait=True)
                # A primary that did not come back is not waited for again.
                pool.known = pool.known and time.monotonic() < end
                if not pool.known:
                    raise
                await asyncio.sleep(_PAUSE)

    async def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:  # noqa: FBT001, FBT002 - as redis-py has it
        """Reopen a lost connection when the next command is sent: redis-py would use the old address."""
        if retry_socket_connect:
            await self.connect()
        else:  # the Sentinels have just given the address
            await super().connect_check_health(check_health, retry_socket_connect=False)

    async def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*args, **options)
        except redis.ResponseError as error:
            if not is_no_primary(error):
                raise
            await self.disconnect()
            raise _Demoted("the primary is a replica now") from None

    async def _refuse_replica(self) -> None:
        await self.send_command("ROLE", check_health=False)
        try:
            role = (await self.read_response(disable_decoding=True))[0]
        except NoPermissionError:  # then READONLY tells us
            return
        if role != b"master":
            raise _Demoted("the Sentinels name a server that is a replica")


class _SecurePrimaryConnection(_PrimaryConnection, redis.asyncio.SSLConnection):
    pass


class PrimaryPool(redis.asyncio.sentinel.SentinelConnectionPool, redis.asyncio.BlockingConnectionPool):
    """A blocking pool that also closes its connections to the Sentinels."""

    def __init__(self, at: Sentinels, **options: Any) -> None:
        self.known = False
        """True once the primary was reached: then it is worth waiting for."""
        self.address = f"service {at.service} of Sentinel {','.join(map(str, at.sentinels))}"
        manager = redis.asyncio.sentinel.Sentinel(
            at.sentinels,
            sentinel_kwargs={
                **_SENTINEL_OPTIONS,
                "retry": AsyncRetry(NoBackoff(), 0),
                "ssl": at.tls,
                **at.sentinel_options,
            },
        )
        kind = _SecurePrimaryConnection if at.tls else _PrimaryConnection
        super().__init__(at.service, manager, connection_class=kind, **{**options, "db": at.db})

    async def disconnect(self, inuse_connections: bool = True) -> None:  # noqa: FBT001, FBT002 - as redis-py has it
        """Close the open connections; a later call opens new ones."""
        if inuse_connections:
            self.known = False
            for sentinel in self.sentinel_manager.sentinels:  # the manager closes them itself from redis-py 8 on
                await sentinel.aclose()
        await super().disconnect(inuse_connections)


class _BlockingPrimaryConnection(redis.sentinel.SentinelManagedConnection):
    """A `_PrimaryConnection` for blocking code."""

    def connect(self) -> None:
        pool, end = self.connection_pool, time.monotonic() + FAILOVER_SECONDS
        while self._sock is None:  # redis-py 7.1 has no `is_connected` here
            try:
                super().connect()
                self._refuse_replica()
                pool.known = True
            except LOST:
                self.disconnect()
                pool.known = getattr(pool, "known", False) and time.monotonic() < end
                if not pool.known:
                    raise
                time.sleep(_PAUSE)

    def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:  # noqa: FBT001, FBT002 - as redis-py has it
        if retry_socket_connect:
            self.connect()
        else:
            super().connect_check_health(check_health, retry_socket_connect=False)

    def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return super().read_response(*args, **options)
        except redis.ResponseError as error:
            if not is_no_primary(error):
                raise
            self.disconnect()
            raise _Demoted("the primary is a replica now") from None

    def _refuse_replica(self) -> None:
        self.send_command("ROLE", check_health=False)
        try:
            role = self.read_response(disable_decoding=True)[0]
        except NoPermissionError:
            return
        if role != b"master":
            raise _Demoted("the Sentinels name a server that is a replica")


class _SecureBlockingPrimaryConnection(_BlockingPrimaryConnection, redis.SSLConnection):
    pass


class BlockingPrimaryPool(redis.sentinel.SentinelConnectionPool, redis.BlockingConnectionPool):
    """A `PrimaryPool` for blocking code."""

    def __init__(self, at: Sentinels, **options: Any) -> None:
        self.address = f"service {at.service} of Sentinel {','.join(map(str, at.sentinels))}"
        manager = redis.sentinel.Sentinel(
            at.sentinels,
            sentinel_kwargs={**_SENTINEL_OPTIONS, "retry": Retry(NoBackoff(), 0), "ssl": at.tls, **at.sentinel_options},
        )
        kind = _SecureBlockingPrimaryConnection if at.tls else _BlockingPrimaryConnection
        super().__init__(at.service, manager, connection_class=kind, **{**options, "db": at.db})

    def disconnect(self, inuse_connections: bool = True) -> None:  # noqa: FBT001, FBT002 - as redis-py has it
        """Close the open connections; a later call opens new ones."""
        if inuse_connections:
            for sentinel in self.sentinel_manager.sentinels:
                sentinel.close()
        super().disconnect(inuse_connections)
