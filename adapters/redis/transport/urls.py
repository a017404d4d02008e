"""Parses a URL of Redis into the deployment that it names.

    redis://USER:PASSWORD@HOST:6379/0, rediss://... (TLS), unix:///PATH/TO/SOCKET
    redis+sentinel://USER:PASSWORD@HOST:26379,HOST:26379/SERVICE/0?sentinel_username=...&sentinel_password=...
    redis+cluster://USER:PASSWORD@HOST:7000,HOST:7001

`rediss+sentinel` and `rediss+cluster` are the same over TLS, to the Sentinels as well. User and password are those of
the data servers; the Sentinels have their own, none by default. Every other option is one of redis-py's connections
(`ssl_ca_certs`, `socket_timeout`, ...); options named `ssl_...` apply to the Sentinels too. The default port is 6379,
for Sentinels 26379. `wait=1`, with each of them, makes the bot wait for as many replicas before it acknowledges what
people do: see `adapters.redis.transport.replicated`.

These forms are not ours. `redis+sentinel` comes from the package redis-sentinel-url, and limits and Prefect read it;
`redis+cluster` comes from limits (https://limits.readthedocs.io/en/stable/storage.html). Kombu's
`sentinel://...;sentinel://...` has no place for the service's name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from redis.connection import parse_url

from adapters.redis.transport.errors import UnusableRedisError

_FORMS = (
    "redis://HOST:PORT/0, rediss://HOST:PORT/0 (TLS), unix:///PATH/TO/SOCKET, "
    "redis+sentinel://HOST:26379,HOST:26379/SERVICE/0 or redis+cluster://HOST:PORT,HOST:PORT"
)
_MOST_REPLICAS = 10
_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


class Node(NamedTuple):
    """The address of a server."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Single:
    """One server; `url` is one of redis-py's own."""

    url: str = field(repr=False)
    wait: int = 0


@dataclass(frozen=True, slots=True)
class Sentinels:
    """A primary that Sentinels know by its service name. Options are redis-py's, passwords among them."""

    sentinels: tuple[Node, ...]
    service: str
    db: int
    tls: bool
    options: Mapping[str, Any] = field(repr=False)
    sentinel_options: Mapping[str, Any] = field(repr=False)
    wait: int = 0


@dataclass(frozen=True, slots=True)
class Nodes:
    """A cluster, by some of its nodes. Options are redis-py's, passwords among them."""

    seeds: tuple[Node, ...]
    tls: bool
    options: Mapping[str, Any] = field(repr=False)
    wait: int = 0


Deployment: TypeAlias = Single | Sentinels | Nodes


def read(url: str) -> Deployment:
    """Read a URL. Raises UnusableRedisError, which does not repeat the URL."""
    scheme = url.partition("://")[0].lower() if "://" in url else ""
    try:
        url, wait = _without_wait(url)
        match scheme:
            case "redis" | "rediss" | "unix":
                return replace(_single(url), wait=wait)
            case "redis+sentinel" | "rediss+sentinel":
                return replace(_sentinels(url, tls=scheme.startswith("rediss")), wait=wait)
            case "redis+cluster" | "rediss+cluster":
                return replace(_nodes(url, tls=scheme.startswith("rediss")), wait=wait)
    except (ValueError, TypeError):
        raise _unusable("cannot be read (is there a special character in the password? write it as %XX)") from None
    raise _unusable(f"starts with {scheme}://" if scheme.replace("+", "").isalnum() else "is not a URL") from None


def unknown_option() -> UnusableRedisError:
    """Make the error of a URL with an option that redis-py does not know."""
    return UnusableRedisError(
        "REDIS_URL has an option that redis-py does not know or cannot read: correct the part after the ?"
    )


def _without_wait(url: str) -> tuple[str, int]:
    """Take the option `wait` out of a URL. Raises UnusableRedisError if it is no small number."""
    rest, _, query = url.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    found = [value for name, value in pairs if name == "wait"]
    if not found:
        return url, 0
    if not all(value.isdecimal() and int(value) <= _MOST_REPLICAS for value in found):
        raise UnusableRedisError("REDIS_URL has a wait that is no number of replicas: write ?wait=1")
    others = urlencode([(name, value) for name, value in pairs if name != "wait"])
    return f"{rest}?{others}" if others else rest, int(found[-1])


def _single(url: str) -> Single:
    parts = urlsplit(url)
    if parts.scheme == "unix" and not parts.path:
        raise ValueError
    if parts.scheme != "unix":
        _ = parts.port  # raises ValueError if it is not a number
    _options(parts.query)
    return Single(url)


def _sentinels(url: str, *, tls: bool) -> Sentinels:
    user, members, path, query = _split(url)
    service, _, db = path.partition("/")
    if not service:
        raise _unusable("does not name the service that the Sentinels watch", "redis+sentinel://HOST:26379/SERVICE/0")
    if not (db or "0").isdecimal():
        raise _unusable("names a database that is not a number", "redis+sentinel://HOST:26379/SERVICE/0")
    own = {name: value for name, value in parse_qsl(query) if name in ("sentinel_username", "sentinel_password")}
    options = _options(urlencode([(name, value) for name, value in parse_qsl(query) if name not in own]))
    shared = {name: value for name, value in options.items() if name.startswith("ssl_")}
    return Sentinels(
        sentinels=_members(members, 26379),
        service=unquote(service),
        db=int(db or "0"),
        tls=tls,
        options=options | user,
        sentinel_options=shared | {name.removeprefix("sentinel_"): value for name, value in own.items()},
    )


def _nodes(url: str, *, tls: bool) -> Nodes:
    user, members, path, query = _split(url)
    options = _options(query)
    if path not in ("", "0") or options.get("db"):
        raise _unusable("names a database, but a cluster has only database 0", "redis+cluster://HOST:PORT,HOST:PORT")
    return Nodes(_members(members, 6379), tls, options | user)


def _split(url: str) -> tuple[dict[str, str], str, str, str]:
    """Give user and password, the hosts, the path and the query: urlsplit cannot read several hosts."""
    rest, _, query = url.partition("://")[2].partition("?")
    place, _, path = rest.partition("/")
    login, _, members = place.rpartition("@")
    username, _, password = login.partition(":")
    user = {"username": unquote(username), "password": unquote(password)}
    return {name: value for name, value in user.items() if value}, members, path.strip("/"), query


def _members(text: str, port: int) -> tuple[Node, ...]:
    found = [urlsplit(f"//{member.strip()}") for member in text.split(",")]
    if not all(member.hostname for member in found):
        raise _unusable("lacks a host")
    return tuple(Node(member.hostname or "", member.port or port) for member in found)


def _options(query: str) -> dict[str, Any]:
    """Read options as redis-py reads them. Raises ValueError for a value that it cannot read."""
    options: dict[str, Any] = parse_url(f"redis://?{query}")  # type: ignore[no-untyped-call]
    for name in _FILES:
        if name in options and not Path(options[name]).is_file():
            raise UnusableRedisError(f"REDIS_URL names no file in {name}: write the path of a readable file")
    return options


def _unusable(what: str, form: str = _FORMS) -> UnusableRedisError:
    return UnusableRedisError(f"REDIS_URL {what}: write {form}")
