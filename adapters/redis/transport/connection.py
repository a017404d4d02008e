"""How we connect to Redis, in one place, for everything but the server itself.

What scripts and stores need is small: `run` one call, or `run_all` of several in one round trip. Nothing else of a
client is used, so that another transport can stand behind the same two methods.

`urls` reads what an operator wrote, `pools` opens connections, `multiplexed` and `cluster` are the other transports,
and `deployments` picks the one that a URL asks for.

In a pipeline, too, a script goes by its hash: to send and to hash its source costs more than all the rest. A server
that lost its scripts refuses the first that it does not know; that and all behind it are sent again, with their source.
What stands behind a script may so run once before it: put nothing there that may not.
"""

import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import redis
import redis.asyncio
from redis.asyncio.sentinel import MasterNotFoundError
from redis.exceptions import AuthenticationError, NoPermissionError, NoScriptError, RedisError
from redis.sentinel import MasterNotFoundError as BlockingMasterNotFoundError

from adapters.redis.transport.errors import LOST, is_no_primary
from adapters.redis.transport.pools import SOCKET_TIMEOUT, address_of, blocking_pool_of, pool_of
from adapters.redis.transport.scripts import Arg, Call, Command
from adapters.redis.transport.urls import UnusableRedisError

__all__ = [
    "SOCKET_TIMEOUT",
    "BlockingRuns",
    "Database",
    "Runs",
    "SyncDatabase",
    "UnusableRedisError",
    "address_of",
    "check",
    "explain",
    "first_unknown",
    "judge",
    "pool_of",
    "read_all",
]

OLDEST = (6, 2)

R = TypeVar("R")

_PAUSE = 0.1


class Runs(Protocol):
    """What a store needs of Redis; `Database` is one."""

    async def run(self, call: Call[R]) -> R:
        """Run one call."""
        ...

    async def run_all(self, *calls: Call[R]) -> list[R]:
        """Run several calls in order and in one round trip; each is atomic, the whole is not."""
        ...


class BlockingRuns(Protocol):
    """The same for code that blocks; `SyncDatabase` is one."""

    def run(self, call: Call[R]) -> R:
        """Run one call."""
        ...

    def run_all(self, *calls: Call[R]) -> list[R]:
        """Run several calls in order; each is atomic, the whole is not."""
        ...


async def check(database: Runs, address: str) -> list[str]:
    """Find out whether Signoff can work with a server; gives warnings, one sentence each.

    Raises UnusableRedisError for a server that is not reachable, refuses us, is too old, or is a replica.
    """
    try:
        await database.run(Command("EVAL", "return 1", 0))
        info = await database.run(Command("INFO"))
        return judge(info, address) + among_others(info, address)
    except RedisError as error:
        raise explain(error, address) from None


