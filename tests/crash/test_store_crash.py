"""A process that is killed while it puts leaves items, order and index that agree, and loses nothing acknowledged."""

import subprocess
import sys

import pytest

from adapters.redis import RedisStore

WRITER = """
import sys
from adapters.redis import RedisStore
with RedisStore.from_conn_string(sys.argv[1]) as store:
    for number in range(100_000):
        store.put(("n", str(number % 50)), str(number), {"n": number})
        print(number, flush=True)
"""


@pytest.mark.promise("P1")
def test_a_killed_process_loses_no_item_that_it_put(redis_url: str) -> None:
    command = [sys.executable, "-c", WRITER, redis_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:  # noqa: S603 - ours
        assert writer.stdout is not None
        done = [int(writer.stdout.readline()) for _ in range(300)]
        writer.kill()
        done += [int(line) for line in writer.stdout if line.endswith("\n")]
    with RedisStore.from_conn_string(redis_url) as store:
        found = sorted(item.value["n"] for item in store.search(("n",), limit=200_000))
        assert found[: len(done)] == done
        assert len(found) <= len(done) + 1
        assert set(store.list_namespaces()) == {("n", str(number)) for number in range(50)}
