"""What the client of all sources refuses: other hosts, private addresses, long answers (P6)."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_network
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from fakes.oncall_services import ServiceServer
from typing_extensions import override

from adapters.oncall.client import LARGEST, Client, PublicOnly, rest_of
from engine.addresses import is_loopback
from engine.ports import SourceFailedError

pytestmark = pytest.mark.promise("P6")


@pytest.fixture
async def server() -> AsyncIterator[ServiceServer]:
    async with ServiceServer() as server:
        yield server


@pytest.fixture
async def other() -> AsyncIterator[ServiceServer]:
    async with ServiceServer() as server:
        yield server


async def got(base: str, path: str = "", **more: Any) -> bytes:
    async with Client("The service", base, {"Authorization": "Bearer secret"}, **more).open() as client:
        return await client.get(path)


def moves(server: ServiceServer, *to: str) -> None:
    """Redirect once to each of these, and then answer."""
    left = list(to)

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": left.pop(0)}) if left else web.Response(text="here")

    server._answer = answer


async def test_a_redirect_within_the_host_is_followed(server: ServiceServer) -> None:
    moves(server, "/else", f"{server.url}/again")
    assert await got(server.url, "/now") == b"here"
    assert [each.path for each in server.requests] == ["/now", "/else", "/again"]


async def test_a_redirect_to_another_host_is_refused_and_the_token_stays(
    server: ServiceServer, other: ServiceServer
) -> None:
    other.says({})
    port = server.url.rpartition(":")[2]
    for target in (
        other.url,
        f"http://localhost:{port}/",
        "http://169.254.169.254/",
        "//elsewhere.example/",
        "file:/x",
    ):
        moves(server, target)
        with pytest.raises(SourceFailedError, match="redirects to another host"):
            await got(server.url)
    assert other.requests == []


async def test_redirects_without_an_end_are_refused(server: ServiceServer) -> None:
    moves(server, *["/"] * 20)
    with pytest.raises(SourceFailedError, match="redirects too many times"):
        await got(server.url)
    assert len(server.requests) == 4


async def test_an_answer_of_more_than_a_megabyte_is_refused(server: ServiceServer) -> None:
    server.fails(200, text="x" * LARGEST)
    assert len(await got(server.url)) == LARGEST
    server.fails(200, text="x" * (LARGEST + 1))
    with pytest.raises(SourceFailedError, match="more than 1 MB"):
        await got(server.url)


async def test_an_answer_that_unpacks_to_more_than_a_megabyte_is_refused(server: ServiceServer) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        response = web.Response(text="x" * (20 * LARGEST))
        response.enable_compression(web.ContentCoding.gzip)
        return response

    server._answer = answer
    with pytest.raises(SourceFailedError, match="more than 1 MB"):
        await got(server.url)


class Resolver(AbstractResolver):
    """A DNS that knows one address for all names."""

    def __init__(self, address: str) -> None:
        self.address = address

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        kind = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        return [ResolveResult(hostname=host, host=self.address, port=port, family=kind, proto=0, flags=0)]

    @override
    async def close(self) -> None:
        """Nothing is held."""


PRIVATE = (
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104
    "::1", "fe80::1", "fd00::1", "::ffff:10.1.2.3", "224.0.0.1",
)  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_that_resolves_to_a_private_address_is_refused(address: str) -> None:
    with pytest.raises(SourceFailedError, match=r"private address that app\.yaml does not name"):
        await got("https://rota.example/now", resolver=Resolver(address))


async def test_a_private_address_in_a_network_that_the_file_names_is_reached(server: ServiceServer) -> None:
    server.says({})
    url = server.url.replace("127.0.0.1", "rota.example")
    assert await got(url, resolver=Resolver("127.0.0.1"), networks=[ip_network("127.0.0.0/8")]) == b"{}"
    with pytest.raises(SourceFailedError, match="private address"):
        await got(url, resolver=Resolver("127.0.0.1"), networks=[ip_network("10.0.0.0/8")])


async def test_localhost_is_this_machine_and_only_that(server: ServiceServer) -> None:
    server.says({})
    url = server.url.replace("127.0.0.1", "localhost")
    assert await got(url, resolver=Resolver("127.0.0.1")) == b"{}"
    with pytest.raises(SourceFailedError, match="private address"):
        await got(url, resolver=Resolver("10.0.0.1"))


async def test_a_public_address_is_reached() -> None:
    (found,) = await PublicOnly((), "rota.example", Resolver("93.184.216.34")).resolve("rota.example")
    assert found["host"] == "93.184.216.34"


def test_this_machine_is_known_by_its_names() -> None:
    assert all(map(is_loopback, ("localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "[::1]")))
    assert not any(map(is_loopback, ("localhost.example", "10.0.0.1", "127.0.0.1.example", "2130706433", "")))


async def test_a_service_that_is_not_there_is_said_without_its_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{taken.getsockname()[1]}/rota?key=secret"
        with pytest.raises(SourceFailedError, match="cannot be reached") as failed:
            await got(base)
    assert "secret" not in str(failed.value)
    assert "127.0.0.1" not in str(failed.value)


async def test_what_is_no_http_is_a_failure() -> None:
    async def nonsense(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    async with server:
        with pytest.raises(SourceFailedError, match="no answer that can be read"):
            await got(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")


def test_retry_after_is_read_as_seconds_and_as_a_date() -> None:
    assert rest_of("3600") == timedelta(hours=1)
    assert rest_of(" 7 ") == timedelta(seconds=7)
    assert rest_of("999999999") == timedelta(days=1), "a day at most"
    in_an_hour = rest_of(format_datetime(datetime.now(UTC) + timedelta(hours=1)))
    assert in_an_hour is not None
    assert timedelta(minutes=59) < in_an_hour <= timedelta(hours=1)
    assert rest_of("Wed, 21 Oct 2015 07:28:00 GMT") == timedelta()
    assert [rest_of(each) for each in ("", "soon", "-5", "1.5", "٣")] == [None] * 5
