"""One connection for many calls at once: the same two methods as `Database`, about twice as fast under load.

Calls are written in the order they come: the first at once, and those of one turn of the event loop while others wait
in one packet. `adapters.redis.transport.pipelined` matches the answers to the calls.

* When the connection is lost, the next call opens a new one, and the calls that failed are repeated on it, as a pool
  would: scripts are safe to run twice.
* The log says once that a call was given up, and once that the server answers again
  (`adapters.redis.transport.failures`).

A command that blocks (BLPOP, XREAD BLOCK) would hold up everybody, and MULTI would mix calls: use `Database` for those.
"""

import asyncio
import contextvars
import copy
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import redis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.exceptions import NoScriptError

from adapters.redis.transport.base import first_unknown, read_all
from adapters.redis.transport.errors import LOST
from adapters.redis.transport.failures import Outage
from adapters.redis.transport.pipelined import CLOSED, PipelinedConnection
from adapters.redis.transport.pools import SOCKET_TIMEOUT, address_of, pool_of
from adapters.redis.transport.replicated import Replicas, is_acked
from adapters.redis.transport.scan import scan_server
from adapters.redis.transport.scripts import Arg, Command, RedisCall
from adapters.redis.transport.server_check import check
from adapters.redis.transport.urls import read

RETRIES = 5
"""How often a call is sent again when its answer is lost."""
_BACKOFF = ExponentialWithJitterBackoff(base=0.01, cap=0.5)

R = TypeVar("R")


