"""A server that was reached is waited for: through a restart, and through a fail-over of its address."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from fakes import servers
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple, empty_checkpoint

from adapters.redis import AsyncRedisSaver, RedisSaver
from adapters.redis.transport.connection import SyncDatabase
from adapters.redis.transport.multiplexed import Multiplexed
from adapters.redis.transport.scripts import Command

AT: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
GONE_SECONDS = 1.0
"""Longer than a call is tried that does not ride out anything."""


@contextlib.contextmanager
def gone(url: str) -> Iterator[None]:
    """Take the socket away, and every connection; it comes back by itself."""
    path = Path(urlsplit(url).path)
    aside = path.with_suffix(".aside")
    with redis.Redis.from_url(url) as client:
        client.ping()
        path.rename(aside)
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    back = threading.Timer(GONE_SECONDS, aside.rename, [path])
    back.start()
    try:
        yield
    finally:
        back.join()


@contextlib.contextmanager
def demoted(server: servers.Server) -> Iterator[None]:
    """Let a server be somebody's replica for a while: it refuses what writes."""
    server.client.replicaof("127.0.0.1", servers.free_ports(1)[0])
    back = threading.Timer(GONE_SECONDS, server.client.replicaof, ["NO", "ONE"])
    back.start()
    try:
        yield
    finally:
        back.join()


async def put(saver: AsyncRedisSaver) -> None:
    await saver.aput(AT, empty_checkpoint(), {"step": 1}, {})


def put_blocking(saver: RedisSaver) -> CheckpointTuple | None:
    saver.put(AT, empty_checkpoint(), {"step": 1}, {})
    return saver.get_tuple(AT)


async def test_a_saver_waits_for_a_server_that_restarts(redis_url: str) -> None:
    async with AsyncRedisSaver.from_conn_string(redis_url) as saver:
        await put(saver)
        with gone(redis_url):
            await put(saver)
        assert await saver.aget_tuple(AT) is not None


def test_so_does_the_one_that_blocks(redis_url: str) -> None:
    with RedisSaver.from_conn_string(redis_url) as saver:
        put_blocking(saver)
        with gone(redis_url):
            assert put_blocking(saver) is not None


async def test_a_saver_waits_until_its_server_is_a_primary_again() -> None:
    with servers.server() as server:
        async with AsyncRedisSaver.from_conn_string(f"redis://127.0.0.1:{server.port}/0") as saver:
            await put(saver)
            with demoted(server):
                await put(saver)


def test_so_does_the_one_that_blocks_and_asks_on_a_new_connection() -> None:
    with servers.server() as server, RedisSaver.from_conn_string(f"redis://127.0.0.1:{server.port}/0") as saver:
        put_blocking(saver)
        before = server.client.info("stats")["total_connections_received"]
        with demoted(server):
            assert put_blocking(saver) is not None
        assert server.client.info("stats")["total_connections_received"] > before + 1


async def test_who_does_not_ride_it_out_hears_of_it_at_once(redis_url: str) -> None:
    """The bot's own stores: a click has three seconds, and its lanes try again."""
    async with Multiplexed.from_url(redis_url) as database:
        await database.run(Command("PING"))
        with gone(redis_url), pytest.raises(redis.ConnectionError):
            await database.run(Command("PING"))
    with SyncDatabase.from_url(redis_url) as blocking:
        blocking.run(Command("PING"))
        with gone(redis_url), pytest.raises(redis.ConnectionError):
            blocking.run(Command("PING"))


def test_a_server_that_was_never_there_is_not_waited_for(tmp_path: Path) -> None:
    with RedisSaver.from_conn_string(f"unix://{tmp_path}/nobody") as saver, pytest.raises(redis.ConnectionError):
        saver.get_tuple(AT)
