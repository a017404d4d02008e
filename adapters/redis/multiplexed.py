"""One connection for many calls at once: the same two methods as `Database`, about twice as fast under load.

Calls are written in the order they come, all of one turn of the event loop in one packet, and Redis answers in that
order (https://valkey.io/topics/pipelining/). So an answer belongs to the oldest call that waits, and it stays so:

* Nothing but one task reads. A caller that is cancelled leaves its place in the queue, and its answer is dropped there.
* Whatever goes wrong with the connection (an error, the oldest call unanswered for `SOCKET_TIMEOUT`) ends it as a
  whole: all who wait on it fail, none gets an answer of another connection, and the next call opens a new one.
* A call that fails so is repeated on the new connection, as a pool would: scripts are safe to run twice.

A command that blocks (BLPOP, XREAD BLOCK) would hold up everybody, and MULTI would mix calls: use `Database` for those.
The connection is redis-py's own, made as its pool makes them, so that TLS, passwords and the handshake are its affair.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

import hiredis
import redis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.exceptions import ResponseError

from adapters.redis.connection import SOCKET_TIMEOUT, address_of, check, first_unknown, pool_of, read_all
from adapters.redis.scripts import Arg, Call

# In C: redis-py's own, in Python, would take a third of the client's time.
_pack: Callable[[Any], bytes] = hiredis.pack_command

_RETRIES = 5
_BACKOFF = ExponentialWithJitterBackoff(base=0.01, cap=0.5)

R = TypeVar("R")


class Multiplexed:
    """One shared connection to Redis. Use it as a context manager, or `aclose` it. For one event loop."""

    def __init__(self, pool: "redis.asyncio.ConnectionPool", *, patience: float = SOCKET_TIMEOUT) -> None:
        self._pool = pool
        self._patience = patience
        self._closed = False
        self._connecting = asyncio.Lock()
        self._link: _Link | None = None
        self._links: set[_Link] = set()

    @classmethod
    def from_url(cls, url: str, *, patience: float = SOCKET_TIMEOUT) -> Self:
        """Make a connection that opens on first use; `patience` is how many seconds an answer may take.

        Raises UnusableRedisError when `url` is not one of Redis.
        """
        return cls(pool_of(url), patience=patience)

    @property
    def address(self) -> str:
        """Where the server is, without user and password."""
        return address_of(self._pool.connection_kwargs)

    async def run(self, call: Call[R]) -> R:
        """Run one call. Raises redis.exceptions.RedisError when it cannot be answered, after some tries."""
        (result,) = await self.run_all(call)
        return result

    async def run_all(self, *calls: Call[R]) -> list[R]:
        """Run several calls in order and in one round trip; each is atomic, the whole is not.

        Raises the first error, after all have run.
        """
        replies = await self._ask([call.by_hash() for call in calls])
        if (unknown := first_unknown(replies)) is not None:
            replies[unknown:] = await self._ask([call.by_source() for call in calls[unknown:]])
        return read_all(calls, replies)

    async def check(self) -> list[str]:
        """Find out whether Signoff can work here: see `connection.check`."""
        return await check(self, self.address)

    async def aclose(self) -> None:
        """Close the connection; who still waits gets a ConnectionError."""
        self._closed = True
        async with self._connecting:
            for link in tuple(self._links):
                await link.aclose()
            self._links.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _ask(self, commands: Sequence[tuple[Arg, ...]]) -> list[Any]:
        """Send commands in one packet and wait for their answers, errors among them; again where one is lost."""
        for failures in range(1, _RETRIES + 2):
            try:
                link = self._link if self._link is not None and self._link.lives else await self._connected()
                return await link.ask(commands)
            except (redis.ConnectionError, redis.TimeoutError):
                if failures > _RETRIES or self._closed:
                    raise
                await asyncio.sleep(_BACKOFF.compute(failures))
        raise AssertionError("the last try returns or raises")

    async def _connected(self) -> "_Link":
        """Give the connection that lives, or open one."""
        async with self._connecting:
            if self._closed:
                raise redis.ConnectionError("the connection was closed")
            if self._link is None or not self._link.lives:
                for old in [link for link in self._links if not link.lives]:
                    self._links.discard(old)
                    await old.aclose()
                self._link = _Link(await self._open(), self._patience)
                self._links.add(self._link)
            return self._link

    async def _open(self) -> Any:
        make: Callable[[], Any] = self._pool.make_connection
        connection = make()
        connection.retry = Retry(NoBackoff(), 0)  # `_ask` tries again, for connections and answers alike
        try:
            await connection.connect()
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection


@dataclass(slots=True)
class _Packet:
    """Commands that were sent together, and what came back so far."""

    commands: int
    answered: "asyncio.Future[list[Any]]"
    replies: list[Any] = field(default_factory=list)


class _Link:
    """One connection from its opening to its end; a lost one is never used again."""

    def __init__(self, connection: Any, patience: float) -> None:
        self.lives = True
        self._connection = connection
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._unsent: list[bytes] = []
        self._waiting: deque[_Packet] = deque()
        self._answered = 0
        self._watch: asyncio.TimerHandle | None = None
        self._reader = asyncio.create_task(self._read(), name="redis answers")

    async def ask(self, commands: Sequence[tuple[Arg, ...]]) -> list[Any]:
        packed = [_pack(command) for command in commands]
        packet = _Packet(len(packed), self._loop.create_future())
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent += packed
        self._waiting.append(packet)
        if self._watch is None:
            self._arm()
        return await packet.answered

    async def aclose(self) -> None:
        self._end(redis.ConnectionError("the connection was closed"))
        self._reader.cancel()
        await asyncio.wait([self._reader])
        await self._connection.disconnect()

    def _flush(self) -> None:
        if self.lives:
            # The writer is private, its public wrapper starts a task for each packet: a test notices when it moves.
            self._connection._writer.writelines(self._unsent)  # noqa: SLF001
        self._unsent.clear()

    async def _read(self) -> None:
        """Give each answer to the oldest call that waits, until the connection fails."""
        try:
            while True:
                reply = await self._next()
                packet = self._waiting[0]
                self._answered += 1
                packet.replies.append(reply)
                if len(packet.replies) < packet.commands:
                    continue
                self._waiting.popleft()
                if not packet.answered.done():  # else its caller was cancelled
                    packet.answered.set_result(packet.replies)
        except (redis.RedisError, OSError, IndexError) as error:
            self._end(error)
        finally:
            self._end(redis.ConnectionError("the connection was closed"))

    async def _next(self) -> Any:
        try:
            return await self._connection.read_response(
                disable_decoding=True, timeout=math.inf, disconnect_on_error=False
            )
        except ResponseError as refusal:
            return refusal

    def _end(self, error: Exception) -> None:
        """Fail all who wait."""
        if not self.lives:
            return
        self.lives = False
        if self._watch is not None:
            self._watch.cancel()
        kind = redis.TimeoutError if isinstance(error, redis.TimeoutError) else redis.ConnectionError
        for packet in self._waiting:
            if not packet.answered.done():
                packet.answered.set_exception(kind(str(error)))
        self._waiting.clear()
        self._unsent.clear()

    def _arm(self) -> None:
        """Look again in a while whether any answer came."""
        self._watch = self._loop.call_later(self._patience, self._look, self._answered)

    def _look(self, answered: int) -> None:
        self._watch = None
        if self._waiting and self._answered == answered:
            self._end(redis.TimeoutError(f"no answer for {self._patience} seconds"))
            self._reader.cancel()
        elif self._waiting:
            self._arm()
