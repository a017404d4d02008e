"""One connection for all: whatever happens to it, an answer reaches the call that it belongs to, or none."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import hiredis
import pytest
import redis

from adapters.redis import embedded
from adapters.redis.transport.multiplexed import Multiplexed
from adapters.redis.transport.scripts import Command

Behave = Callable[[int, asyncio.StreamWriter, list[bytes]], Awaitable[None]]


@asynccontextmanager
async def server(behave: Behave) -> AsyncIterator[str]:
    """A small server that greets as Redis does, then behaves as told; connections are numbered from 1."""
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        mine, parser = connections, hiredis.Reader()
        try:
            while data := await reader.read(65536):
                parser.feed(data)
                while (words := parser.gets()) is not False:
                    if words[0] in (b"CLIENT", b"SELECT", b"HELLO"):
                        writer.write(b"+OK\r\n")
                    else:
                        await behave(mine, writer, words)
        except ConnectionError:
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"redis://127.0.0.1:{listening.sockets[0].getsockname()[1]}/0"


def echo(words: list[bytes]) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(words[1]), words[1])


async def say(transport: Multiplexed, text: str) -> str:
    answer = await transport.run(Command("ECHO", text))
    return bytes(answer).decode()


async def test_calls_of_many_tasks_share_one_connection_and_get_their_own_answers(redis_url: str) -> None:
    async with Multiplexed.from_url(redis_url) as transport:
        texts = [f"text {number}" * (1 + number % 50) for number in range(1_000)]
        assert await asyncio.gather(*(say(transport, text) for text in texts)) == texts
        clients = await transport.run(Command("CLIENT", "LIST"))
    assert clients.count(b"name=signoff ") == 1


async def test_short_and_long_calls_of_one_turn_keep_their_order(redis_url: str) -> None:
    """Short ones are joined, long ones go by themselves, and the longest answer is read in several pieces."""
    sizes = (1, 20_000, 5, 5, 700_000, 1, 16_385, 16_384)
    texts = [f"{number}" * size for size in sizes for number in range(10)]
    async with Multiplexed.from_url(redis_url) as transport:
        assert await asyncio.gather(*(say(transport, text) for text in texts)) == texts
        lists = await asyncio.gather(
            *(transport.run(Command("RPUSH", "signoff:{l}:mail:run", text[:20_000])) for text in texts)
        )
        assert lists == list(range(1, 1 + len(texts)))


async def test_a_cancelled_call_takes_nobody_elses_answer(redis_url: str) -> None:
    async with Multiplexed.from_url(redis_url) as transport:
        await say(transport, "warm")
        for _ in range(20):
            calls = [asyncio.create_task(say(transport, f"text {number}")) for number in range(30)]
            await asyncio.sleep(0)
            for cancelled in calls[::3]:
                cancelled.cancel()
            await asyncio.sleep(0)
            for cancelled in calls[1::3]:
                cancelled.cancel()
            after = await say(transport, "after")
            done = await asyncio.gather(*calls, return_exceptions=True)
            assert after == "after"
            assert done[2::3] == [f"text {number}" for number in range(2, 30, 3)]
            assert all(isinstance(one, asyncio.CancelledError) or one == f"text {at}" for at, one in enumerate(done))


async def test_the_error_of_one_call_is_its_own(redis_url: str) -> None:
    async with Multiplexed.from_url(redis_url) as transport:
        calls = (say(transport, "before"), transport.run(Command("NONSENSE")), say(transport, "after"))
        before, error, after = await asyncio.gather(*calls, return_exceptions=True)
    assert (before, after) == ("before", "after")
    assert isinstance(error, redis.ResponseError)


async def test_an_answer_cut_in_the_middle_is_asked_for_again_by_all_who_waited() -> None:
    async def behave(connection: int, writer: asyncio.StreamWriter, words: list[bytes]) -> None:
        if connection > 1 or words[1] == b"first":
            writer.write(echo(words))
        else:
            writer.write(echo(words)[:6])
            writer.close()

    async with server(behave) as url, Multiplexed.from_url(url) as transport:
        assert await say(transport, "first") == "first"
        assert list(await asyncio.gather(say(transport, "second"), say(transport, "third"))) == ["second", "third"]


async def test_a_late_answer_of_a_connection_that_was_given_up_reaches_nobody() -> None:
    late: list[Callable[[], None]] = []

    async def behave(connection: int, writer: asyncio.StreamWriter, words: list[bytes]) -> None:
        if connection == 1:
            late.append(lambda: writer.write(b"$4\r\nlate\r\n"))
        else:
            for answer in late:
                answer()
            writer.write(echo(words))

    async with server(behave) as url, Multiplexed.from_url(url, patience=0.05) as transport:
        assert list(await asyncio.gather(say(transport, "one"), say(transport, "two"))) == ["one", "two"]
    assert late


async def test_a_server_that_never_answers_is_a_timeout() -> None:
    async def behave(connection: int, writer: asyncio.StreamWriter, words: list[bytes]) -> None:
        del connection, writer, words

    async with server(behave) as url, Multiplexed.from_url(url, patience=0.01) as transport:
        with pytest.raises(redis.TimeoutError):
            await say(transport, "anybody?")


async def test_an_answer_that_nobody_asked_for_ends_the_connection() -> None:
    async def behave(connection: int, writer: asyncio.StreamWriter, words: list[bytes]) -> None:
        writer.write(echo(words) + (b"$5\r\nextra\r\n" if connection == 1 else b""))

    async with server(behave) as url, Multiplexed.from_url(url) as transport:
        assert await say(transport, "one") == "one"
        assert await say(transport, "two") == "two"
        assert await say(transport, "three") == "three"


async def test_who_waits_when_it_is_closed_is_told() -> None:
    begun = asyncio.Event()

    async def behave(connection: int, writer: asyncio.StreamWriter, words: list[bytes]) -> None:
        del connection, writer, words
        begun.set()

    async with server(behave) as url:
        transport = Multiplexed.from_url(url)
        call = asyncio.create_task(say(transport, "anybody?"))
        await begun.wait()
        await transport.aclose()
        with pytest.raises(redis.ConnectionError, match="closed"):
            await call
        with pytest.raises(redis.ConnectionError, match="closed"):
            await say(transport, "too late")


@pytest.mark.promise("P1")
async def test_it_outlives_a_restart_of_the_server(tmp_path: Path) -> None:
    async with embedded.running(tmp_path / "valkey") as url, Multiplexed.from_url(url) as transport:
        await transport.run(Command("SET", "kept", "yes"))
        pid = next(
            line.partition(b":")[2]
            for line in (await transport.run(Command("INFO", "server"))).splitlines()
            if line.startswith(b"process_id")
        )
        os.kill(int(pid), signal.SIGKILL)
        async with embedded.running(tmp_path / "valkey"):
            assert await transport.run(Command("GET", "kept")) == b"yes"


async def test_a_word_that_redis_cannot_take_fails_alone(redis_url: str) -> None:
    async with Multiplexed.from_url(redis_url) as transport:
        with pytest.raises(TypeError):
            await transport.run(Command("ECHO", None))  # type: ignore[arg-type]
        assert await say(transport, "after") == "after"


async def test_nobody_there_is_an_error_after_some_tries(tmp_path: Path) -> None:
    async with Multiplexed.from_url(f"unix://{tmp_path}/nobody.sock") as transport:
        with pytest.raises(redis.ConnectionError):
            await say(transport, "anybody?")
