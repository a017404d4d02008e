"""A proxy between a client and Redis that breaks connections on command, at any byte.

    async with BrokenWire(redis_url).serving() as wire:
        ...                           # a client of wire.url
        wire.newest.cut_reply(17)     # 17 more bytes of answers come through, then the connection is cut

It does not parse Redis: tests give positions and replies in bytes.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Literal

How = Literal["end", "reset"]
"""The kind of cut: an orderly end (FIN) or a reset (RST)."""

_CHUNK = 1 << 16
_NO_LINGER = struct.pack("ii", 1, 0)


class _CutError(Exception):
    pass


@dataclass(slots=True)
class _Direction:
    """One direction of a connection."""

    left: int | None = None
    """Bytes that still pass; None for no limit."""
    flows: asyncio.Event = field(default_factory=asyncio.Event)
    passed: int = 0
    taken: int = 0
    """Bytes received, including those that wait for `flows`."""

    def __post_init__(self) -> None:
        self.flows.set()


class Line:
    """One connection of the client, numbered from 1. Faults may be set at any time."""

    def __init__(self, number: int, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.how: How = "end"
        self.dribbles = False
        """True to send replies byte by byte."""
        self.requests, self.replies = _Direction(), _Direction()
        self.lost = asyncio.Event()
        self._writer = writer

    def cut_reply(self, after: int, how: How = "end") -> None:
        """Cut the connection after `after` more bytes of replies; 0: before the first."""
        self.replies.left, self.how = after, how

    def cut_request(self, after: int, how: How = "end") -> None:
        """Cut the connection after `after` more bytes of requests."""
        self.requests.left, self.how = after, how

    def say(self, words: bytes) -> None:
        """Send the client bytes that the server did not send."""
        self._writer.write(words)

    def half_close(self) -> None:
        """Send the client EOF; its own bytes are still read."""
        self._writer.write_eof()

    def cut(self) -> None:
        """Cut the connection now."""
        if self.how == "reset":
            self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self._writer.transport.abort()
        else:
            self._writer.close()
        self.lost.set()

    async def carry(self, up_reader: asyncio.StreamReader, up_writer: asyncio.StreamWriter, client: "_Client") -> None:
        """Forward both directions until either side ends or the connection is cut."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._requests(client.reader, up_writer))
                group.create_task(self._replies(up_reader))
        except* (_CutError, OSError):
            pass

    async def _requests(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while True:
            await self.requests.flows.wait()
            some = await source.read(_CHUNK)
            self.requests.taken += len(some)
            await self.requests.flows.wait()
            part = self._part(self.requests, some)
            target.write(part)
            await target.drain()
            if len(part) < len(some) or not some or self.requests.left == 0:
                raise _CutError

    async def _replies(self, source: asyncio.StreamReader) -> None:
        while True:
            some = await source.read(_CHUNK)
            self.replies.taken += len(some)
            await self.replies.flows.wait()
            part = self._part(self.replies, some)
            for piece in (bytes((byte,)) for byte in part) if self.dribbles else (part,):
                self._writer.write(piece)
                await self._writer.drain()
                await asyncio.sleep(0)
            if len(part) < len(some) or not some:
                raise _CutError

    def _part(self, way: _Direction, some: bytes) -> bytes:
        part = some if way.left is None else some[: way.left]
        way.passed += len(part)
        if way.left is not None:
            way.left -= len(part)
        return part


@dataclass(frozen=True, slots=True)
class _Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class BrokenWire:
    """A proxy for `upstream`, a unix or redis URL. A changed `upstream` applies to new connections.

    `begin` is called for each connection before anything is forwarded.
    """

    def __init__(self, upstream: str, begin: Callable[[Line], None] | None = None) -> None:
        self.upstream = upstream
        self.begin = begin
        self.lines: list[Line] = []
        self.url = ""
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def newest(self) -> Line:
        """The latest connection."""
        return self.lines[-1]

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["BrokenWire"]:
        """Serve on a free port."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_CHUNK)
        self.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        try:
            yield self
        finally:
            server.close()
            for task in self._serving:
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)
            await server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        line = Line(len(self.lines) + 1, writer)
        self.lines.append(line)
        try:
            if self.begin is not None:
                self.begin(line)
            up_reader, up_writer = await self._reach()
            try:
                await line.carry(up_reader, up_writer, _Client(reader, writer))
            finally:
                up_writer.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass  # the server is gone, or the test is over
        finally:
            line.cut()
            self._serving.discard(task)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.upstream.startswith("unix://"):
            return await asyncio.open_unix_connection(self.upstream.removeprefix("unix://"))
        host, _, port = self.upstream.removeprefix("redis://").partition("/")[0].partition(":")
        return await asyncio.open_connection(host, int(port))
