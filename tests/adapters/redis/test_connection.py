"""How we connect: nothing lost under load, and clear sentences, without secrets, where it cannot work."""

import asyncio
import socket

import pytest
import redis
import redis.asyncio

from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.connection import Database, SyncDatabase
from adapters.redis.transport.errors import UnusableRedisError
from adapters.redis.transport.scripts import Command
from adapters.redis.transport.server_check import check, judge

SECRET = "hunter2-hunter2"


@pytest.fixture
def admin(sync_database: SyncDatabase) -> SyncDatabase:
    """Connected before the server is changed, so that it can undo the change."""
    sync_database.run(Command("PING"))
    return sync_database


async def complaint(url: str) -> str:
    """What `check` says of a server."""
    async with Database.from_url(url) as database:
        with pytest.raises(UnusableRedisError) as caught:
            await database.check()
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    return str(caught.value)


async def test_a_good_server_gives_no_warning(runs: AsyncTransport) -> None:
    assert await check(runs, "here") == []


async def test_nobody_there() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        said = await complaint(f"redis://bob:{SECRET}@127.0.0.1:{port}/0")
    assert said.startswith(f"Redis at 127.0.0.1:{port} is unreachable: start it")


async def test_a_wrong_password(redis_url: str, admin: SyncDatabase) -> None:
    admin.run(Command("ACL", "SETUSER", "bob", "on", ">right", "~*", "+@all"))
    try:
        said = await complaint(redis_url.replace("unix://", f"unix://bob:{SECRET}@"))
    finally:
        admin.run(Command("ACL", "DELUSER", "bob"))
    assert "refuses the user or password" in said


async def test_a_password_is_missing(redis_url: str, admin: SyncDatabase) -> None:
    admin.run(Command("CONFIG", "SET", "requirepass", SECRET))
    try:
        said = await complaint(redis_url)
    finally:
        admin.run(Command("CONFIG", "SET", "requirepass", ""))
    assert "password" in said
    assert "REDIS_URL" in said


async def test_a_user_who_may_not_run_scripts(redis_url: str, admin: SyncDatabase) -> None:
    admin.run(Command("ACL", "SETUSER", "bob", "on", f">{SECRET}", "~*", "+@all", "-@scripting"))
    try:
        said = await complaint(redis_url.replace("unix://", f"unix://bob:{SECRET}@"))
    finally:
        admin.run(Command("ACL", "DELUSER", "bob"))
    assert "denies the user a command" in said


async def test_a_replica(redis_url: str, admin: SyncDatabase) -> None:
    admin.run(Command("REPLICAOF", "127.0.0.1", "1"))
    try:
        said = await complaint(redis_url)
    finally:
        admin.run(Command("REPLICAOF", "NO", "ONE"))
    assert "is a read-only replica: point REDIS_URL at its primary" in said


async def test_a_server_that_may_throw_keys_away_is_a_warning(database: Database, admin: SyncDatabase) -> None:
    admin.run(Command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru"))
    try:
        (warning,) = await database.check()
    finally:
        admin.run(Command("CONFIG", "SET", "maxmemory-policy", "noeviction"))
    assert "maxmemory-policy is allkeys-lru" in warning
    assert "set maxmemory-policy to noeviction" in warning


async def test_a_node_of_a_cluster_that_is_named_as_a_single_server_is_refused(cluster_url: str) -> None:
    async with Database.from_url(cluster_url) as database:
        with pytest.raises(UnusableRedisError, match=r"is a node of a cluster: write redis\+cluster://HOST:PORT,"):
            await database.check()


@pytest.mark.parametrize("version", ["6.0.16", "5.0.7", "2.8"])
def test_a_server_that_is_too_old(version: str) -> None:
    with pytest.raises(UnusableRedisError, match=f"has version {version}: use Redis 6.2 or newer"):
        judge(f"redis_version:{version}\r\nrole:master\r\n".encode(), "h:1")


def test_a_server_that_keeps_nothing_on_disk_is_a_warning() -> None:
    (warning,) = judge(b"redis_version:8.0\r\nrole:master\r\naof_enabled:0\r\n", "h:1")
    assert warning == "Redis at h:1 loses decisions when it restarts (appendonly is no): set appendonly to yes"


@pytest.mark.parametrize(("replicas", "said"), [(b"0", "no replica, fewer"), (b"1", "1 replica, fewer"), (b"2", "")])
def test_a_wait_for_more_replicas_than_there_are_is_a_warning(replicas: bytes, said: str) -> None:
    info = b"redis_version:8.0\r\nrole:master\r\nconnected_slaves:%b\r\n" % replicas
    assert said in "".join(judge(info, "h:1", wait=2))
    assert len(judge(info, "h:1", wait=2)) == bool(said)
    assert judge(info, "h:1") == []


@pytest.mark.parametrize(
    "info", [b"redis_version:6.2.0", b"redis_version:7.2.4\r\nvalkey_version:9.1.2", b"redis_version:8.0"]
)
def test_servers_that_are_new_enough(info: bytes) -> None:
    assert judge(info + b"\r\nrole:master\r\nmaxmemory_policy:noeviction\r\n", "h:1") == []


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{SECRET}/x@h:1/0",
        f"http://:{SECRET}@h",
        SECRET,
        "",
        "unix://",
        f"redis://h:{SECRET}",
        f"redis://h?db={SECRET}",
    ],
)
def test_a_url_that_is_none_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(UnusableRedisError, match=r"REDIS_URL .*redis://HOST:PORT/0") as caught:
        Database.from_url(url)
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__
    with pytest.raises(UnusableRedisError):
        SyncDatabase.from_url(url)


async def test_an_address_holds_no_password() -> None:
    async with Database.from_url(f"rediss://bob:{SECRET}@redis.example:6380/3") as database:
        assert database.address == "redis.example:6380"
        assert database.client.connection_pool.connection_class is redis.asyncio.SSLConnection


async def test_a_client_that_decodes_is_refused(redis_url: str) -> None:
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        with pytest.raises(UnusableRedisError, match="decode_responses=False"):
            Database(client)


async def test_a_client_that_was_handed_in_stays_open(redis_url: str) -> None:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        async with Database(client) as database:
            assert await database.run(Command("PING")) == b"PONG"
        assert await client.ping()


@pytest.mark.promise("P1")
async def test_300_calls_at_once_lose_none(runs: AsyncTransport) -> None:
    counted = await asyncio.gather(*(runs.run(Command("INCR", "signoff:meta")) for _ in range(300)))
    assert sorted(counted) == list(range(1, 301))


async def test_connections_that_the_server_closed_are_opened_again(runs: AsyncTransport, admin: SyncDatabase) -> None:
    await asyncio.gather(*(runs.run(Command("PING")) for _ in range(20)))
    admin.run(Command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
    assert await asyncio.gather(*(runs.run(Command("PING")) for _ in range(20))) == [b"PONG"] * 20


async def test_operators_see_whose_connections_they_are(runs: AsyncTransport) -> None:
    assert b"name=signoff " in await runs.run(Command("CLIENT", "LIST"))
