"""Stands between a bot and Valkey, and kills the bot at its K-th write.

Every connection is served strictly command by command, so that "before the K-th write" and "after it, its answer lost"
are exact. What counts as a write is a command that changes keys of ours; renewals of leases and reads do not.
"""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from adapters.redis.checkpointer.scripts import LoadCheckpoint, PutCheckpoint, PutWrites
from adapters.redis.graph_store.scripts import ApplyPuts
from adapters.redis.lanes.scripts import ClaimLane, CompleteHead, ReleaseLane, RemoveUnchanged, RenewLease
from adapters.redis.mailbox import AppendMail
from adapters.redis.stores.approval_scripts import WriteApproval, WriteEffects
from adapters.redis.stores.indexes import AddToIndex
from adapters.redis.transport import scripts
from adapters.redis.transport.scripts import DropMistypedKey

_NOT_WRITES = {b"GET", b"MGET", b"ZRANGE", b"ZRANGEBYSCORE", b"LINDEX", b"HVALS", b"HGET", b"SCAN", b"SMEMBERS"}
_SCRIPTS = (
    *(ClaimLane, CompleteHead, ReleaseLane, RenewLease, RemoveUnchanged, AppendMail, WriteApproval, WriteEffects),
    *(LoadCheckpoint, PutCheckpoint, PutWrites, DropMistypedKey, ApplyPuts, AddToIndex),
)
_NAMES = {
    spelled.encode(): script.__name__
    for script in _SCRIPTS
    for spelled in (scripts._layout(script).sha, scripts._layout(script).source)
}
_READING = ("RenewLease", "LoadCheckpoint", "DropMistypedKey")


At = tuple[str, int] | tuple[str, int, str]


class RedisProxy:
    """`kill` is called once, at the write that `at` names: ("before" | "after", K), or the K-th of a name as third.

    `names` are the writes so far.
    """

    def __init__(self, upstream: str, kill: Callable[[], None], at: At | None = None) -> None:
        self._upstream = upstream.removeprefix("unix://")
        self._kill = kill
        self._at = at
        self._serving: set[asyncio.Task[None]] = set()
        self.names: list[str] = []
        self.url = ""

    @property
    def writes(self) -> int:
        """How many writes there were."""
        return len(self.names)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["RedisProxy"]:
        """Serve on a socket of its own."""
        folder = Path(tempfile.mkdtemp(prefix="proxy-"))  # a short path: see unix(7)
        server = await asyncio.start_unix_server(self._accept, folder / "redis.sock", limit=1 << 24)
        self.url = f"unix://{folder / 'redis.sock'}"
        try:
            yield self
        finally:
            server.close()
            for task in self._serving:
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)
            await server.wait_closed()
            shutil.rmtree(folder)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            up_reader, up_writer = await asyncio.open_unix_connection(self._upstream, limit=1 << 24)
            try:
                await self._serve(reader, writer, up_reader, up_writer)
            finally:
                up_writer.close()
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            pass  # either side is gone
        finally:
            writer.close()
            self._serving.discard(task)

    async def _serve(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        up_reader: asyncio.StreamReader,
        up_writer: asyncio.StreamWriter,
    ) -> None:
        while True:
            raw = await _one(reader)
            words = _words(raw)
            counted = _is_write(words) and await _known(words, up_reader, up_writer)
            if counted:
                self.names.append(_name(words))
            when = self._when() if counted else ""
            if when == "before":
                self._die()
                return
            up_writer.write(raw)
            await up_writer.drain()
            reply = await _one(up_reader)
            if when == "after":
                self._die()
                return
            writer.write(reply)
            await writer.drain()
            if words[0].upper() in (b"SUBSCRIBE", b"PSUBSCRIBE"):
                await _both_ways(reader, writer, up_reader, up_writer)
                return

    def _when(self) -> str:
        """When to kill at the newest write: before or after it, or not at all."""
        match self._at:
            case (when, number) if number == len(self.names):
                return when
            case (when, number, name) if name == self.names[-1] and number == self.names.count(name):
                return when
            case _:
                return ""

    def _die(self) -> None:
        self._at = None
        self._kill()


def _is_write(words: list[bytes]) -> bool:
    command = words[0].upper()
    if command in _NOT_WRITES or _name(words) in _READING:
        return False
    ours = (b"signoff:{", b"signoff:dirty", b"signoff:dead", b"signoff:timers", b"signoff:items")
    return any(word.startswith(ours) for word in words[1:6])


async def _known(words: list[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Whether the server has the script: where it does not, the client asks again with the source."""
    if words[0].upper() != b"EVALSHA":
        return True
    writer.write(b"*3\r\n$6\r\nSCRIPT\r\n$6\r\nEXISTS\r\n$%d\r\n%b\r\n" % (len(words[1]), words[1]))
    await writer.drain()
    return b":1" in await _one(reader)


def _name(words: list[bytes]) -> str:
    return _NAMES.get(words[1] if len(words) > 1 else b"", words[0].decode())


async def _one(reader: asyncio.StreamReader) -> bytes:
    """One whole command or reply, as it stands on the wire: RESP 2 and 3."""
    line = await reader.readuntil(b"\r\n")
    kind, size = line[:1], line[1:-2]
    if kind in b"$!=" and size != b"-1":
        return line + await reader.readexactly(int(size) + 2)
    many = {b"*": 1, b"~": 1, b">": 1, b"%": 2, b"|": 2}.get(kind)
    if many is None or size == b"-1":
        return line
    return line + b"".join([await _one(reader) for _ in range(int(size) * many)])


def _words(raw: bytes) -> list[bytes]:
    """The words of a command: an array of bulk strings."""
    words, at = [], raw.index(b"\r\n") + 2
    while at < len(raw):
        end = raw.index(b"\r\n", at)
        size = int(raw[at + 1 : end])
        words.append(raw[end + 2 : end + 2 + size])
        at = end + 2 + size + 2
    return words


async def _both_ways(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    up_reader: asyncio.StreamReader,
    up_writer: asyncio.StreamWriter,
) -> None:
    """A subscription: messages come unasked."""

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while some := await source.read(1 << 16):
            target.write(some)
            await target.drain()
        raise ConnectionResetError

    await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer))
