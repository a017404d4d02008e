"""Redis dies (SIGKILL) at a write and is started again on its data folder, under a bot that goes on: nothing is lost.

The private Valkey answers a write only when it is on the disk. A write whose answer was lost is sent again, and finds
that it was done.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from crash.harness import NOT_SAVED, World, peopled
from crash.redis_proxy import At
from crash.sweep import chosen
from crash.tales import ANSWERED, APPROVED, EDITED, EXPIRED, Tale

from adapters.redis import embedded
from adapters.redis.embedded.server import pid_of


class Valkey:
    """The server of a folder, started again whenever it was killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._dead = asyncio.Event()
        self._starts = 0
        self.deaths = 0

    @contextlib.asynccontextmanager
    async def kept_alive(self) -> AsyncIterator[str]:
        """Give its URL, which stays the same."""
        async with embedded.running(self._folder) as url:
            keeping = asyncio.create_task(self._keep())
            try:
                yield url
            finally:
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)
                for _ in range(self._starts):
                    await embedded.release(self._folder)

    def kill(self) -> None:
        """Kill it."""
        os.kill(pid_of(self._folder), signal.SIGKILL)
        self.deaths += 1
        self._dead.set()

    async def _keep(self) -> None:
        while True:
            await self._dead.wait()
            self._dead.clear()
            await embedded.ensure(self._folder)
            self._starts += 1


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[tuple[Valkey, World]]:
    """A server of this test's own, and the world on it."""
    server = Valkey(tmp_path / "valkey")
    async with (
        server.kept_alive() as url,
        peopled(tmp_path) as slack,
    ):
        world = World(tmp_path, slack, url)
        try:
            yield server, world
        finally:
            world.close()


def writes() -> list[tuple[Tale, At]]:
    tales = (APPROVED, EDITED, ANSWERED, EXPIRED)
    every: list[tuple[Tale, At]] = [
        (tale, (when, number)) for tale in tales for when in ("before", "after") for number in range(1, tale.writes)
    ]
    some: list[tuple[Tale, At]] = [
        *((APPROVED, ("after", number, "WriteApproval")) for number in (1, 3, 4)),
        *((APPROVED, ("after", 2, name)) for name in ("AppendMail", "PutCheckpoint", "CompleteHead")),
        (EXPIRED, ("before", 17)),
    ]
    return chosen(every, some)


@pytest.mark.promise("P1")
@pytest.mark.parametrize(("tale", "write"), writes(), ids=str)
async def test_a_death_of_redis_changes_nothing(valkey: tuple[Valkey, World], tale: Tale, write: At) -> None:
    server, world = valkey
    tale.begin(world)
    async with world.kept_alive(write=write, kill=server.kill) as proxy:
        await tale.tell(world)
        await tale.is_true(world, NOT_SAVED)
    assert server.deaths == 1 or proxy.writes < write[1]
    assert world.killed == 0
