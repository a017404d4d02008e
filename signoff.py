"""Signoff under one name: `python -m signoff` is the command line, and what graphs use is imported from here.

`from signoff import AsyncRedisSaver` works in any LangGraph program (docs/checkpointer.md). Each name is imported when
it is first used: `import signoff` takes no time, and imports neither LangGraph nor redis.

The wheel installs this file as `signoff/__init__.py`, beside the files of the folder `wheel`: type checkers read the
types of an installed module only if it is a package with a `py.typed` (PEP 561).

Where a project has a `signoff.py` or a package `signoff` of its own, Python takes that one. The command `signoff` and
the bot import nothing by this name, so they work there as well.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adapters.redis import AsyncRedisSaver, AsyncRedisStore, RedisSaver, RedisStore

    __version__: str

__all__ = ["AsyncRedisSaver", "AsyncRedisStore", "RedisSaver", "RedisStore", "__version__"]


if not TYPE_CHECKING:  # type checkers know the names from above, and report any other

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name == "__version__":
            from importlib.metadata import version

            return version("signoff")
        return getattr(import_module("adapters.redis"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]


if __name__ == "__main__":
    from bot.cli import main

    main()