class Multiplexed:
    """One shared connection to Redis. Use it as a context manager, or `aclose` it. For one event loop."""

    def __init__(
        self,
        pool: "redis.asyncio.ConnectionPool",
        *,
        patience: float = SOCKET_TIMEOUT,
        retries: int = RETRIES,
        ride_out: float = 0.0,
        outage: Outage | None = None,
        wait: int = 0,
    ) -> None:
        self._wait = wait
        self._second: Multiplexed | None = None
        self._pool = pool
        self._ride_out = ride_out
        self._reached = False
        self._retries = retries
        self._patience = patience
        self._closed = False
        self._link: PipelinedConnection | None = None
        self._opening: asyncio.Task[PipelinedConnection] | None = None
        self.outage = outage or Outage(self.address)
        self._replicas = Replicas(wait, self.address)

    @classmethod
    def from_url(cls, url: str, *, patience: float = SOCKET_TIMEOUT, ride_out: float = 0.0) -> Self:
        """Make a connection that opens on first use; `patience` is how many seconds each answer may take.

        A call is repeated a few times, and for `ride_out` seconds if the server was reached before.
        Raises UnusableRedisError when `url` is not one of Redis.
        """
        return cls(pool_of(url), patience=patience, ride_out=ride_out, wait=read(url).wait)

    @property
    def address(self) -> str:
        """The server's address, without user and password."""
        return address_of(self._pool)

    async def run(self, call: RedisCall[R]) -> R:
        """Run one call. Raises redis.exceptions.RedisError when it cannot be answered, after some tries."""
        if self._wait and is_acked((call,)):
            return (await self.run_all(call))[0]
        (reply,) = await self.ask((call.by_hash(),))
        if isinstance(reply, NoScriptError):
            (reply,) = await self.ask((call.by_source(),))
        if isinstance(reply, Exception):
            raise reply
        return call.read(reply)

    async def run_all(self, *calls: RedisCall[R]) -> list[R]:
        """Run several calls in order and in one round trip; each is atomic, all together are not.

        Raises the first error, after all have run.
        """
        if self._wait and is_acked(calls):
            return await self._run_replicated(*calls)
        replies = await self.ask([call.by_hash() for call in calls])
        if (unknown := first_unknown(replies)) is not None:
            replies[unknown:] = await self.ask([call.by_source() for call in calls[unknown:]])
        return read_all(calls, replies)

    async def _run_replicated(self, *calls: RedisCall[R]) -> list[R]:
        """Run calls on the second connection, and wait for replicas: see `adapters.redis.transport.replicated`."""
        if self._second is None:
            self._second = Multiplexed(
                self._pool, patience=self._patience, retries=self._retries, ride_out=self._ride_out, outage=self.outage
            )
        wait = self._replicas.wait()
        *replies, reached = await self._second.ask([*(call.by_hash() for call in calls), wait])
        if (unknown := first_unknown(replies)) is not None:
            *replies[unknown:], reached = await self._second.ask(
                [*(call.by_source() for call in calls[unknown:]), wait]
            )
        self._replicas.take(reached)
        return read_all(calls, replies)

    def scan(self, match: str) -> AsyncIterator[bytes]:
        """Scan all keys: see `scan_server`."""
        return scan_server(lambda words: self.run(Command(*words)), match)

    async def check(self) -> list[str]:
        """Find out whether Signoff can work here: see `server_check.check`."""
        return await check(self, self.address, self._wait)

    async def failing(self) -> list[str]:
        """Name what does not serve now: one server serves, or it does not. Raises UnusableRedisError."""
        await self.check()
        return []

    async def aclose(self) -> None:
        """Close the connection; waiting calls get a ConnectionError."""
        self._closed = True
        if self._second is not None:
            await self._second.aclose()
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        if self._link is not None:
            await self._link.aclose()
        await self._pool.disconnect()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def ask(self, commands: Sequence[tuple[Arg, ...]]) -> list[Any]:
        """Send commands in one packet; gives their raw answers, errors among them. Lost ones are sent again."""
        if not commands:
            return []
        began = asyncio.get_running_loop().time() if self._ride_out else 0.0
        for failures in itertools.count(1):
            try:
                link = self._link if self._link is not None and self._link.lives else await self._connected()
                if link.is_full:
                    await link.room()
                replies = await link.send(commands)
            except LOST as error:
                if self._closed or (failures > self._retries and not self._rides_out(began)):
                    self._log_outage(error)
                    raise
                await asyncio.sleep(_BACKOFF.compute(failures))
            else:
                if link.lives:  # else it may have been lost since, and says nothing about now
                    self.outage.end()
                return replies
        raise AssertionError("the tries end by an answer or an error")

    def _log_outage(self, error: Exception) -> None:
        """Log an outage, but not that the server was never reached: then the error itself says so at the start."""
        if self._reached and not self._closed:
            self.outage.begin(error)

    def _rides_out(self, began: float) -> bool:
        return self._reached and asyncio.get_running_loop().time() < began + self._ride_out

    async def _connected(self) -> PipelinedConnection:
        """Open a connection. Callers that come meanwhile share it and its failure; each can be cancelled alone.

        Each gets an error of its own: the traceback of a shared one is that of whoever raised it last, and it is by the
        traceback that an error of the saver is told from one of the agent's.

        It is opened in no caller's context: a click may wait for one that a lane began to open.
        """
        if self._closed:
            raise redis.ConnectionError(CLOSED)
        if self._opening is None:
            context = contextvars.Context()
            self._opening = asyncio.create_task(self._replace(), name="redis connection", context=context)
            self._opening.add_done_callback(_mark_seen)
        opening = self._opening
        await asyncio.wait([opening])
        if opening.cancelled():
            raise redis.ConnectionError(CLOSED)
        if (error := opening.exception()) is not None:
            raise _copy(error)
        return opening.result()

    async def _replace(self) -> PipelinedConnection:
        try:
            if self._link is not None:
                await self._link.aclose()
            connection = await self._open()
            try:
                self._link = PipelinedConnection(connection, self._patience)
            except redis.ConnectionError:
                await connection.disconnect(nowait=True)
                raise
            self._reached = True
            return self._link
        finally:
            self._opening = None

    async def _open(self) -> Any:
        make: Callable[[], Any] = self._pool.make_connection
        connection = make()
        connection.retry = Retry(NoBackoff(), 0)  # `ask` tries again, for connections and answers alike
        connection.socket_timeout = connection.socket_connect_timeout = self._patience
        try:
            await connection.connect()
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        # `PipelinedConnection` has the timeout from here on. With one of its own, even an infinite one, redis-py would
        # take a socket's ETIMEDOUT for that, and give None as an answer.
        connection.socket_timeout = None
        return connection


def _mark_seen(opening: asyncio.Task[PipelinedConnection]) -> None:
    """Retrieve a failure that nobody waits for any more, so that asyncio does not log it."""
    if not opening.cancelled():
        opening.exception()


def _copy(error: BaseException) -> BaseException:
    """The same error without a traceback. What it came from goes along: `explain` says by it what to fix."""
    own = copy.copy(error)
    own.__cause__, own.__context__ = error.__cause__, error.__context__
    return own
