"""One connection for many calls at once: the same two methods as `Database`, about twice as fast under load.

Calls are written in the order they come: the first at once, and those of one turn of the event loop while others wait
in one packet. Redis answers in that order (https://valkey.io/topics/pipelining/). So an answer belongs to the oldest
call that waits, and it stays so:

* Nothing but the socket's own protocol reads, with no task between it and who waits. A caller that is cancelled leaves
  its place in the queue, and its answer is dropped there.
* Whatever goes wrong with the connection (an error, no answer to anybody for `patience` seconds while somebody waits, a
  server that says it is no primary any more) ends it as a whole: all who wait on it fail, none gets an answer of
  another connection, what was not sent yet is dropped, and the next call opens a new one.
* A call that fails so is repeated on the new connection, as a pool would: scripts are safe to run twice.
* The log says once that a call was given up, and once that the server answers again
  (`adapters.redis.transport.trouble`).

What waits in memory is what callers wait for; where a server does not read, new calls queue up behind `_ROOM` bytes and
leave nothing behind when they are cancelled.

A command that blocks (BLPOP, XREAD BLOCK) would hold up everybody, and MULTI would mix calls: use `Database` for those.
The connection is redis-py's own, made as its pool makes them, so that TLS, passwords and the handshake are its affair.
When it stands, its transport is given another protocol: through the streams of asyncio each answer would take a third
of the client's time, and another turn of the loop.
"""

import asyncio
import contextlib
import itertools
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

import hiredis
import redis
import redis.asyncio
from redis._parsers import BaseParser
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.exceptions import InvalidResponse, NoScriptError, ResponseError
from typing_extensions import override

from adapters.redis.transport.connection import check, first_unknown, read_all
from adapters.redis.transport.errors import LOST, is_no_primary
from adapters.redis.transport.pools import SOCKET_TIMEOUT, address_of, pool_of
from adapters.redis.transport.scripts import Arg, Call
from adapters.redis.transport.trouble import Outage

# In C: redis-py's own, in Python, would take a third of the client's time.
_pack: Callable[[Any], bytes] = hiredis.pack_command
# Which words of a server are which exception: redis-py's knowledge, private to it; a test notices when it moves.
_error: Callable[[str], Exception] = BaseParser.parse_error

_CLOSED = "the connection was closed"
_LOOKS = 4
_ROOM = 1 << 23
"""Bytes that may wait for a server to read them; calls beyond that wait for room."""
_SOCKET_ROOM = 1 << 20
"""Bytes that the kernel may hold of them on a unix socket, where it allows so many. TCP finds its own measure."""
RETRIES = 5
"""How often a call is sent again whose answer is lost."""
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
    ) -> None:
        self._pool = pool
        self._ride_out = ride_out
        self._reached = False
        self._retries = retries
        self._patience = patience
        self._closed = False
        self._link: _Link | None = None
        self._opening: asyncio.Task[_Link] | None = None
        self.outage = Outage(self.address)

    @classmethod
    def from_url(cls, url: str, *, patience: float = SOCKET_TIMEOUT, ride_out: float = 0.0) -> Self:
        """Make a connection that opens on first use; `patience` is how many seconds each answer may take.

        A call is sent again some times, and for `ride_out` seconds to a server that was reached before.
        Raises UnusableRedisError when `url` is not one of Redis.
        """
        return cls(pool_of(url), patience=patience, ride_out=ride_out)

    @property
    def address(self) -> str:
        """Where the server is, without user and password."""
        return address_of(self._pool)

    async def run(self, call: Call[R]) -> R:
        """Run one call. Raises redis.exceptions.RedisError when it cannot be answered, after some tries."""
        (reply,) = await self.ask((call.by_hash(),))
        if isinstance(reply, NoScriptError):
            (reply,) = await self.ask((call.by_source(),))
        if isinstance(reply, Exception):
            raise reply
        return call.read(reply)

    async def run_all(self, *calls: Call[R]) -> list[R]:
        """Run several calls in order and in one round trip; each is atomic, the whole is not.

        Raises the first error, after all have run.
        """
        replies = await self.ask([call.by_hash() for call in calls])
        if (unknown := first_unknown(replies)) is not None:
            replies[unknown:] = await self.ask([call.by_source() for call in calls[unknown:]])
        return read_all(calls, replies)

    async def check(self) -> list[str]:
        """Find out whether Signoff can work here: see `connection.check`."""
        return await check(self, self.address)

    async def aclose(self) -> None:
        """Close the connection; who still waits gets a ConnectionError."""
        self._closed = True
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
        """Send commands in one packet; gives their raw answers, errors among them. Sent again where one is lost."""
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
                    self._tell(error)
                    raise
                await asyncio.sleep(_BACKOFF.compute(failures))
            else:
                self.outage.end()
                return replies
        raise AssertionError("the tries end by an answer or an error")

    def _tell(self, error: Exception) -> None:
        """Who never reached the server is told so by the error itself, at its start."""
        if self._reached and not self._closed:
            self.outage.begin(error)

    def _rides_out(self, began: float) -> bool:
        return self._reached and asyncio.get_running_loop().time() < began + self._ride_out

    async def _connected(self) -> "_Link":
        """Open a connection. Whoever comes meanwhile shares the try and its failure, and may be cancelled alone."""
        if self._closed:
            raise redis.ConnectionError(_CLOSED)
        if self._opening is None:
            self._opening = asyncio.create_task(self._replace(), name="redis connection")
            self._opening.add_done_callback(_mark_seen)
        opening = self._opening
        await asyncio.wait([opening])
        if opening.cancelled():
            raise redis.ConnectionError(_CLOSED)
        return opening.result()

    async def _replace(self) -> "_Link":
        try:
            if self._link is not None:
                await self._link.aclose()
            self._link = _Link(await self._open(), self._patience)
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
        # From here on `_Link` looks at the time: with a limit of its own, even an infinite one, redis-py would take a
        # socket's ETIMEDOUT for that, and give None as an answer.
        connection.socket_timeout = None
        return connection


