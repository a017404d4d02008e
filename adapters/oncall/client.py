"""The HTTP client of all sources, and what it refuses (P6).

It refuses:

* redirects to another origin: a token must not be sent to another host;
* addresses that are not public, also those that a name resolves to, unless app.yaml names them: as the host of the URL
  itself, or among the `networks` of the source. The check is made at the connection, so a DNS answer that changes
  between check and use does not matter;
* answers over 1 MB, answers after 10 s, and any status but 200;
* plain HTTP, except to the loopback.

No error repeats any part of a request or an answer: an address may hold a key, and an answer may quote a token. Errors
give the name of the service and a status only. A service that asks for a pause (Retry-After) is not waited for: the
error says how long it asks for.
"""

import contextlib
import ipaddress
import json
import re
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode, urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from typing_extensions import override

from engine.addresses import is_loopback
from engine.ports import SourceFailedError

LARGEST: Final = 1_000_000
"""Bytes of an answer."""
SECONDS: Final = 10.0
"""For a whole lookup, all of its pages included."""
_REDIRECTS = 3
_LONGEST_REST = timedelta(days=1)
_REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
_ASKS_TO_WAIT = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_REFUSES_TOKEN = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Query = Sequence[tuple[str, str]]


class _PrivateAddressError(OSError):
    """A name resolves to an address that is neither public nor named in app.yaml."""


class PublicOnly(AbstractResolver):
    """A resolver that refuses names with an address that is neither public nor in one of the networks."""

    def __init__(self, networks: Sequence[Network], host: str, inner: AbstractResolver | None = None) -> None:
        self._networks, self._named = networks, host if is_loopback(host) else ""
        self._inner = inner or ThreadedResolver()

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Resolve a name. Raises OSError for an address that may not be reached."""
        found = await self._inner.resolve(host, port, family)
        if any(not self._may_be_reached(host, each["host"]) for each in found):
            raise _PrivateAddressError
        return found

    @override
    async def close(self) -> None:
        await self._inner.close()

    def _may_be_reached(self, host: str, spelled: str) -> bool:
        address: Address = ipaddress.ip_address(spelled.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if host == self._named:
            return address.is_loopback
        public = address.is_global and not address.is_multicast
        return public or any(address in each for each in self._networks)


@dataclass(slots=True)
class Client:
    """Asks one service over HTTP; `service` is its name in messages. Use it within `open`."""

    service: str
    base: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    networks: Sequence[Network] = ()
    seconds: float = SECONDS
    resolver: AbstractResolver | None = None
    _session: aiohttp.ClientSession | None = None

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Client"]:
        """Keep connections open until the block ends."""
        resolver = PublicOnly(self.networks, urlsplit(self.base).hostname or "", self.resolver)
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=resolver, limit=4),
            headers={"User-Agent": "signoff", **self.headers},
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self.seconds),
        ) as session:
            self._session = session
            try:
                yield self
            finally:
                self._session = None

    async def json(self, path: str = "", query: Query = ()) -> Any:
        """Get an answer's JSON. Raises SourceFailedError."""
        body = await self.get(path, query)
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise SourceFailedError(f"{self.service} did not answer with JSON.") from None

    async def get(self, path: str = "", query: Query = ()) -> bytes:
        """Get an answer's body. Raises SourceFailedError."""
        try:
            return await self._get_following(self._url(path, query))
        except TimeoutError:
            raise SourceFailedError(f"{self.service} did not answer within {self.seconds:g} s.") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise SourceFailedError(f"{self.service} {_describe(error)}.") from None

    def _url(self, path: str, query: Query) -> str:
        url = self.base.rstrip("/") + path if path else self.base
        return f"{url}?{urlencode(query)}" if query else url

    async def _get_following(self, url: str) -> bytes:
        origin = _origin(url)
        for _ in range(_REDIRECTS + 1):
            async with self._open_session.get(url, allow_redirects=False) as answer:
                if answer.status not in _REDIRECT_STATUSES:
                    return await self._body(answer)
                url = urljoin(url, answer.headers.get("Location", ""))
            if _origin(url) != origin:
                raise SourceFailedError(f"{self.service} redirects to another host, which is refused.")
        raise SourceFailedError(f"{self.service} redirects too many times.")

    @property
    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise AssertionError("a client is used within open()")
        return self._session

    async def _body(self, answer: aiohttp.ClientResponse) -> bytes:
        if answer.status != HTTPStatus.OK:
            raise self._refusal(answer)
        body = bytearray()
        async for chunk in answer.content.iter_any():
            body += chunk
            if len(body) > LARGEST:
                raise SourceFailedError(f"{self.service} answered with more than 1 MB, which is refused.")
        return bytes(body)

    def _refusal(self, answer: aiohttp.ClientResponse) -> SourceFailedError:
        if answer.status in _REFUSES_TOKEN:
            return SourceFailedError(f"{self.service} denies access (status {answer.status}).")
        rest = rest_of(answer.headers.get("Retry-After", "")) if answer.status in _ASKS_TO_WAIT else None
        return SourceFailedError(f"{self.service} answered with status {answer.status}.", rest)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def rest_of(retry_after: str) -> timedelta | None:
    """Read the pause of a `Retry-After`: seconds or a date (RFC 9110, section 10.2.3). A day at most."""
    text = retry_after.strip()
    if re.fullmatch("[0-9]{1,9}", text):
        return min(timedelta(seconds=int(text)), _LONGEST_REST)
    try:
        rest = parsedate_to_datetime(text) - datetime.now(UTC)
    except (ValueError, TypeError, OverflowError):  # no date, or one without an offset
        return None
    return max(timedelta(), min(rest, _LONGEST_REST))


def _describe(error: Exception) -> str:
    """Describe an error, without the parts of the request that it quotes."""
    causes = {type(each) for each in (error, error.__cause__, getattr(error, "os_error", None)) if each is not None}
    if _PrivateAddressError in causes:
        return "has a private address that app.yaml does not name (networks), which is refused"
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "cannot be reached (DNS)"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return "cannot be reached (TLS)"
        case aiohttp.ClientConnectionError() | OSError():
            return f"cannot be reached ({type(error).__name__})"
        case _:
            return f"gave no answer that can be read ({type(error).__name__})"
