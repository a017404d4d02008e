"""One connection to Redis that many calls share, from its opening to its end.

Redis answers in the order of the commands (https://valkey.io/topics/pipelining/), so an answer belongs to the oldest
waiting call. This holds because:

* Only the socket's own protocol reads; no task stands between it and the callers. A cancelled caller leaves its place
  in the queue, and its answer is dropped there.
* Any failure (an error, no answer to anybody for `patience` seconds while somebody waits, a server that says it is no
  longer the primary) ends the whole connection: every waiting call fails, none gets an answer from another connection,
  and what was not sent yet is dropped.

If a server stops reading, new calls wait until fewer than `_ROOM` bytes are unsent; a call that is cancelled then
leaves nothing behind.

The connection is redis-py's own, made as its pool makes them, so TLS, passwords and the handshake are left to it. Once
it is open, its transport gets another protocol: asyncio's streams would cost a third of the client's time and another
turn of the loop for each answer.
"""

import asyncio
import contextlib
import contextvars
import itertools
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import hiredis
import redis
from redis._parsers import BaseParser
from redis.exceptions import InvalidResponse, ResponseError
from typing_extensions import override

from adapters.redis.transport.errors import LOST, is_no_primary
from adapters.redis.transport.scripts import Arg

# In C: redis-py's own, in Python, would take a third of the client's time.
_pack: Callable[[Any], bytes] = hiredis.pack_command
# Maps a server's error words to exceptions. Private to redis-py: a test fails when it moves.
_error: Callable[[str], Exception] = BaseParser.parse_error

CLOSED = "the connection was closed"
_LOOKS = 4
_NOBODYS = contextvars.Context()
"""A packet is sent and watched for all whose calls are in it: not in the context, nor with the priority, of one."""
_ROOM = 1 << 23
"""Bytes that may wait for a server to read them; calls beyond that wait for room."""
_READ = 1 << 18
"""Bytes that are read at once."""
_LARGE = 1 << 14
"""Bytes from which a command is not copied into one packet with others."""
_SOCKET_ROOM = 1 << 20
"""Bytes that the kernel may hold of them on a unix socket, where it allows so many. TCP sizes its own buffer."""


@dataclass(slots=True)
class _Packet:
    """Commands that were sent together, and their replies so far."""

    commands: int
    answered: "asyncio.Future[list[Any]]"
    replies: list[Any] = field(default_factory=list)


