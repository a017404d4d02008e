"""How we connect to Redis, in one place, for everything but the server itself.

What scripts and stores need is small: `run` one call, or `run_all` of several in one round trip. Nothing else of a
client is used, so that another transport can stand behind the same two methods.

Decisions, each measured:
* redis-py's default pool raises MaxConnectionsError under 200 tasks at once; one that blocks loses none, and 32
  connections are as fast as more.
* A client that is given its own pool gets no retries, so that the pool is given them. A repeated call may run twice:
  every script is safe to run twice (see `adapters.redis.scripts`).
* RESP2 and no conversion of replies: a call reads the same bytes whatever the transport is.
* In a pipeline, too, a script goes by its hash: to send and to hash its source costs more than all the rest. A server
  that lost its scripts refuses the first that it does not know; that and all behind it are sent again, with their
  source. What stands behind a script may so run once before it: put nothing there that may not.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Any, Protocol, Self, TypeVar
from urllib.parse import urlsplit

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, NoScriptError, RedisError
from redis.retry import Retry

from adapters.redis.scripts import Arg, Call, Command

POOL_SIZE = 32
POOL_WAIT = 20.0
"""Seconds that a call waits for a free connection before it fails."""
SOCKET_TIMEOUT = 5.0
"""Seconds without an answer after which a connection is given up. Blocking reads must ask for less."""
OLDEST = (6, 2)

_RETRIES = 5
_BACKOFF_SECONDS = MappingProxyType({"base": 0.01, "cap": 0.5})
_OPTIONS: Mapping[str, Any] = MappingProxyType(
    {
        "max_connections": POOL_SIZE,
        "timeout": POOL_WAIT,
        "socket_timeout": SOCKET_TIMEOUT,
        "socket_connect_timeout": SOCKET_TIMEOUT,
        "client_name": "signoff",
        "protocol": 2,
    }
)

R = TypeVar("R")


class UnusableRedisError(Exception):
    """Redis cannot be used. The message says what is wrong, where, and the mend, and holds no password."""


class Runs(Protocol):
    """What a store needs of Redis; `Database` is one."""

    async def run(self, call: Call[R]) -> R:
        """Run one call."""
        ...

    async def run_all(self, *calls: Call[R]) -> list[R]:
        """Run several calls in order and in one round trip; each is atomic, the whole is not."""
        ...


def pool_of(url: str) -> "redis.asyncio.ConnectionPool":
    """Make a pool with our settings. Raises UnusableRedisError when `url` is not one of Redis."""
    retry = AsyncRetry(ExponentialWithJitterBackoff(**_BACKOFF_SECONDS), _RETRIES)
    try:
        return redis.asyncio.BlockingConnectionPool.from_url(_checked(url), **_OPTIONS, retry=retry)
    except (ValueError, TypeError):
        raise _bad_url(url) from None


async def check(database: Runs, address: str) -> list[str]:
    """Find out whether Signoff can work with a server; gives warnings, one sentence each.

    Raises UnusableRedisError for a server that is not reachable, refuses us, is too old, or is a replica.
    """
    try:
        await database.run(Command("EVAL", "return 1", 0))
        return judge(await database.run(Command("INFO")), address)
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
        return address_of(self.client.connection_pool.connection_kwargs)

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

    def __init__(self, client: "redis.Redis", *, owned: bool = False) -> None:
        _refuse_decoding(client)
        self.client = client
        self._owned = owned
        self._raw = redis.Redis(connection_pool=client.connection_pool)
        self._raw.response_callbacks.clear()
        self._execute: Callable[..., Any] = self._raw.execute_command

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Make a connection that opens on first use. Raises UnusableRedisError when `url` is not one of Redis."""
        retry = Retry(ExponentialWithJitterBackoff(**_BACKOFF_SECONDS), _RETRIES)
        try:
            pool = redis.BlockingConnectionPool.from_url(_checked(url), **_OPTIONS, retry=retry)
        except (ValueError, TypeError):
            raise _bad_url(url) from None
        return cls(redis.Redis.from_pool(pool), owned=True)

    @property
    def address(self) -> str:
        """Where the server is, without user and password."""
        return address_of(self.client.connection_pool.connection_kwargs)

    def run(self, call: Call[R]) -> R:
        """Run one call: see `Database.run`."""
        try:
            reply = self._execute(*call.by_hash())
        except NoScriptError:
            reply = self._execute(*call.by_source())
        return call.read(reply)

    def run_all(self, *calls: Call[R]) -> list[R]:
        """Run several calls in order and in one round trip: see `Database.run_all`."""
        replies = self._pipe([call.by_hash() for call in calls])
        if (unknown := first_unknown(replies)) is not None:
            replies[unknown:] = self._pipe([call.by_source() for call in calls[unknown:]])
        return read_all(calls, replies)

    def _pipe(self, commands: Sequence[tuple[Arg, ...]]) -> list[Any]:
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


def explain(error: RedisError, address: str) -> UnusableRedisError:
    """Turn a client's error into a sentence with its mend. Texts of others are not repeated: they may quote secrets."""
    cause = error.__cause__ if isinstance(error.__cause__, RedisError) else error  # a failed handshake is wrapped
    match cause:
        case AuthenticationError() if "required" in str(cause).lower():
            text = f"Redis at {address} asks for a password: put it into REDIS_URL, redis://:PASSWORD@HOST:PORT/0"
        case AuthenticationError():
            text = f"Redis at {address} refuses the user or password: correct them in REDIS_URL"
        case NoPermissionError():
            text = f"Redis at {address} forbids its user a command: allow +@all on the key prefix, or INFO and scripts"
        case redis.BusyLoadingError():
            text = f"Redis at {address} is still loading its data: wait and start again"
        case redis.TimeoutError() | redis.ConnectionError():
            text = (
                f"Redis at {address} is not reachable: start it, correct REDIS_URL, or unset it to use the private one"
            )
        case _:
            text = f"Redis at {address} does not answer as Redis does ({type(cause).__name__}): correct REDIS_URL"
    return UnusableRedisError(text)


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "unix" and not parts.path:
        raise ValueError
    if parts.scheme != "unix":
        _ = parts.port  # raises ValueError where it is no number
    return url


def _bad_url(url: str) -> UnusableRedisError:
    scheme = url.partition("://")[0] if "://" in url else ""
    what = f"starts with {scheme}://" if scheme and scheme.isalnum() else "is not a URL"
    if scheme in ("redis", "rediss", "unix"):
        what = "cannot be read (is there a special character in the password? write it as %XX)"
    return UnusableRedisError(
        f"REDIS_URL {what}: write redis://HOST:PORT/0, rediss://HOST:PORT/0 (TLS) or unix:///PATH/TO/SOCKET"
    )


def address_of(options: Mapping[str, Any]) -> str:
    """Where a connection with these options goes, without user and password."""
    if "path" in options:
        return str(options["path"])
    return f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"


def _refuse_decoding(client: Any) -> None:
    if client.connection_pool.connection_kwargs.get("decode_responses"):
        raise UnusableRedisError("the Redis client decodes replies to text, values are bytes: decode_responses=False")
