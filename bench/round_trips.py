"""How often Redis is asked between a click and its ack, counted on the wire."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.subject import Behind, running, subject
from bench.table import Bench
from bot.config.entries import Mode

CLICKS = 20


class Wire:
    """Carries bytes between unix sockets and counts round trips: words to the server after it last answered."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._group: set[asyncio.Task[None]] = set()
        self.round_trips = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        if (task := asyncio.current_task()) is not None:
            self._group.add(task)
            task.add_done_callback(self._group.discard)
        theirs, ours = await asyncio.open_unix_connection(self._server)
        waits = False

        async def there() -> None:
            nonlocal waits
            while data := await reader.read(65_536):
                self.round_trips += not waits
                waits = True
                ours.write(data)
            ours.write_eof()

        async def back() -> None:
            nonlocal waits
            while data := await theirs.read(65_536):
                waits = False
                writer.write(data)
            writer.close()

        await asyncio.gather(there(), back())
        ours.close()

    async def at_rest(self) -> None:
        """Wait until all connections are closed."""
        if self._group:
            await asyncio.wait(self._group)


@contextlib.asynccontextmanager
async def counted(redis_url: str) -> AsyncIterator[tuple[str, Wire]]:
    """A URL that leads to the same server, and the wire that counts."""
    wire = Wire(redis_url.removeprefix("unix://"))
    with TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "wire"
        async with await asyncio.start_unix_server(wire.carry, path):
            yield f"unix://{path}", wire
            await wire.at_rest()


async def of_a_click(bench: Bench) -> float:
    """Round trips of a click that decides; its effects wait."""
    async with subject(bench.slack, bench.redis_url, bench.folder, Mode.SOCKET, Behind.NOTHING) as made:
        approvals = await made.pending(CLICKS + 1)
    async with (
        counted(bench.redis_url) as (url, wire),
        running(bench.slack, url, bench.folder, Mode.SOCKET, Behind.NOTHING) as clicked,
    ):
        await clicked.click(approvals[:1])
        before = wire.round_trips
        await clicked.click(approvals[1:])
        return (wire.round_trips - before) / CLICKS


async def measure(bench: Bench) -> None:
    """A count: once is enough."""
    bench.table.add("Redis round trips from click to ack", await of_a_click(bench), aim="2")
