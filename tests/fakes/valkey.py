"""A real Valkey for tests: one server for each xdist worker, emptied for each test, and a look at what a test leaves.

Import the fixtures into a `conftest.py`: `from fakes.valkey import redis_url, redis_server`.
"""

import fnmatch
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import redis

from adapters.redis import embedded
from adapters.redis.keys import Keys

STRANGERS: Mapping[str, str] = {
    "docket:*": "docket's own keys",
    "{docket*}:*": "docket's own keys, with its hash tag",
}
"""Patterns of keys that others make, each with its reason."""


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of this worker's server."""
    with embedded.running_sync(Path(tmp_path_factory.getbasetemp()) / "valkey") as url:
        yield url


@pytest.fixture
def redis_url(redis_server: str) -> Iterator[str]:
    """Give the URL of an empty database. The test fails if it leaves a key that lives for ever without a reason."""
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
        yield redis_server
        assert not (found := stray_keys(client)), f"keys without a TTL or a reason in adapters/redis/keys.py: {found}"


def stray_keys(
    client: "redis.Redis", *, prefix: str | None = None, strangers: Mapping[str, str] = STRANGERS
) -> list[str]:
    """List keys that live for ever though `adapters.redis.keys` gives no reason for it, and keys unknown to it.

    A key of any prefix is looked up, unless `prefix` names the only one allowed.
    """
    found = []
    for raw in client.scan_iter(count=1000):
        key = raw.decode(errors="replace")
        if any(fnmatch.fnmatchcase(key, pattern) for pattern in strangers):
            continue
        start = prefix or re.split(r":\{|:", key, maxsplit=1)[0]
        kind = Keys(start).kind_of(key) if key.startswith(f"{start}:") else None
        if kind is None:
            found.append(f"{key} (unknown)")
        elif not kind.reason and client.ttl(key) == -1:
            found.append(f"{key} (lives for ever)")
    return found