class Database:
    """An asyncio connection to one Redis. Use it as a context manager, or `aclose` it.

    `client` is redis-py's own, for what two methods cannot do (blocking reads, publish and subscribe).
    """

    def __init__(self, client: "redis.asyncio.Redis", *, owned: bool = False) -> None:
        _refuse_decoding(client)
        self.client = client
        self._owned = owned
        self._raw = redis.asyncio.Redis(connection_pool=client.connection_pool)
        self._raw.response_callbacks.clear()
        self._execute: Callable[..., Awaitable[Any]] = self._raw.execute_command

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Make a connection that opens on first use. Raises UnusableRedisError when `url` is not one of Redis."""
        return cls(redis.asyncio.Redis.from_pool(pool_of(url)), owned=True)

    @property
    def address(self) -> str:
        """Where the server is, without user and password."""
        return address_of(self.client.connection_pool)

    async def run(self, call: Call[R]) -> R:
        """Run one call. Raises redis.exceptions.RedisError when it cannot be answered, after some tries."""
        try:
            reply = await self._execute(*call.by_hash())
        except NoScriptError:
            reply = await self._execute(*call.by_source())
        return call.read(reply)

    async def run_all(self, *calls: Call[R]) -> list[R]:
        """Run several calls in order and in one round trip; each is atomic, the whole is not.

        Raises the first error, after all have run.
        """
        replies = await self._pipe([call.by_hash() for call in calls])
        if (unknown := first_unknown(replies)) is not None:
            replies[unknown:] = await self._pipe([call.by_source() for call in calls[unknown:]])
        return read_all(calls, replies)

    async def _pipe(self, commands: Sequence[tuple[Arg, ...]]) -> list[Any]:
        async with self._raw.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return list(await pipeline.execute(raise_on_error=False))

    async def check(self) -> list[str]:
        """Find out whether Signoff can work here: see `check`."""
        return await check(self, self.address)

    async def aclose(self) -> None:
        """Close what `from_url` opened; a client that was handed in stays open."""
        if self._owned:
            await self.client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class SyncDatabase:
    """The same for code that blocks: a pool of its own, safe to use from several threads."""

    def __init__(self, client: "redis.Redis", *, owned: bool = False, ride_out: float = 0.0) -> None:
        _refuse_decoding(client)
        self.client = client
        self._owned = owned
        self._ride_out = ride_out
        self._reached = False
        self._raw = redis.Redis(connection_pool=client.connection_pool)
        self._raw.response_callbacks.clear()

    @classmethod
    def from_url(cls, url: str, *, ride_out: float = 0.0) -> Self:
        """Make a connection that opens on first use. Raises UnusableRedisError when `url` is not one of Redis.

        A call is sent again some times, and for `ride_out` seconds to a server that was reached before.
        """
        return cls(redis.Redis.from_pool(blocking_pool_of(url)), owned=True, ride_out=ride_out)

    @property
    def address(self) -> str:
        """Where the server is, without user and password."""
        return address_of(self.client.connection_pool)

    def run(self, call: Call[R]) -> R:
        """Run one call: see `Database.run`."""
        (result,) = self.run_all(call)
        return result

    def run_all(self, *calls: Call[R]) -> list[R]:
        """Run several calls in order and in one round trip: see `Database.run_all`."""
        replies = self.ask([call.by_hash() for call in calls])
        if (unknown := first_unknown(replies)) is not None:
            replies[unknown:] = self.ask([call.by_source() for call in calls[unknown:]])
        return read_all(calls, replies)

    def ask(self, commands: Sequence[tuple[Arg, ...]]) -> list[Any]:
        """Send commands in one packet; gives their raw answers, errors among them.

        A server that refuses as no primary is left: its idle connections are closed, and the commands sent again.
        """
        began = time.monotonic()
        while True:
            try:
                replies = self._sent(commands)
            except LOST:
                if not self._rides_out(began):
                    raise
            else:
                self._reached = True
                if not any(isinstance(each, redis.ResponseError) and is_no_primary(each) for each in replies):
                    return replies
                self.client.connection_pool.disconnect(inuse_connections=False)
                if not self._rides_out(began):
                    return replies
            time.sleep(_PAUSE)

    def _rides_out(self, began: float) -> bool:
        return self._reached and time.monotonic() < began + self._ride_out

    def _sent(self, commands: Sequence[tuple[Arg, ...]]) -> list[Any]:
        with self._raw.pipeline(transaction=False) as pipeline:
            add: Callable[..., Any] = pipeline.execute_command
            for command in commands:
                add(*command)
            return list(pipeline.execute(raise_on_error=False))

    def close(self) -> None:
        """Close what `from_url` opened; a client that was handed in stays open."""
        if self._owned:
            self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def first_unknown(replies: Sequence[Any]) -> int | None:
    """The place of the first script that the server did not know."""
    return next((place for place, reply in enumerate(replies) if isinstance(reply, NoScriptError)), None)


def read_all(calls: Sequence[Call[R]], replies: Sequence[Any]) -> list[R]:
    """Make sense of replies. Raises the first that is an error."""
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return [call.read(reply) for call, reply in zip(calls, replies, strict=True)]


@dataclass(frozen=True, slots=True)
class _Server:
    """What INFO says of a server, as far as we care."""

    name: str
    version: tuple[int, ...]
    role: str
    policy: str

    @classmethod
    def of(cls, info: bytes) -> Self:
        lines = (line.partition(":") for line in info.decode(errors="replace").splitlines())
        facts = {name: value for name, _, value in lines}
        name, version = "Redis", facts.get("redis_version", "0")
        if "valkey_version" in facts:
            name, version = "Valkey", facts["valkey_version"]
        numbers = tuple(int(number) for number in version.split(".") if number.isdigit())
        return cls(name, numbers, facts.get("role", ""), facts.get("maxmemory_policy", ""))


def judge(info: bytes, address: str) -> list[str]:
    """Judge a server by its INFO; gives warnings. Raises UnusableRedisError for one that we cannot use."""
    server = _Server.of(info)
    version = ".".join(map(str, server.version))
    if server.version < OLDEST:
        raise UnusableRedisError(f"Redis at {address} has version {version}: use Redis 6.2 or newer, or any Valkey")
    if server.role in ("slave", "replica"):
        raise UnusableRedisError(f"Redis at {address} is a read-only replica: point REDIS_URL at its primary")
    if server.policy not in ("noeviction", ""):
        danger = f"{server.name} at {address} may throw approvals away when its memory is full"
        return [f"{danger} (maxmemory-policy is {server.policy}): set maxmemory-policy to noeviction"]
    return []


def among_others(info: bytes, address: str) -> list[str]:
    """Warn of a cluster's node that is spoken to as if it were alone."""
    if b"cluster_enabled:1" not in info:
        return []
    return [f"Redis at {address} is a node of a cluster: write redis+cluster://HOST:PORT to reach the others"]


