"""The methods that every transport has: `run` one call, or `run_all` of several in one round trip; `scan` all keys.

Scripts and stores use nothing else of a client, so that they work over one server, Sentinels or a cluster alike.

In a pipeline, too, a script goes by its hash: to send and to hash its source costs more than all the rest. A server
that lost its scripts refuses the first that it does not know; that one and all behind it are sent again, with their
source. So a call behind a script may run once before it: put nothing there that must not.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol, TypeVar

from redis.exceptions import NoScriptError

from adapters.redis.transport.scripts import RedisCall

R = TypeVar("R")


class AsyncTransport(Protocol):
    """Runs calls on asyncio, as `Database` does."""

    async def run(self, call: RedisCall[R]) -> R:
        """Run one call."""
        ...

    async def run_all(self, *calls: RedisCall[R]) -> list[R]:
        """Run several calls in order and in one round trip; each is atomic, all together are not."""
        ...

    def scan(self, match: str) -> AsyncIterator[bytes]:
        """Give every key that fits the pattern, in no order; a key may come twice."""
        ...


class BlockingTransport(Protocol):
    """Runs calls for blocking code, as `SyncDatabase` does."""

    def run(self, call: RedisCall[R]) -> R:
        """Run one call."""
        ...

    def run_all(self, *calls: RedisCall[R]) -> list[R]:
        """Run several calls in order; each is atomic, all together are not."""
        ...


def first_unknown(replies: Sequence[Any]) -> int | None:
    """Find the first script that the server did not know."""
    return next((place for place, reply in enumerate(replies) if isinstance(reply, NoScriptError)), None)


def read_all(calls: Sequence[RedisCall[R]], replies: Sequence[Any]) -> list[R]:
    """Turn replies into results. Raises the first that is an error."""
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return [call.read(reply) for call, reply in zip(calls, replies, strict=True)]
