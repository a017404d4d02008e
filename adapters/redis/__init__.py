"""Everything that Signoff keeps: plain Redis >= 6.2 or Valkey, no modules.

`connection` is how we connect, `scripts` is what we say, `keys` is where things are. The stores stand on these three.

The checkpointers may be used alone, by any LangGraph program: `from adapters.redis import AsyncRedisSaver, RedisSaver`
(docs/checkpointer.md). They are imported when they are asked for: LangGraph takes a while to import, and most of what
stands here does not need it.
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

__all__ = ["FENCE_KEY", "AsyncRedisSaver", "DamagedCheckpointError", "FencedError", "RedisSaver"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("adapters.redis.checkpointer.saver"), name)