class PipelinedConnection:
    """A connection from its opening to its end; a lost one is never used again.

    Raises redis.ConnectionError where its socket is closed already.
    """

    def __init__(self, connection: Any, patience: float) -> None:
        self.lives = True
        self._connection = connection
        # The writer is private, its public wrapper starts a task for each packet: a test notices when it moves.
        self._writer: asyncio.StreamWriter = connection._writer  # noqa: SLF001
        if self._writer.transport.is_closing():
            raise redis.ConnectionError(CLOSED)
        self._writer.transport.set_write_buffer_limits(high=_ROOM, low=_ROOM)
        _widen(self._writer.get_extra_info("socket"))
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._unsent: list[bytes] = []
        self._waiting: deque[_Packet] = deque()
        self._answered = 0
        self._watch: asyncio.TimerHandle | None = None
        _hand_over(self._writer.transport, _Answers(self, self._writer.transport.get_protocol()))

    @property
    def is_full(self) -> bool:
        """True if so much is unsent that a call should wait for `room`."""
        return self._writer.transport.get_write_buffer_size() > _ROOM

    def send(self, commands: Sequence[tuple[Arg, ...]]) -> "asyncio.Future[list[Any]]":
        """Send commands; gives a future of their answers."""
        packed = [_pack(command) for command in commands]
        packet = _Packet(len(packed), self._loop.create_future())
        if self._is_shut():
            packet.answered.set_exception(redis.ConnectionError(CLOSED))
            return packet.answered
        if not self._waiting and not self._unsent:
            self._writer.write(b"".join(packed))
        else:
            if not self._unsent:
                self._loop.call_soon(self._flush, context=_NOBODYS)
            self._unsent += packed
        self._waiting.append(packet)
        if self._watch is None:
            self._arm()
        return packet.answered

    async def aclose(self) -> None:
        """Fail the waiting calls and close the socket."""
        self.end(redis.ConnectionError(CLOSED))
        await self._connection.disconnect()

    async def room(self) -> None:
        """Wait until the server has read most of what was sent, or the connection ends. Raises ConnectionError."""
        with contextlib.suppress(OSError):
            await self._writer.drain()
        if not self.lives:
            raise redis.ConnectionError("the connection was lost")

    def _is_shut(self) -> bool:
        """End a connection whose socket closed and nobody was told yet: uvloop raises RuntimeError at a write."""
        if self._writer.transport.is_closing():
            self.end(redis.ConnectionError(CLOSED))
        return not self.lives

    def _flush(self) -> None:
        if not self._is_shut():
            # Not `writelines`: up to Python 3.13.1 it never tells that the socket is full (CVE-2024-12254).
            for packet in _joined(self._unsent):
                self._writer.write(packet)
        self._unsent.clear()

    def give(self, reply: Any) -> None:
        """Give an answer to the oldest waiting call. Raises redis.ConnectionError for one that ends the connection."""
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
        """Fail all waiting calls and close the socket at once."""
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
        """Schedule the next look for answers; the `silent` looks before saw none."""
        seconds = self._patience / _LOOKS
        self._watch = self._loop.call_later(seconds, self._look, self._answered, silent, context=_NOBODYS)

    def _look(self, answered: int, silent: int) -> None:
        """End the connection after several silent looks; a blocked event loop, which reads nothing, counts as one."""
        self._watch = None
        silent = silent + 1 if self._answered == answered else 0
        if self._waiting and silent == _LOOKS:
            self.end(redis.TimeoutError(f"no answer for {self._patience} seconds"))
        elif self._waiting:
            self._arm(silent)


def _hand_over(transport: Any, protocol: asyncio.BufferedProtocol) -> None:
    """Let a protocol read. uvloop looks at its kind when reading begins, and asks nothing of a closed transport."""
    reads = not transport.is_closing()
    if reads:
        transport.pause_reading()
    transport.set_protocol(protocol)
    if reads:
        transport.resume_reading()


def _joined(pieces: Sequence[bytes]) -> Iterator[bytes]:
    """Join small pieces, each packet a system call; a large piece is not copied for that."""
    for large, some in itertools.groupby(pieces, lambda piece: len(piece) > _LARGE):
        if large:
            yield from some
        else:
            yield b"".join(some)


def _widen(connected: socket.socket) -> None:
    """Let a state of some 100 kB go in one piece: with the usual 200 kB such a graph takes 5% longer."""
    if connected.family == socket.AF_UNIX:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_ROOM)


class _Answers(asyncio.BufferedProtocol):
    """Reads answers as they arrive. Other transport callbacks are forwarded to redis-py's own streams.

    It reads into a buffer of its own: asyncio would otherwise allocate 256 kB for each answer, however short.
    """

    def __init__(self, link: PipelinedConnection, streams: Any) -> None:
        self._link = link
        self._streams = streams
        self._parser = hiredis.Reader(protocolError=InvalidResponse, replyError=_error)
        # A view: asyncio's TLS fills slices of it, and those of a bytearray would be copies.
        self._buffer: Any = memoryview(bytearray(_READ))

    @override
    def get_buffer(self, sizehint: int) -> Any:
        return self._buffer

    @override
    def buffer_updated(self, nbytes: int) -> None:
        """Give complete answers to the waiting calls; nothing after a failure is given to any."""
        try:
            self._parser.feed(self._buffer, 0, nbytes)
            while self._link.lives and (reply := self._parser.gets()) is not False:
                self._link.give(reply)
        except Exception as error:  # noqa: BLE001 - whatever it is, the waiting calls fail with it
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
