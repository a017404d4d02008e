"""How long a search by embeddings takes, beside a plain get and LangGraph's store in memory in the same run.

Then what the other calls take in a large namespace and among many namespaces.

python -m bench.store REDIS_URL
"""

import random
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from langgraph.store.base import BaseStore, IndexConfig, PutOp
from langgraph.store.memory import InMemoryStore

from adapters.redis.graph_store.store import RedisStore
from adapters.redis.keys import Keys

DIMS = 1536
SIZES = (100, 1_000, 5_000, 10_000)
MANY = 100_000


def embed(texts: Sequence[str]) -> list[list[float]]:
    """Make random vectors: the work is the same for any."""
    return [[random.random() for _ in range(DIMS)] for _ in texts]  # noqa: S311 - no secret


def median(work: Callable[[], Any], times: int = 7) -> float:
    """Measure the median time in ms."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(1000 * (time.perf_counter() - began))
    return sorted(took)[times // 2]


def row(store: BaseStore, memory: BaseStore, size: int) -> str:
    """Fill a namespace, and measure."""
    space = ("bench", str(size))
    ops = [PutOp(space, str(number), {"text": f"{size} {number}"}) for number in range(size)]
    for each in (store, memory):
        for first in range(0, size, 500):
            each.batch(ops[first : first + 500])
    get = median(lambda: store.get(space, "1"), 51)
    search = median(lambda: store.search(space, query="x"))
    in_memory = median(lambda: memory.search(space, query="x"))
    for first in range(0, size, 500):
        store.batch([PutOp(space, op.key, None) for op in ops[first : first + 500]])
    data = size * DIMS * 4 / 1e6
    return f"| {size:,} | {data:.1f} MB | {search:.0f} ms: {search / get:.0f} gets, {search / in_memory:.1f} x memory |"


def fill(store: BaseStore, space: Callable[[int], tuple[str, ...]]) -> None:
    """Put `MANY` items, each into its namespace."""
    for first in range(0, MANY, 5_000):
        store.batch([PutOp(space(n), str(n), {"n": n}, index=False) for n in range(first, first + 5_000)])


def large(store: BaseStore) -> list[str]:
    """Measure calls in one namespace of `MANY` items, then among as many namespaces."""
    fill(store, lambda _: ("bench", "large"))
    space = ("bench", "large")
    calls: dict[str, Callable[[], Any]] = {
        "`get` from 100,000 items": lambda: store.get(space, "5"),
        "`search`, the first 10": lambda: store.search(space),
        "`search`, 10 from the end": lambda: store.search(space, offset=MANY - 10),
        "`search` with a filter that nothing matches": lambda: store.search(space, filter={"n": -1}),
    }
    rows = [f"| {what} | {median(call, 3):.1f} ms |" for what, call in calls.items()]
    fill(store, lambda n: ("bench", "many", str(n)))
    calls = {
        "`list_namespaces`, the first 100 of 100,000": lambda: store.list_namespaces(prefix=("bench", "many")),
        "`list_namespaces(max_depth=2)`": lambda: store.list_namespaces(max_depth=2),
        "`search` over them, the first 10": lambda: store.search(("bench", "many")),
    }
    return rows + [f"| {what} | {median(call, 3):.1f} ms |" for what, call in calls.items()]


def main() -> None:
    """Print the tables of docs/store.md, on a database that may be emptied afterwards."""
    index: IndexConfig = {"dims": DIMS, "embed": embed}
    memory = InMemoryStore(index=index)
    with RedisStore.from_conn_string(sys.argv[1], keys=Keys("bench"), index=index) as store:
        for size in SIZES:
            print(row(store, memory, size), flush=True)
        print("\n".join(large(store)))


if __name__ == "__main__":
    main()
