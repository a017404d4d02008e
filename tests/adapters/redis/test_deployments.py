"""The other deployments, each with real servers: Sentinels with a fail-over, TLS, and a unix socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis
from fakes import servers
from fakes.valkey import wait_until
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint

from adapters.redis.checkpointer.saver import AsyncRedisSaver, RedisSaver
from adapters.redis.transport import deployments
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.connection import Database, SyncDatabase
from adapters.redis.transport.errors import UnusableRedisError
from adapters.redis.transport.multiplexed import Multiplexed
from adapters.redis.transport.scripts import Command

SECRET = "hunter2-hunter2"


def of(thread: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}


async def serves(url: str) -> None:
    """Check a server by both transports and keep a checkpoint there by both savers."""
    async with deployments.multiplexed(url) as database:
        assert [each for each in await database.check() if "no replica of" not in each] == []
        async with AsyncRedisSaver.from_conn_string(url) as saver:
            await saver.aput(of("t"), empty_checkpoint(), {"step": 7}, {})

    def read() -> int:
        with RedisSaver.from_conn_string(url) as saver:
            found = saver.get_tuple(of("t"))
            assert found
            return found.metadata["step"]

    assert await asyncio.to_thread(read) == 7


@asynccontextmanager
async def all_of(url: str) -> AsyncIterator[tuple[AsyncTransport, AsyncTransport, SyncDatabase]]:
    async with Multiplexed.from_url(url) as one, Database.from_url(url) as pool:
        with SyncDatabase.from_url(url) as blocking:
            yield one, pool, blocking


async def each(transports: tuple[AsyncTransport, AsyncTransport, SyncDatabase], *words: str) -> list[object]:
    """Run a command by each transport at once."""
    one, pool, blocking = transports
    call = Command(*words)
    return list(await asyncio.gather(one.run(call), pool.run(call), asyncio.to_thread(blocking.run, call)))


# Sentinels.


async def test_a_primary_known_to_sentinels_serves() -> None:
    with servers.watched() as service:
        await serves(service.url)


@pytest.mark.promise("P1")
async def test_calls_wait_out_the_death_of_a_primary() -> None:
    with servers.watched() as service:
        async with all_of(service.url) as transports, AsyncRedisSaver.from_conn_string(service.url) as saver:
            await saver.aput(of("t"), empty_checkpoint(), {"step": 1}, {})
            assert sorted(map(str, await each(transports, "INCR", "counter"))) == ["1", "2", "3"]
            await asyncio.to_thread(servers.follow, service.replica, service.primary)
            service.primary.kill()
            put = saver.aput(of("t"), empty_checkpoint(), {"step": 2}, {})
            counted, _ = await asyncio.gather(each(transports, "INCR", "counter"), put)
            assert sorted(map(str, counted)) == ["4", "5", "6"]
            assert [one.metadata["step"] async for one in saver.alist(of("t"))] == [2, 1]
        assert service.replica.client.role()[0] == b"master"
        assert service.replica.client.get("counter") == b"6"


@pytest.mark.promise("P1")
async def test_calls_wait_out_a_primary_that_hangs() -> None:
    with servers.watched() as service:
        url = f"{service.url}?socket_timeout=0.3"
        async with Multiplexed.from_url(url, patience=0.3) as one, Database.from_url(url) as pool:
            with SyncDatabase.from_url(url) as blocking:
                assert sorted(map(str, await each((one, pool, blocking), "INCR", "counter"))) == ["1", "2", "3"]
                await asyncio.to_thread(servers.follow, service.replica, service.primary)
                with service.primary.frozen():
                    assert set(await each((one, pool, blocking), "SET", "counter", "9")) == {b"OK"}
        assert service.replica.client.get("counter") == b"9"


@pytest.mark.promise("P1")
async def test_a_primary_that_becomes_a_replica_is_left_for_the_new_one() -> None:
    with servers.watched() as service:
        async with all_of(service.url) as transports:
            assert await each(transports, "SET", "k", "before") == [b"OK"] * 3
            service.replica.client.replicaof("NO", "ONE")
            service.primary.client.replicaof("127.0.0.1", service.replica.port)
            service.sentinel.client.sentinel_remove("main")
            service.sentinel.client.sentinel_monitor("main", "127.0.0.1", service.replica.port, 1)
            script = "return redis.call('SET', KEYS[1], 'after')"
            assert await each(transports, "EVAL", script, "1", "k") == [b"OK"] * 3
        assert service.primary.client.info("errorstats")["errorstat_READONLY"]["count"] == 3
        assert service.replica.client.get("k") == b"after"


async def test_a_service_that_the_sentinels_do_not_know() -> None:
    with servers.server(sentinel="") as sentinel:
        url = f"redis+sentinel://:{SECRET}@127.0.0.1:{sentinel.port}/main"
        said = await complaint(url)
    assert said.startswith(
        f"no Sentinel knows a primary for service main of Sentinel 127.0.0.1:{sentinel.port}: correct"
    )


async def test_sentinels_with_a_password_of_their_own() -> None:
    with servers.server() as primary:
        config = f"requirepass {SECRET}\nsentinel monitor main 127.0.0.1 {primary.port} 1"
        with servers.server(sentinel=config, password=SECRET) as sentinel:
            url = f"redis+sentinel://127.0.0.1:{sentinel.port}/main"
            await serves(f"{url}?sentinel_password={SECRET}")
            assert "set ?sentinel_password=PASSWORD" in await complaint(url)
            assert "set ?sentinel_password=PASSWORD" in await complaint(f"{url}?sentinel_password=wrong")


async def complaint(url: str) -> str:
    """What both checks say of a server."""
    async with deployments.multiplexed(url) as database:
        with pytest.raises(UnusableRedisError) as caught:
            await database.check()
    assert SECRET not in str(caught.value)
    return str(caught.value)


# TLS and sockets.


@servers.needs_redis
async def test_tls(tmp_path: Path) -> None:
    assert servers.REDIS is not None
    with servers.secure(tmp_path, servers.REDIS) as (port, authority):
        url = f"rediss://127.0.0.1:{port}"
        await serves(f"{url}/0?ssl_ca_certs={authority}")
        assert "has a certificate that is not trusted: name its CA" in await complaint(url)


@servers.needs_redis
async def test_sentinels_over_tls(tmp_path: Path) -> None:
    assert servers.REDIS is not None
    program = servers.REDIS
    with servers.secure(tmp_path, program) as (port, ca), servers.secure_sentinel(tmp_path, program, port) as sentinel:
        await serves(f"rediss+sentinel://127.0.0.1:{sentinel}/main?ssl_ca_certs={ca}")


@servers.needs_redis
async def test_a_cluster_over_tls(tmp_path: Path) -> None:
    assert servers.REDIS is not None
    bus = servers.free_ports(1)[0]
    ring = ("--cluster-enabled", "yes", "--tls-cluster", "yes", "--cluster-port", str(bus))
    with servers.secure(tmp_path, servers.REDIS, *ring) as (port, authority):
        with redis.Redis(port=port, ssl=True, ssl_ca_certs=str(authority), host="127.0.0.1") as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            wait_until(lambda: client.execute_command("CLUSTER INFO")["cluster_state"] == "ok", "the cluster stands")
        await serves(f"rediss+cluster://127.0.0.1:{port}?ssl_ca_certs={authority}")


async def test_a_unix_socket(redis_url: str) -> None:
    assert redis_url.startswith("unix://")
    await serves(redis_url)
