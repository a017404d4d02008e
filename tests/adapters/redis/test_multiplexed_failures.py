"""Whatever happens to the socket or the server, a call gets its own answer, or an error, and later calls work again.

Every call here has a word of its own, and knows its answer: one that is given to a wrong call fails the test.
"""

import asyncio
import contextlib
import os
import random
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from traceback import walk_tb
from typing import Any

import pytest
import redis
import uvloop
from fakes import servers
from fakes.broken_wire import BrokenWire, How, Line
from fakes.people import wait_until
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.redis import embedded
from adapters.redis.embedded.server import pid_of
from adapters.redis.transport import pipelined
from adapters.redis.transport.multiplexed import Multiplexed
from adapters.redis.transport.pools import pool_of
from adapters.redis.transport.scripts import Command, Key, Script

EXAMPLES = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
HOWS: tuple[How, ...] = ("end", "reset")
NO_ANSWER = b"!@#&;?ABCxyz019 \x00\x07\xff"
"""Bytes that begin no answer of RESP."""
DEATHS = 3
LOST = (redis.ConnectionError, redis.TimeoutError)


@dataclass(frozen=True, slots=True)
class Say(Script[str]):
    """An answer with lists in it."""

    LUA = "return {word, 'and', {word, false, 7}}"
    word: str

    def read(self, reply: Any) -> str:
        first, _, (second, nothing, number) = reply
        assert (first, nothing, number) == (second, None, 7), "parts of two answers"
        return str(first.decode())


@dataclass(frozen=True, slots=True)
class Refuse(Script[None]):
    """An answer that is an error."""

    LUA = "return redis.error_reply('REFUSED ' .. word)"
    word: str

    def read(self, reply: Any) -> None:
        raise AssertionError(f"{reply!r} is no refusal")


@dataclass(frozen=True, slots=True)
class Note(Script[int]):
    """A write; safe to run twice."""

    LUA = "redis.call('SADD', notes, word) redis.call('EXPIRE', notes, 60) return tonumber(word)"
    notes: Key
    word: int

    def read(self, reply: Any) -> int:
        return int(reply)


async def talk(transport: Multiplexed, word: str, kind: int = 0) -> str:
    """Make one of several kinds of call, and look whether the answer is its own; gives `word`."""
    match kind % 5:
        case 0:
            answer = await transport.run(Command("ECHO", word))
            assert answer == word.encode(), f"{word[:50]} was answered {answer[:50]!r}"
        case 1:
            said = await transport.run(Say(word))
            assert said == word, f"{word[:50]} was answered {said[:50]}"
        case 2:
            with pytest.raises(redis.ResponseError) as refused:
                await transport.run(Refuse(word))
            assert str(refused.value).split() == ["REFUSED", word]
        case 3:
            both = await transport.run_all(Say(word + "a"), Command("ECHO", word), Say(word + "b"))
            assert both == [word + "a", word.encode(), word + "b"]
        case _:
            assert await transport.run(Command("GET", f"nothing-{word}")) is None
    return word


async def talks(transport: Multiplexed, words: Iterable[str]) -> None:
    """Make calls of all kinds at once; each must be answered."""
    await asyncio.wait_for(asyncio.gather(*(talk(transport, word, kind) for kind, word in enumerate(words))), 60)


def words(number: int, size: int = 0) -> list[str]:
    """Words that differ, of about `size` characters."""
    return [f"{at}.".ljust(size, "abcdefgh"[at % 8]) + f".{at}" for at in range(number)]


@contextlib.asynccontextmanager
async def over(wire: BrokenWire, patience: float = 5.0) -> AsyncIterator[Multiplexed]:
    """Connect by way of a wire, and know all scripts."""
    async with wire.serving(), Multiplexed.from_url(wire.url, patience=patience) as transport:
        if wire.begin is None:
            await talks(transport, words(5))
        yield transport


# The wire is cut ------------------------------------------------------------------------------------------------------


async def test_an_answer_may_be_cut_at_any_byte(redis_server: str) -> None:
    async with over(BrokenWire(redis_server)) as transport:
        pass
    wire = BrokenWire(redis_server)
    async with over(wire) as transport:
        before = wire.newest.replies.passed
        await talks(transport, words(5))
        whole = wire.newest.replies.passed - before
        assert whole > 100
        for cut in range(whole):
            line = wire.newest
            line.cut_reply(cut, "reset" if cut % 2 else "end")
            await talks(transport, words(5))
            assert line.lost.is_set()
            assert wire.newest.number == line.number + 1


