"""Signoff under one name: `python -m signoff` is the command line, and what graphs use is imported from here.

`from signoff import AsyncRedisSaver` works in any LangGraph program (docs/checkpointer.md). Each name is imported when
it is first used: `import signoff` costs nothing, and imports neither LangGraph nor redis.

A package and no module, since type checkers read the types of packages alone (`py.typed`). Where a project has a
`signoff.py` or a package `signoff` of its own, Python takes that one for both. The command `signoff` and the bot import
nothing by this name, so that they run there as well.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adapters.redis import AsyncRedisSaver, AsyncRedisStore, RedisSaver, RedisStore

    __version__: str

__all__ = ["AsyncRedisSaver", "AsyncRedisStore", "RedisSaver", "RedisStore", "__version__"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "__version__":
        from importlib.metadata import version

        return version("signoff")
    return getattr(import_module("adapters.redis"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
