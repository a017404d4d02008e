"""With `?wait=1` replicas have what is acknowledged, and a replica that is away holds up nothing for long."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from fakes import servers
from fakes.valkey import wait_until

from adapters.redis.keys import Keys
from adapters.redis.lanes.scripts import ClaimLane
from adapters.redis.mailbox import STAMPS, AppendMail
from adapters.redis.transport import deployments
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.replicated import WAIT_MS
from adapters.redis.transport.scripts import Command

KEYS = Keys()


@pytest.fixture(scope="module")
def pair() -> Iterator[servers.Watched]:
    """A primary with a replica."""
    with servers.watched() as pair:
        yield pair


@pytest.fixture
async def waiting(pair: servers.Watched) -> AsyncIterator[AsyncTransport]:
    async with deployments.multiplexed(f"redis://127.0.0.1:{pair.primary.port}?wait=1") as database:
        await database.run(message())  # both connections are open, and the server knows the script
        yield database


def message() -> AppendMail:
    stamp = STAMPS.next()
    return AppendMail(KEYS.mail("t", "run"), KEYS.seen("t", "run", str(stamp)), 60, stamp, b"message")


@pytest.mark.promise("P1")
async def test_a_replica_has_what_is_acknowledged(pair: servers.Watched, waiting: AsyncTransport) -> None:
    call = message()
    with pair.replica.frozen():
        written = asyncio.ensure_future(waiting.run(call))
        await asyncio.to_thread(wait_until, lambda: pair.primary.client.exists(call.seen), "the primary has it")
        assert await waiting.run(Command("PING")) == b"PONG", "what is not acknowledged goes on"
        assert not written.done()
    assert await written
    assert pair.replica.client.exists(call.seen)


async def test_a_repeated_call_is_waited_for_too(pair: servers.Watched, waiting: AsyncTransport) -> None:
    """Its connection may be a new one, of whose writes the server knows nothing."""
    call = message()
    lane = (KEYS.lease("t", "run"), KEYS.fence("t", "run"), KEYS.tries("t", "run"))
    for each in (call, ClaimLane(call.box, *lane, "visit", 10_000)):
        first = await waiting.run(each)
        before = pair.primary.client.info("replication")["master_repl_offset"]
        assert await waiting.run(each) == first
        assert pair.primary.client.info("replication")["master_repl_offset"] > before


async def test_a_replica_that_is_away_is_waited_for_once(
    pair: servers.Watched, waiting: AsyncTransport, caplog: pytest.LogCaptureFixture
) -> None:
    with pair.replica.frozen():
        assert await waiting.run(message())
        began = time.monotonic()
        assert all([await waiting.run(message()) for _ in range(10)])
        assert time.monotonic() - began < 10 * WAIT_MS / 1000
    assert "are late (0 of 1 answered): clicks are acknowledged before they have them" in caplog.text

    await asyncio.to_thread(servers.follow, pair.replica, pair.primary)
    for _ in range(3):  # the first finds out that nobody has to be waited for any more
        await waiting.run(message())
    assert "answer in time again" in caplog.text
    assert caplog.text.count("are late") == 1