def _mark_seen(opening: "asyncio.Task[_Link]") -> None:
    """Let a failure go that nobody waits for any more."""
    if not opening.cancelled():
        opening.exception()


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
        # The writer is private, its public wrapper starts a task for each packet: a test notices when it moves.
        self._writer: asyncio.StreamWriter = connection._writer  # noqa: SLF001
        self._writer.transport.set_write_buffer_limits(high=_ROOM, low=_ROOM)
        _widen(self._writer.get_extra_info("socket"))
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._unsent: list[bytes] = []
        self._waiting: deque[_Packet] = deque()
        self._answered = 0
        self._watch: asyncio.TimerHandle | None = None
        self._writer.transport.set_protocol(_Answers(self, self._writer.transport.get_protocol()))

    @property
    def is_full(self) -> bool:
        """Whether so much waits to be sent that a call had better wait for `room`."""
        return self._writer.transport.get_write_buffer_size() > _ROOM

    def send(self, commands: Sequence[tuple[Arg, ...]]) -> "asyncio.Future[list[Any]]":
        """Send commands; gives what will be their answers."""
        packed = [_pack(command) for command in commands]
        packet = _Packet(len(packed), self._loop.create_future())
        if not self._waiting and not self._unsent:
            self._writer.write(b"".join(packed))
        else:
            if not self._unsent:
                self._loop.call_soon(self._flush)
            self._unsent += packed
        self._waiting.append(packet)
        if self._watch is None:
            self._arm()
        return packet.answered

    async def aclose(self) -> None:
        self.end(redis.ConnectionError(_CLOSED))
        await self._connection.disconnect()

    async def room(self) -> None:
        """Wait until the server has read most of what was sent, or the connection ends."""
        with contextlib.suppress(OSError):
            await self._writer.drain()
        if not self.lives:
            raise redis.ConnectionError("the connection was lost")

    def _flush(self) -> None:
        if self.lives:
            # Not `writelines`: up to Python 3.13.1 it never tells that the socket is full (CVE-2024-12254).
            self._writer.write(b"".join(self._unsent))
        self._unsent.clear()

    def give(self, reply: Any) -> None:
        """Give an answer to the oldest call that waits. Raises redis.ConnectionError for one that ends everything."""
        if isinstance(reply, redis.ConnectionError):
            raise reply
        if isinstance(reply, ResponseError) and is_no_primary(reply):
            raise redis.ConnectionError(str(reply))
        if not self._waiting:
            raise redis.ConnectionError("an answer that nobody asked for")
        packet = self._waiting[0]
        self._answered += 1
        packet.replies.append(reply)
        if len(packet.replies) < packet.commands:
            return
        self._waiting.popleft()
        if not packet.answered.done():  # else its caller was cancelled
            packet.answered.set_result(packet.replies)

    def end(self, error: Exception) -> None:
        """Fail all who wait, and let go of the socket: what it holds reaches nobody any more."""
        if not self.lives:
            return
        self.lives = False
        if self._watch is not None:
            self._watch.cancel()
        kind = next((kind for kind in LOST if isinstance(error, kind)), redis.ConnectionError)
        for packet in self._waiting:
            if not packet.answered.done():
                packet.answered.set_exception(kind(str(error)))
        self._waiting.clear()
        self._unsent.clear()
        self._writer.transport.abort()

    def _arm(self, silent: int = 0) -> None:
        """Look again in a while whether any answer came; `silent` looks before saw none."""
        self._watch = self._loop.call_later(self._patience / _LOOKS, self._look, self._answered, silent)

    def _look(self, answered: int, silent: int) -> None:
        """Several looks make one patience: a loop that was held up itself has read no answers, and looks once."""
        self._watch = None
        silent = silent + 1 if self._answered == answered else 0
        if self._waiting and silent == _LOOKS:
            self.end(redis.TimeoutError(f"no answer for {self._patience} seconds"))
        elif self._waiting:
            self._arm(silent)


def _widen(connected: socket.socket) -> None:
    """Let a state of some 100 kB go in one piece; the usual 200 kB cost a twentieth of a graph's time with such."""
    if connected.family == socket.AF_UNIX:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_ROOM)


class _Answers(asyncio.Protocol):
    """Reads answers as they arrive. What else befalls the socket, redis-py's own streams are told as well."""

    def __init__(self, link: _Link, streams: Any) -> None:
        self._link = link
        self._streams = streams
        self._parser = hiredis.Reader(protocolError=InvalidResponse, replyError=_error)

    @override
    def data_received(self, data: bytes) -> None:
        """Give what is complete to those who wait; nothing behind a failure is given to anybody."""
        try:
            self._parser.feed(data)
            while self._link.lives and (reply := self._parser.gets()) is not False:
                self._link.give(reply)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told
            self._link.end(error)

    @override
    def eof_received(self) -> None:
        self._link.end(redis.ConnectionError("the server closed the connection"))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        kind = redis.TimeoutError if isinstance(exc, TimeoutError) else redis.ConnectionError
        self._link.end(kind(str(exc or "the connection was lost")))
        self._streams.connection_lost(exc)

    @override
    def pause_writing(self) -> None:
        self._streams.pause_writing()

    @override
    def resume_writing(self) -> None:
        self._streams.resume_writing()
