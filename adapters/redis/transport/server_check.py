"""Finds out whether Signoff can work with a server, and turns a client's errors into sentences for the operator."""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import redis
from redis.asyncio.sentinel import MasterNotFoundError
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError
from redis.sentinel import MasterNotFoundError as BlockingMasterNotFoundError

from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.errors import UnusableRedisError
from adapters.redis.transport.scripts import Command
from adapters.redis.transport.urls import Node

OLDEST = (6, 2)


async def check(database: AsyncTransport, address: str, wait: int = 0) -> list[str]:
    """Find out whether Signoff can work with a server; gives warnings, one sentence each.

    `wait` is the number of replicas that a click waits for.

    Raises UnusableRedisError for a server that is not reachable, refuses us, is too old, a replica, or one node of a
    cluster.
    """
    try:
        await database.run(Command("EVAL", "return 1", 0))
        info = await database.run(Command("INFO"))
    except RedisError as error:
        raise explain(error, address) from None
    if b"cluster_enabled:1" in info:
        raise node_of_cluster(address)
    return judge(info, address, wait)


@dataclass(frozen=True, slots=True)
class _Server:
    """The facts of INFO that we need."""

    name: str
    version: tuple[int, ...]
    role: str
    policy: str
    has_log: bool
    replicas: int

    @classmethod
    def of(cls, info: bytes) -> Self:
        lines = (line.partition(":") for line in info.decode(errors="replace").splitlines())
        facts = {name: value for name, _, value in lines}
        name, version = "Redis", facts.get("redis_version", "0")
        if "valkey_version" in facts:
            name, version = "Valkey", facts["valkey_version"]
        numbers = tuple(int(number) for number in version.split(".") if number.isdigit())
        return cls(
            name,
            numbers,
            facts.get("role", ""),
            facts.get("maxmemory_policy", ""),
            facts.get("aof_enabled") != "0",
            int(facts.get("connected_slaves", "0")),
        )


_UNREACHABLE = "start it, correct REDIS_URL, or unset it to use the private Valkey"


def judge(info: bytes, address: str, wait: int = 0) -> list[str]:
    """Check a server by its INFO; gives warnings. Raises UnusableRedisError for a server that we cannot use."""
    server = _Server.of(info)
    version = ".".join(map(str, server.version))
    if server.version < OLDEST:
        raise UnusableRedisError(f"Redis at {address} has version {version}: use Redis 6.2 or newer, or any Valkey")
    if server.role in ("slave", "replica"):
        raise UnusableRedisError(f"Redis at {address} is a read-only replica: point REDIS_URL at its primary")
    warnings = []
    if server.policy not in ("noeviction", ""):
        danger = f"{server.name} at {address} may delete approvals when its memory is full"
        warnings.append(f"{danger} (maxmemory-policy is {server.policy}): set maxmemory-policy to noeviction")
    if not server.has_log:
        danger = f"{server.name} at {address} loses decisions when it restarts (appendonly is no)"
        warnings.append(f"{danger}: set appendonly to yes")
    if server.replicas < wait:
        has = f"{server.name} at {address} has {server.replicas or 'no'} replica{'s' * (server.replicas > 1)}"
        warnings.append(
            f"{has}, fewer than ?wait={wait} waits for: clicks go on unprotected. Add replicas, or lower it"
        )
    return warnings


def warn_of_replicas(replicas: Mapping[Node, Sequence[Node]]) -> list[str]:
    """Warn of the primaries of a cluster that no replica can follow."""
    alone = ", ".join(str(primary) for primary, found in replicas.items() if not found)
    danger = "if it fails, the bot waits until it is back"
    return [f"Redis Cluster: no replica of {alone}; {danger}. Add a replica of each primary"] if alone else []


def node_of_cluster(address: str) -> UnusableRedisError:
    """The error for a cluster's node that the URL names as a single server: it refuses the slots of the others."""
    return UnusableRedisError(
        f"Redis at {address} is a node of a cluster: write redis+cluster://HOST:PORT,HOST:PORT, with some of its nodes"
    )


def explain(error: RedisError, address: str, unreachable: str = _UNREACHABLE) -> UnusableRedisError:
    """Turn a client's error into a sentence that says how to fix it. Its text, which may quote secrets, is left out.

    `unreachable` is what to do where nobody answers.
    """
    cause = error.__cause__ if isinstance(error.__cause__, RedisError) else error  # a failed handshake is wrapped
    match cause:
        case AuthenticationError() if "required" in str(cause).lower():
            text = f"Redis at {address} requires a password: put it into REDIS_URL, redis://:PASSWORD@HOST:PORT/0"
        case AuthenticationError():
            text = f"Redis at {address} refuses the user or password: correct them in REDIS_URL"
        case NoPermissionError():
            text = f"Redis at {address} denies the user a command: grant +@all ~signoff:* &signoff:*"
        case MasterNotFoundError() | BlockingMasterNotFoundError():
            text = (
                f"no Sentinel knows a primary for {address}: correct the hosts and SERVICE in REDIS_URL, "
                "and set ?sentinel_password=PASSWORD if the Sentinels require one"
            )
        case redis.ConnectionError() if _caused_by(cause, ssl.SSLCertVerificationError):
            text = (
                f"Redis at {address} has a certificate that is not trusted: "
                "name its CA in REDIS_URL, ?ssl_ca_certs=/PATH/TO/CA.crt"
            )
        case redis.ConnectionError() if _caused_by(cause, ssl.SSLError):
            text = f"Redis at {address}: the TLS handshake failed. If the server has no TLS, use redis://"
        case redis.BusyLoadingError():
            text = f"Redis at {address} is still loading its data: wait and start again"
        case redis.TimeoutError() | redis.ConnectionError():
            text = f"Redis at {address} is unreachable: {unreachable}"
        case _:
            text = f"Redis at {address} does not answer like Redis ({type(cause).__name__}): correct REDIS_URL"
    return UnusableRedisError(text)


def _caused_by(error: BaseException | None, kind: type[Exception]) -> bool:
    """Tell whether an error of this kind is among the causes of an error."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error is not None