@EXAMPLES
@given(
    sizes=st.lists(st.integers(0, 3_000), min_size=1, max_size=30),
    cut=st.floats(0, 1, exclude_max=True),
    of_requests=st.booleans(),
    how=st.sampled_from(HOWS),
)
def test_many_calls_may_be_cut_anywhere(
    redis_server: str, *, sizes: list[int], cut: float, of_requests: bool, how: How
) -> None:
    async def main() -> None:
        wire = BrokenWire(redis_server)
        said = [f"{at}.".ljust(size, "x") for at, size in enumerate(sizes)]
        async with over(wire) as transport:
            line = wire.newest
            least = sum(sizes)  # fewer bytes than go either way
            if of_requests:
                line.cut_request(int(cut * least), how)
            else:
                line.cut_reply(int(cut * least), how)
            await talks(transport, said)
            await talks(transport, said)
            assert line.lost.is_set()
            assert len(wire.lines) == 2

    asyncio.run(main())


@settings(EXAMPLES, max_examples=25)
@given(seed=st.integers(0, 2**32), dribbles=st.booleans())
def test_a_storm_of_cuts_and_cancellations(redis_server: str, *, seed: int, dribbles: bool) -> None:
    """The first 4 connections are cut somewhere, also in the handshake; each call has 6 tries."""
    dice = random.Random(seed)  # noqa: S311 - a storm that can be repeated

    def begin(line: Line) -> None:
        if line.number <= 4:
            (line.cut_reply if dice.random() < 0.7 else line.cut_request)(
                dice.randrange(4_000), "reset" if dice.random() < 0.5 else "end"
            )
            line.dribbles = dribbles

    async def main() -> None:
        async with over(BrokenWire(redis_server, begin)) as transport:
            calls = [
                asyncio.create_task(talk(transport, word, dice.randrange(5)))
                for word in words(100, dice.choice((0, 0, 500)))
            ]
            cancelled = set(dice.sample(range(100), 30))
            for at in cancelled:
                for _ in range(dice.randrange(4)):
                    await asyncio.sleep(0)
                calls[at].cancel()
            done = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 60)
            for at, one in enumerate(done):
                assert not isinstance(one, BaseException) or (
                    at in cancelled and isinstance(one, asyncio.CancelledError)
                ), f"call {at}: {one!r}"
            await talks(transport, words(20))

    asyncio.run(main())


@EXAMPLES
@given(garbage=st.sampled_from(NO_ANSWER))
def test_garbage_ends_the_connection(redis_server: str, garbage: int) -> None:
    async def main() -> None:
        wire = BrokenWire(redis_server)
        async with over(wire) as transport:
            line = wire.newest
            line.replies.flows.clear()
            calls = asyncio.create_task(talks(transport, words(10)))
            await asyncio.sleep(0)
            line.say(bytes((garbage,)))
            line.replies.flows.set()
            await calls
            await talks(transport, words(10))
            assert len(wire.lines) == 2

    asyncio.run(main())


@pytest.mark.parametrize("error", [b"-MOVED nonsense\r\n", b"-ASK 1\r\n", b"-\r\n", b"-ERR \xff\xfe\r\n"])
async def test_an_error_that_makes_no_sense_leaves_nobody_waiting(redis_server: str, error: bytes) -> None:
    wire, complaints = BrokenWire(redis_server), list[Any]()
    asyncio.get_running_loop().set_exception_handler(lambda _, complaint: complaints.append(complaint))
    async with over(wire) as transport:
        wire.newest.replies.flows.clear()
        call = asyncio.create_task(transport.run(Command("ECHO", "one")))
        other = asyncio.create_task(transport.run(Command("ECHO", "two")))
        await asyncio.sleep(0)
        wire.newest.say(error)
        with contextlib.suppress(redis.RedisError):
            await asyncio.wait_for(call, 20)
        other.cancel()
        await asyncio.wait([other])
        wire.newest.cut()
        await talks(transport, words(10))
    assert complaints == []


async def test_an_answer_that_nobody_asked_for_ends_the_connection(redis_server: str) -> None:
    wire = BrokenWire(redis_server)
    async with over(wire) as transport:
        link = transport._link
        assert link is not None
        wire.newest.say(b"$5\r\nextra\r\n")
        await wait_until(as_async(lambda: not link.lives))
        await talks(transport, words(20))
        assert len(wire.lines) == 2