def explain(error: RedisError, address: str) -> UnusableRedisError:
    """Turn a client's error into a sentence with its mend. Texts of others are not repeated: they may quote secrets."""
    cause = error.__cause__ if isinstance(error.__cause__, RedisError) else error  # a failed handshake is wrapped
    match cause:
        case AuthenticationError() if "required" in str(cause).lower():
            text = f"Redis at {address} asks for a password: put it into REDIS_URL, redis://:PASSWORD@HOST:PORT/0"
        case AuthenticationError():
            text = f"Redis at {address} refuses the user or password: correct them in REDIS_URL"
        case NoPermissionError():
            text = (
                f"Redis at {address} forbids its user a command: allow +@all ~signoff:* &signoff:*, or the one it lacks"
            )
        case MasterNotFoundError() | BlockingMasterNotFoundError():
            text = (
                f"no Sentinel knows a primary for {address}: correct hosts and SERVICE of REDIS_URL, "
                "and set ?sentinel_password=PASSWORD where the Sentinels ask for one"
            )
        case redis.ConnectionError() if _told_by(cause, ssl.SSLCertVerificationError):
            text = (
                f"Redis at {address} shows a certificate that is not trusted: "
                "name its authority in REDIS_URL, ?ssl_ca_certs=/PATH/TO/CA.crt"
            )
        case redis.ConnectionError() if _told_by(cause, ssl.SSLError):
            text = f"Redis at {address}: the TLS handshake failed. If the server has no TLS, use redis://"
        case redis.BusyLoadingError():
            text = f"Redis at {address} is still loading its data: wait and start again"
        case redis.TimeoutError() | redis.ConnectionError():
            text = (
                f"Redis at {address} is not reachable: start it, correct REDIS_URL, or unset it to use the private one"
            )
        case _:
            text = f"Redis at {address} does not answer as Redis does ({type(cause).__name__}): correct REDIS_URL"
    return UnusableRedisError(text)


def _told_by(error: BaseException | None, kind: type[Exception]) -> bool:
    """Tell whether an error goes back to another."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error is not None


def _refuse_decoding(client: Any) -> None:
    if client.connection_pool.connection_kwargs.get("decode_responses"):
        raise UnusableRedisError("the Redis client decodes replies to text, values are bytes: decode_responses=False")
