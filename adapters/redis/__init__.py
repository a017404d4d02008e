"""Everything that Signoff stores: plain Redis >= 6.2 or Valkey, no modules. Imports the engine.

`transport` connects and runs scripts, `keys` names the keys, `codec` and `mailbox` define the documents. On these stand
`stores`, `lanes` and `checkpointer`; `embedded` starts a private Valkey.

Any LangGraph program can use the checkpointer alone: `from adapters.redis import AsyncRedisSaver, RedisSaver`
(docs/checkpointer.md). The import is lazy: LangGraph takes a while to import, and most modules here do not need it.
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