async def call_once_it_closed(connection: Any) -> None:
    link = pipelined.PipelinedConnection(connection, 60.0)
    connection._writer.transport.abort()
    await link.send([("PING",)])


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("at_once", [True, False], ids=["before it was handed over", "after"])
def test_a_socket_that_closed_unnoticed_is_left_at_the_next_call(
    redis_server: str, new_loop: Callable[[], asyncio.AbstractEventLoop], *, at_once: bool
) -> None:
    async def close_and_call() -> None:
        pool: Any = pool_of(redis_server)
        connection = pool.make_connection()
        await connection.connect()
        if at_once:
            connection._writer.transport.abort()
            await asyncio.sleep(0)
        with pytest.raises(redis.ConnectionError):
            await call_once_it_closed(connection)
        await connection.disconnect(nowait=True)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(asyncio.wait_for(close_and_call(), 30.0))


async def test_a_half_closed_socket_is_left(redis_server: str) -> None:
    wire = BrokenWire(redis_server)
    async with over(wire) as transport:
        wire.newest.replies.flows.clear()
        calls = asyncio.create_task(talks(transport, words(20)))
        await asyncio.sleep(0)
        wire.newest.half_close()
        await calls
        assert len(wire.lines) == 2
        wire.newest.half_close()  # while nobody waits
        await talks(transport, words(20))
        assert len(wire.lines) == 3


async def test_answers_may_come_byte_by_byte(redis_server: str) -> None:
    wire = BrokenWire(redis_server)
    async with over(wire) as transport:
        wire.newest.dribbles = True
        await talks(transport, words(100))
        assert len(wire.lines) == 1


# The server is slow, or gone ------------------------------------------------------------------------------------------


async def test_answers_that_come_too_late_reach_nobody(redis_server: str) -> None:
    wire = BrokenWire(redis_server)
    async with over(wire, patience=0.3) as transport:
        slow = wire.newest
        slow.replies.flows.clear()
        await talks(transport, words(50))
        slow.replies.flows.set()
        await talks(transport, [f"later {word}".replace(" ", "-") for word in words(50)])
        await asyncio.wait_for(slow.lost.wait(), 20)
        assert len(wire.lines) == 2


async def test_a_socket_that_the_kernel_gives_up_answers_nobody(redis_server: str) -> None:
    """ETIMEDOUT is an OSError and a TimeoutError both; once it was read as the answer None."""
    wire = BrokenWire(redis_server)
    async with wire.serving():
        pool = pool_of(wire.url)
        given_up = {"socket_keepalive": True, "socket_keepalive_options": {socket.TCP_USER_TIMEOUT: 300}}
        pool.connection_kwargs.update(given_up)
        async with Multiplexed(pool, patience=30, retries=0) as transport:
            await talks(transport, words(5))
            wire.newest.requests.flows.clear()
            small = [asyncio.create_task(talk(transport, word)) for word in words(10)]
            large = asyncio.create_task(transport.run(Command("ECHO", "x" * 20_000_000)))
            done = await asyncio.wait_for(asyncio.gather(*small, large, return_exceptions=True), 60)
            assert all(isinstance(one, LOST) for one in done)
            await talks(transport, words(5))
            assert len(wire.lines) == 2


@contextlib.asynccontextmanager
async def own_server(folder: Path) -> AsyncIterator[tuple[str, Callable[[], int]]]:
    """A server of this test's own, and its pid of the moment."""
    try:
        async with embedded.running(folder) as url:
            try:
                yield url, lambda: pid_of(folder)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid_of(folder), signal.SIGCONT)
                with contextlib.suppress(redis.ConnectionError), redis.Redis.from_url(url) as client:
                    client.replicaof("NO", "ONE")
    finally:
        for _ in range(DEATHS):  # as often as a test may have started it again
            await embedded.release(folder)


async def test_a_server_that_slept_answers_late_and_nobody_is_confused(tmp_path: Path) -> None:
    async with own_server(tmp_path / "valkey") as (url, pid), Multiplexed.from_url(url, patience=0.2) as transport:
        await talks(transport, words(5))
        first = transport._link
        assert first is not None
        os.kill(pid(), signal.SIGSTOP)
        calls = asyncio.create_task(talks(transport, words(100, 200)))
        await wait_until(as_async(lambda: not first.lives), instead=lambda: "the first connection is not given up")
        os.kill(pid(), signal.SIGCONT)
        await calls
        await talks(transport, words(100, 300))


