"""Everything that Signoff stores: plain Redis >= 6.2 or Valkey, no modules. Imports the engine.

`transport` connects and runs scripts, `keys` names the keys, `codec` and `mailbox` define the documents, `compact`
makes them small. On these stand `stores`, `lanes`, `checkpointer`, `graph_store`; `embedded` starts a private Valkey.

Any LangGraph program can use the checkpointer and the store of what agents remember without the rest:
`from adapters.redis import AsyncRedisSaver, AsyncRedisStore` (docs/checkpointer.md, docs/store.md).
The import is lazy: LangGraph takes a while to import, and most modules here do not need it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adapters.redis.checkpointer.saver import (
        FENCE_KEY,
        AsyncRedisSaver,
        DamagedCheckpointError,
        FencedError,
        RedisSaver,
    )
    from adapters.redis.graph_store.store import AsyncRedisStore, RedisStore

__all__ = [
    "FENCE_KEY",
    "AsyncRedisSaver",
    "AsyncRedisStore",
    "DamagedCheckpointError",
    "FencedError",
    "RedisSaver",
    "RedisStore",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = "graph_store.store" if name.endswith("Store") else "checkpointer.saver"
    return getattr(import_module(f"adapters.redis.{room}"), name)
