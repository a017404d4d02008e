"""A real Valkey for tests: one server for each xdist worker, emptied for each test and checked for stray keys after it.

Import the fixtures into a `conftest.py`: `from fakes.valkey import redis_url, redis_server`.
"""

import contextlib
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from fakes.patience import PATIENCE

from adapters.redis import embedded
from adapters.redis.keys import Keys


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the URL of this worker's server."""
    with embedded.running_sync(Path(tmp_path_factory.getbasetemp()) / "valkey") as url:
        yield url


@pytest.fixture
def redis_url(redis_server: str) -> Iterator[str]:
    """Yield the URL of an empty database. The test fails if it leaves a key without expiry and without a reason."""
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
        yield redis_server
        assert not (found := stray_keys(client)), f"keys without a TTL or a reason in adapters/redis/keys.py: {found}"


@pytest.fixture(scope="session")
def cluster_url() -> Iterator[str]:
    """Yield the URL of a server in cluster mode, which refuses a script whose keys are in several hash slots.

    A new Valkey cluster refuses clients for 2 seconds, so all tests of a worker share one, which is not emptied.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        bus = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder, _cluster_server(Path(folder), bus) as path:
        yield f"unix://{path}"


@contextlib.contextmanager
def _cluster_server(folder: Path, bus: int) -> Iterator[Path]:
    path = folder / "cluster.sock"
    options = f"--port 0 --cluster-enabled yes --cluster-port {bus} --bind 127.0.0.1 --unixsocket {path} --dir {folder}"
    command = [embedded.find_server(), *options.split(), "--save", "", "--appendonly", "yes", "--appendfsync", "no"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:  # noqa: S603 - the server that we found
        try:
            with redis.Redis(unix_socket_path=str(path)) as client:
                wait_until(lambda: path.exists() and client.ping(), "the server answers")
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
                wait_until(
                    lambda: "ok" in str(client.execute_command("CLUSTER INFO")["cluster_state"]), "the cluster stands"
                )
            yield path
        finally:
            server.terminate()


def wait_until(predicate: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait until the predicate holds; fail with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(redis.ConnectionError):
            if predicate():
                return
        assert time.monotonic() < end, f"not in {seconds} seconds: {what}"
        time.sleep(0.005)


def client_of(url: str) -> Any:
    """Connect to a server, or to a cluster with redis-py's own client. Use it as a context manager."""
    if url.startswith("redis+cluster://"):
        return redis.RedisCluster.from_url(url.replace("redis+cluster", "redis"), protocol=2)
    return redis.Redis.from_url(url)


def stray_keys(client: "redis.Redis", *, prefix: str | None = None) -> list[str]:
    """List keys without expiry for which `adapters.redis.keys` gives no reason, and keys unknown to it.

    Keys of every prefix are checked; with `prefix`, keys of any other prefix are strays.
    """
    found = []
    for raw in client.scan_iter(count=1000):
        key = raw.decode(errors="replace")
        start = prefix or re.split(r":\{|:", key, maxsplit=1)[0]
        kind = Keys(start).kind_of(key) if key.startswith(f"{start}:") else None
        if kind is None:
            found.append(f"{key} (unknown)")
        elif not kind.reason and client.ttl(key) == -1:
            found.append(f"{key} (lives for ever)")
    return found
