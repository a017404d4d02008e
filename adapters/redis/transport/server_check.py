"""Finds out whether Signoff can work with a server, and turns a client's errors into sentences for the operator."""

import ssl
from dataclasses import dataclass
from typing import Self

import redis
from redis.asyncio.sentinel import MasterNotFoundError
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError
from redis.sentinel import MasterNotFoundError as BlockingMasterNotFoundError

from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.errors import UnusableRedisError
from adapters.redis.transport.scripts import Command

OLDEST = (6, 2)


async def check(database: AsyncTransport, address: str) -> list[str]:
    """Find out whether Signoff can work with a server; gives warnings, one sentence each.

    Raises UnusableRedisError for a server that is not reachable, refuses us, is too old, or is a replica.
    """
    try:
        await database.run(Command("EVAL", "return 1", 0))
        info = await database.run(Command("INFO"))
        return judge(info, address) + among_others(info, address)
    except RedisError as error:
        raise explain(error, address) from None


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
