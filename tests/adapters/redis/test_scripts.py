"""A script is a value: its fields are KEYS and ARGV, in any client and any pipeline."""

from dataclasses import dataclass
from typing import Any

import pytest
from typing_extensions import override

from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.connection import SyncDatabase
from adapters.redis.transport.scripts import Command, Key, Script


@dataclass(frozen=True, slots=True)
class Show(Script[list[Any]]):
    """Give back what came in."""

    LUA = "return {first, others[1], others[2], #others, number, flag, words[1], words[2], #words}"
    first: Key
    others: tuple[Key, ...]
    number: int
    flag: bool
    words: tuple[bytes | str, ...]

    @override
    def read(self, reply: Any) -> list[Any]:
        assert isinstance(reply, list)
        return reply


@dataclass(frozen=True, slots=True)
class Append(Script[int]):
    """Append to a list; gives its length."""

    LUA = "return redis.call('RPUSH', box, item)"
    box: Key
    item: str

    @override
    def read(self, reply: Any) -> int:
        return int(reply)


@dataclass(frozen=True, slots=True)
class Fail(Script[None]):
    """Fail, always."""

    LUA = "return redis.error_reply('OUCH it failed ' .. what)"
    what: str

    @override
    def read(self, reply: Any) -> None:
        pytest.fail(f"an error was read as {reply}")


SHOW = Show(Key("{t}a"), (Key("{t}b"), Key("{t}c")), 3, True, (b"\0\xff", "ü"))  # noqa: FBT003 - a field like any other
SHOWN = [b"{t}a", b"{t}b", b"{t}c", 2, b"3", b"1", b"\0\xff", "ü".encode(), 2]
BOX = Key("signoff:{t}:mail:run")


async def test_fields_become_keys_and_arguments_by_name(runs: AsyncTransport) -> None:
    assert await runs.run(SHOW) == SHOWN


def test_the_blocking_client_runs_the_same_value(sync_database: SyncDatabase) -> None:
    assert sync_database.run(SHOW) == SHOWN
    assert sync_database.run_all(SHOW, SHOW) == [SHOWN, SHOWN]


def test_all_keys_are_declared_as_a_cluster_asks() -> None:
    assert SHOW.by_hash()[2:6] == (3, "{t}a", "{t}b", "{t}c")


async def test_a_server_that_lost_its_scripts_gets_them_again(runs: AsyncTransport) -> None:
    for _ in range(2):
        await runs.run(Command("SCRIPT", "FLUSH"))
        assert await runs.run(Append(BOX, "x")) > 0
    assert await runs.run(Command("LRANGE", BOX, 0, -1)) == [b"x", b"x"]


def test_the_blocking_client_gives_lost_scripts_again_too(sync_database: SyncDatabase) -> None:
    sync_database.run(Command("SCRIPT", "FLUSH"))
    assert sync_database.run(SHOW) == SHOWN


async def test_a_pipeline_keeps_the_order_on_a_server_that_knows_no_script(runs: AsyncTransport) -> None:
    await runs.run(Command("SCRIPT", "FLUSH"))
    assert await runs.run_all(*(Append(BOX, str(number)) for number in range(5))) == [1, 2, 3, 4, 5]
    assert await runs.run(Command("LRANGE", BOX, 0, -1)) == [b"0", b"1", b"2", b"3", b"4"]


async def test_the_error_of_a_script_is_raised_and_what_follows_it_has_run(runs: AsyncTransport) -> None:
    with pytest.raises(Exception, match="it failed badly"):
        await runs.run(Fail("badly"))
    with pytest.raises(Exception, match="it failed badly"):
        await runs.run_all(Fail("badly"), Append(BOX, "after"))
    assert await runs.run(Command("LLEN", BOX)) == 1


async def test_replies_come_raw_so_that_every_transport_reads_alike(runs: AsyncTransport) -> None:
    await runs.run(Command("HSET", "signoff:meta", "a", 1))
    assert await runs.run(Command("HGETALL", "signoff:meta")) == [b"a", b"1"]


def test_a_field_that_lua_could_not_name_is_refused() -> None:
    @dataclass(frozen=True, slots=True)
    class Bad(Script[None]):
        LUA = "return 1"
        end: int

    with pytest.raises(TypeError, match=r"Bad\.end: .*reserved word of Lua"):
        Bad(1).by_hash()


def test_two_tables_of_arguments_are_refused() -> None:
    @dataclass(frozen=True, slots=True)
    class Bad(Script[None]):
        LUA = "return 1"
        some: tuple[str, ...]
        more: tuple[str, ...]

    with pytest.raises(TypeError, match="at most one tuple"):
        Bad((), ()).by_hash()