async def test_a_server_that_sleeps_on_is_a_timeout_for_all_and_then_forgotten(tmp_path: Path) -> None:
    async with (
        own_server(tmp_path / "valkey") as (url, pid),
        Multiplexed(pool_of(url), patience=0.1, retries=1) as transport,
    ):
        await talks(transport, words(5))
        os.kill(pid(), signal.SIGSTOP)
        calls = [asyncio.create_task(talk(transport, word)) for word in words(100)]
        done = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 60)
        assert all(isinstance(one, LOST) for one in done)
        os.kill(pid(), signal.SIGCONT)
        await wait_until(answers(transport), instead=lambda: "it woke and is not used")
        await talks(transport, words(100))


async def test_a_server_that_takes_no_handshake_is_tried_once_for_all(redis_server: str) -> None:
    wire = BrokenWire(redis_server, begin=lambda line: line.replies.flows.clear())
    async with over(wire, patience=0.05) as transport:
        calls = [asyncio.create_task(talk(transport, word)) for word in words(200)]
        done = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 60)
    assert {type(one) for one in done} == {redis.TimeoutError}
    assert len(wire.lines) < 60, "callers pause for different times, but 1,200 tries are shared"


async def test_each_call_that_shares_a_failed_connection_has_an_error_of_its_own() -> None:
    """By its traceback an error of the saver is told from the agent's: it must lead to the call that failed."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"redis://127.0.0.1:{nobody.getsockname()[1]}"

    async def of_a_saver(transport: Multiplexed) -> None:
        await transport.ask([(b"PING",)])

    async def of_another(transport: Multiplexed) -> None:
        await transport.ask([(b"PING",)])

    async with Multiplexed(pool_of(url), retries=0) as transport:
        callers = (of_a_saver, of_another)
        errors = await asyncio.gather(*(each(transport) for each in callers), return_exceptions=True)
    for caller, error in zip(callers, errors, strict=True):
        assert isinstance(error, redis.ConnectionError)
        assert caller.__name__ in [frame.f_code.co_name for frame, _ in walk_tb(error.__traceback__)]


async def test_an_event_loop_that_was_held_up_does_not_blame_the_server(redis_server: str) -> None:
    async with Multiplexed.from_url(redis_server, patience=0.2) as transport:
        before = await transport.run(Command("CLIENT", "ID"))
        link = transport._link
        assert link is not None
        for _ in range(3):
            await wait_until(as_async(lambda: link._watch is None))  # what is looked at begins with the next call
            calls = asyncio.create_task(talks(transport, words(20)))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            time.sleep(0.3)  # noqa: ASYNC251 - somebody's code that blocks
            await calls
        assert await transport.run(Command("CLIENT", "ID")) == before


async def test_scripts_may_be_forgotten_at_any_time(redis_server: str) -> None:
    async with Multiplexed.from_url(redis_server) as transport, Multiplexed.from_url(redis_server) as other:
        flushed = 0

        async def flush() -> None:
            nonlocal flushed
            while True:
                await other.run(Command("SCRIPT", "FLUSH"))
                flushed += 1

        flushing = asyncio.create_task(flush())
        for _ in range(20):
            await talks(transport, words(50))
        flushing.cancel()
        await asyncio.wait([flushing])
        assert flushed > 20


@pytest.mark.promise("P1")
async def test_a_server_may_be_killed_and_started_again_under_load(tmp_path: Path, redis_server: str) -> None:
    del redis_server
    folder = tmp_path / "valkey"
    async with own_server(folder) as (url, pid), Multiplexed.from_url(url) as transport:
        notes, acknowledged, lost = Key("test:{notes}"), set[int](), 0
        over_now = asyncio.Event()

        async def load(first: int) -> None:
            nonlocal lost
            number = first
            while not over_now.is_set():
                number += 20
                try:
                    assert await transport.run(Note(notes, number)) == number
                    acknowledged.add(number)
                    await talk(transport, f"word-{number}", number)
                except LOST:
                    lost += 1

        loads = [asyncio.create_task(load(first)) for first in range(20)]
        for _ in range(DEATHS):
            seen = len(acknowledged)
            await wait_until(
                as_async(lambda seen=seen: len(acknowledged) > seen + 100),  # type: ignore[misc]
                instead=lambda: "no more load",
            )
            os.kill(pid(), signal.SIGKILL)
            await embedded.ensure(folder)
        over_now.set()
        await asyncio.wait_for(asyncio.gather(*loads), 60)
        kept = {int(word) for word in await transport.run(Command("SMEMBERS", notes))}
        assert acknowledged <= kept


# Another server is the primary now ------------------------------------------------------------------------------------


@pytest.mark.parametrize("stale", ["yes", "no"])
async def test_a_server_that_is_no_primary_any_more_is_left(tmp_path: Path, redis_server: str, stale: str) -> None:
    """READONLY for writes, or MASTERDOWN for all: an address of a managed Redis moves to the new primary."""
    async with own_server(tmp_path / "valkey") as (old, _):
        wire = BrokenWire(old)
        notes = Key(f"test:{{moved {stale}}}")
        async with over(wire) as transport:
            await transport.run(Note(notes, 0))
            await transport.run(Command("CONFIG", "SET", "replica-serve-stale-data", stale))
            await transport.run(Command("REPLICAOF", "127.0.0.1", "1"))
            wire.upstream = redis_server
            done = await asyncio.gather(*(transport.run(Note(notes, number)) for number in range(1, 21)))
            assert done == list(range(1, 21))
            kept = await transport.run(Command("SMEMBERS", notes))
            assert {int(word) for word in kept} == set(range(1, 21))
            assert len(wire.lines) == 2


@pytest.mark.parametrize(
    "refusal",
    [
        b"-READONLY You can't write against a read only replica.",
        b"-ERR Error running script (call to f_1): @user_script:1: -READONLY You can't write against a replica.",
        b"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        b"-LOADING Redis is loading the dataset in memory",
    ],
)
async def test_what_a_server_in_a_fail_over_says_is_no_answer(redis_server: str, refusal: bytes) -> None:
    wire = BrokenWire(redis_server)
    async with over(wire) as transport:
        line = wire.newest
        line.replies.flows.clear()
        calls = asyncio.create_task(talks(transport, words(20)))
        await asyncio.sleep(0)
        line.say(refusal + b"\r\n")
        await calls
        assert len(wire.lines) == 2


async def test_a_server_that_stays_a_replica_is_an_error(tmp_path: Path) -> None:
    async with own_server(tmp_path / "valkey") as (url, _), Multiplexed.from_url(url) as transport:
        await transport.run(Command("REPLICAOF", "127.0.0.1", "1"))
        with pytest.raises(redis.RedisError, match="read only"):
            await transport.run(Note(Key("test:{notes}"), 1))


# Much at once ---------------------------------------------------------------------------------------------------------


async def test_a_huge_answer_among_small_ones(redis_server: str) -> None:
    async with Multiplexed.from_url(redis_server) as transport:
        huge = "huge" * 2_621_440
        calls = [talk(transport, word, kind) for kind, word in enumerate(words(100))]
        await asyncio.gather(*calls[:50], talk(transport, huge, 0), talk(transport, huge[1:], 1), *calls[50:])


async def test_5000_calls_at_once_and_a_cut_among_them(redis_server: str) -> None:
    wire = BrokenWire(redis_server)
    async with over(wire) as transport:
        await talks(transport, words(5_000))
        assert len(wire.lines) == 1
        wire.newest.cut_reply(50_000)
        await talks(transport, words(5_000, 20))
        assert len(wire.lines) == 2


async def test_no_calls_take_nobodys_answer(redis_server: str) -> None:
    async with Multiplexed.from_url(redis_server) as transport:
        nothing: list[Awaitable[list[Any]]] = [transport.run_all() for _ in range(10)]
        some = [talk(transport, word, kind) for kind, word in enumerate(words(10))]
        mixed: list[Awaitable[Any]] = [call for pair in zip(nothing, some, strict=True) for call in pair]
        done = await asyncio.wait_for(asyncio.gather(*mixed), 20)
        assert done[0::2] == [[]] * 10


async def test_what_waits_for_a_server_that_does_not_read_is_bounded(redis_server: str) -> None:
    wire = BrokenWire(redis_server)
    async with over(wire, patience=30) as transport:
        await stalls(wire, transport)


async def stalls(wire: BrokenWire, transport: Multiplexed) -> None:
    """Callers give up, and come again, while the server does not read; then it does."""
    before = len(wire.lines)
    wire.newest.requests.flows.clear()
    link = transport._link
    assert link is not None
    for _ in range(5):
        calls = []
        for word in words(10, 1_000_000):
            calls.append(asyncio.create_task(talk(transport, word)))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
    assert link._writer.transport.get_write_buffer_size() <= pipelined._ROOM + 1_100_000
    last = asyncio.create_task(talks(transport, words(20, 1_000_000)))
    wire.newest.requests.flows.set()
    await last
    assert len(wire.lines) == before


# TLS ------------------------------------------------------------------------------------------------------------------


@servers.needs_redis
async def test_tls_hides_no_fault(tmp_path: Path) -> None:
    assert servers.REDIS is not None
    with servers.secure(tmp_path, servers.REDIS) as (port, authority):
        wire = BrokenWire(f"redis://127.0.0.1:{port}")
        async with wire.serving():
            url = f"rediss://{wire.url.removeprefix('redis://')}?ssl_ca_certs={authority}"
            async with Multiplexed.from_url(url, patience=30) as transport:
                await talks(transport, words(20))
                for cut in range(0, 900, 29):
                    line, how = wire.newest, HOWS[cut % 2]
                    (line.cut_request if cut % 3 else line.cut_reply)(cut, how)
                    await talks(transport, words(40))
                    assert line.lost.is_set()
                    assert wire.newest.number == line.number + 1
                for fault in (wire.newest.half_close, lambda: wire.newest.say(b"\x17\x03\x03\x00\x01!")):
                    line = wire.newest
                    line.replies.flows.clear()
                    calls = asyncio.create_task(talks(transport, words(20)))
                    await asyncio.sleep(0)
                    fault()
                    line.replies.flows.set()
                    await calls
                    assert wire.newest.number == line.number + 1
                await stalls(wire, transport)
                wire.newest.requests.flows.clear()
                waiting = asyncio.create_task(talk(transport, "x" * 20_000_000))
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            with pytest.raises(redis.ConnectionError, match="closed"):
                await waiting


# Closed ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["connecting", "unsent", "no room", "waiting", "between two tries"])
async def test_closing_leaves_nobody_waiting(redis_server: str, where: str) -> None:
    wire = BrokenWire(redis_server)
    if where == "connecting":
        wire.begin = lambda line: line.replies.flows.clear()
    if where == "between two tries":
        wire.begin = lambda line: line.cut()
    async with wire.serving():
        transport = Multiplexed.from_url(wire.url)
        if wire.begin is None:
            await talks(transport, words(5))
            wire.newest.requests.flows.clear()
        calls = [
            asyncio.create_task(talk(transport, word)) for word in words(50, 1_000_000 if where == "no room" else 9)
        ]
        if where == "unsent":
            await asyncio.sleep(0)
        elif where == "no room":
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            calls += [asyncio.create_task(talk(transport, word)) for word in words(50, 100)]
            await asyncio.sleep(0)
        else:
            seen = 1 if wire.begin else 2
            await wait_until(as_async(lambda: len(wire.lines) >= seen or where == "waiting"))
        await asyncio.wait_for(transport.aclose(), 60)
        done = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 60)
        assert {type(one) for one in done} == {redis.ConnectionError}
        with pytest.raises(redis.ConnectionError, match="closed"):
            await talk(transport, "too late")
        await transport.aclose()  # twice does no harm


async def test_who_is_cancelled_while_it_connects_leaves_the_others_alone(redis_server: str) -> None:
    wire = BrokenWire(redis_server, begin=lambda line: line.replies.flows.clear())
    async with over(wire) as transport:
        calls = [asyncio.create_task(talk(transport, word, kind)) for kind, word in enumerate(words(20))]
        await wait_until(as_async(lambda: len(wire.lines) == 1))
        for call in calls[:10]:
            call.cancel()
        await asyncio.wait(calls[:10])
        wire.newest.replies.flows.set()
        await asyncio.wait_for(asyncio.gather(*calls[10:]), 20)
        assert len(wire.lines) == 1


# Helpers --------------------------------------------------------------------------------------------------------------


def as_async(look: Callable[[], object]) -> Callable[[], Awaitable[bool | None]]:
    async def looked() -> bool | None:
        return True if look() else None

    return looked


def answers(transport: Multiplexed) -> Callable[[], Awaitable[bool | None]]:
    async def looked() -> bool | None:
        with contextlib.suppress(*LOST):
            return await talk(transport, "awake") == "awake"
        return None

    return looked
