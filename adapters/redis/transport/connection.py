"""redis-py's client behind the two methods: `Database` for asyncio, `SyncDatabase` for blocking code.

`urls` parses what an operator wrote, `pools` opens connections, `multiplexed` and `cluster` are the other transports,
and `deployments` picks the one that a URL asks for.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import redis
import redis.asyncio
from redis.exceptions import NoScriptError

from adapters.redis.transport.base import first_unknown, read_all
from adapters.redis.transport.errors import LOST, UnusableRedisError, is_no_primary
from adapters.redis.transport.pools import address_of, blocking_pool_of, pool_of
from adapters.redis.transport.scan import scan_server
from adapters.redis.transport.scripts import Arg, Command, RedisCall
from adapters.redis.transport.server_check import check

R = TypeVar("R")

_PAUSE = 0.1


class Database:
    """An asyncio connection to one Redis. Use it as a context manager, or `aclose` it.

    `client` is redis-py's own, for what the two methods cannot do (blocking reads, publish and subscribe).
    """

    def __init__(self, client: "redis.asyncio.Redis", *, owned: bool = False) -> None:
        _refuse_decoding(client)
        self.client = client
        self._owned = owned
        self._raw = redis.asyncio.Redis(connection_pool=client.connection_pool)
        self._raw.response_callbacks.clear()
        self._execute: Callable[..., Awaitable[Any]] = self._raw.execute_command

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Make a connection that opens on first use. Raises UnusableRedisError when `url` is not one of Redis."""
        return cls(redis.asyncio.Redis.from_pool(pool_of(url)), owned=True)

    @property
    def address(self) -> str:
        """The server's address, without user and password."""
        return address_of(self.client.connection_pool)

    async def run(self, call: RedisCall[R]) -> R:
        """Run one call. Raises redis.exceptions.RedisError when it cannot be answered, after some tries."""
        try:
            reply = await self._execute(*call.by_hash())
        except NoScriptError:
            reply = await self._execute(*call.by_source())
        return call.read(reply)

    async def run_all(self, *calls: RedisCall[R]) -> list[R]:
        """Run several calls in order and in one round trip; each is atomic, all together are not.

        Raises the first error, after all have run.
        """
        replies = await self._pipe([call.by_hash() for call in calls])
        if (unknown := first_unknown(replies)) is not None:
            replies[unknown:] = await self._pipe([call.by_source() for call in calls[unknown:]])
        return read_all(calls, replies)

    async def _pipe(self, commands: Sequence[tuple[Arg, ...]]) -> list[Any]:
        async with self._raw.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return list(await pipeline.execute(raise_on_error=False))

    def scan(self, match: str) -> AsyncIterator[bytes]:
        """Scan all keys: see `scan_server`."""
        return scan_server(lambda words: self.run(Command(*words)), match)

    async def check(self) -> list[str]:
        """Find out whether Signoff can work here: see `check`."""
        return await check(self, self.address)

    async def aclose(self) -> None:
        """Close what `from_url` opened; a client that was handed in stays open."""
        if self._owned:
            await self.client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class SyncDatabase:
    """A blocking connection with a pool of its own, safe to use from several threads."""

    def __init__(self, client: "redis.Redis", *, owned: bool = False, ride_out: float = 0.0) -> None:
        _refuse_decoding(client)
        self.client = client
        self._owned = owned
        self._ride_out = ride_out
        self._reached = False
        self._raw = redis.Redis(connection_pool=client.connection_pool)
        self._raw.response_callbacks.clear()

    @classmethod
    def from_url(cls, url: str, *, ride_out: float = 0.0) -> Self:
        """Make a connection that opens on first use. Raises UnusableRedisError when `url` is not one of Redis.

        A call is repeated a few times, and for `ride_out` seconds if the server was reached before.
        """
        return cls(redis.Redis.from_pool(blocking_pool_of(url)), owned=True, ride_out=ride_out)

    @property
    def address(self) -> str:
        """The server's address, without user and password."""
        return address_of(self.client.connection_pool)

    def run(self, call: RedisCall[R]) -> R:
        """Run one call: see `Database.run`."""
        (result,) = self.run_all(call)
        return result

    def run_all(self, *calls: RedisCall[R]) -> list[R]:
        """Run several calls in order and in one round trip: see `Database.run_all`."""
        replies = self.ask([call.by_hash() for call in calls])
        if (unknown := first_unknown(replies)) is not None:
            replies[unknown:] = self.ask([call.by_source() for call in calls[unknown:]])
        return read_all(calls, replies)

    def ask(self, commands: Sequence[tuple[Arg, ...]]) -> list[Any]:
        """Send commands in one packet; gives their raw answers, errors among them.

        When a server refuses because it is not the primary, its idle connections are closed and the commands resent.
        """
        began = time.monotonic()
        while True:
            try:
                replies = self._sent(commands)
            except LOST:
                if not self._rides_out(began):
                    raise
            else:
                self._reached = True
                if not any(isinstance(each, redis.ResponseError) and is_no_primary(each) for each in replies):
                    return replies
                self.client.connection_pool.disconnect(inuse_connections=False)
                if not self._rides_out(began):
                    return replies
            time.sleep(_PAUSE)

    def _rides_out(self, began: float) -> bool:
        return self._reached and time.monotonic() < began + self._ride_out

    def _sent(self, commands: Sequence[tuple[Arg, ...]]) -> list[Any]:
        with self._raw.pipeline(transaction=False) as pipeline:
            add: Callable[..., Any] = pipeline.execute_command
            for command in commands:
                add(*command)
            return list(pipeline.execute(raise_on_error=False))

    def close(self) -> None:
        """Close what `from_url` opened; a client that was handed in stays open."""
        if self._owned:
            self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _refuse_decoding(client: Any) -> None:
    if client.connection_pool.connection_kwargs.get("decode_responses"):
        raise UnusableRedisError("the Redis client must not decode replies: set decode_responses=False")
