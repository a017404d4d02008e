"""Every deployment has a URL that people know from elsewhere, and a wrong one is told what, where and the mend."""

import asyncio

import pytest

from adapters.redis.transport import deployments
from adapters.redis.transport.cluster import Cluster, SyncCluster
from adapters.redis.transport.connection import Database, SyncDatabase
from adapters.redis.transport.errors import UnusableRedisError
from adapters.redis.transport.multiplexed import Multiplexed
from adapters.redis.transport.urls import Node, Nodes, Sentinels, Single, read

SECRET = "hunter2-hunter2"


def test_one_server_is_redis_pys_own_affair() -> None:
    assert read("rediss://h:1/2?ssl_check_hostname=no") == Single("rediss://h:1/2?ssl_check_hostname=no")
    assert read("unix:///run/redis.sock?db=3") == Single("unix:///run/redis.sock?db=3")


def test_sentinels() -> None:
    at = read("redis+sentinel://bob:p%40ss@one:1,two,[::1]:3/main/2?sentinel_password=x%26y&socket_timeout=1.5")
    assert at == Sentinels(
        sentinels=(Node("one", 1), Node("two", 26379), Node("::1", 3)),
        service="main",
        db=2,
        tls=False,
        options={"username": "bob", "password": "p@ss", "socket_timeout": 1.5},
        sentinel_options={"password": "x&y"},
    )


def test_sentinels_over_tls_share_its_options() -> None:
    at = read("rediss+sentinel://one/main?ssl_cert_reqs=none&sentinel_username=sam")
    assert isinstance(at, Sentinels)
    assert at.tls
    assert at.db == 0
    assert at.options == {"ssl_cert_reqs": "none"}
    assert at.sentinel_options == {"ssl_cert_reqs": "none", "username": "sam"}


def test_a_cluster() -> None:
    options = {"password": "pass"}
    assert read("rediss+cluster://:pass@one:1,two") == Nodes(
        (Node("one", 1), Node("two", 6379)), tls=True, options=options
    )
    assert read("redis+cluster://one/0") == Nodes((Node("one", 6379),), tls=False, options={})


def test_what_is_read_shows_no_password() -> None:
    for url in (f"redis://:{SECRET}@h", f"redis+sentinel://:{SECRET}@h/m?sentinel_password={SECRET}"):
        assert SECRET not in repr(read(url))
    assert SECRET not in repr(read(f"redis+cluster://:{SECRET}@h"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"http://:{SECRET}@h", "starts with http://: write redis://HOST:PORT/0, .*redis[+]cluster://"),
        (f"sentinel://:{SECRET}@h", "starts with sentinel://: write .*redis[+]sentinel://HOST:26379"),
        (SECRET, "is not a URL: write"),
        (
            f"redis+sentinel://:{SECRET}@h:26379",
            r"does not name the service .*: write redis[+]sentinel://HOST:26379/SERV",
        ),
        (f"redis+sentinel://h/main/{SECRET}", "names a database that is not a number: write"),
        (f"redis+sentinel://h:{SECRET}/main", "cannot be read .*: write"),
        (f"redis+sentinel://:{SECRET}@/main", "lacks a host: write"),
        (f"redis+cluster://:{SECRET}@a,,b", "lacks a host: write"),
        (
            f"redis+cluster://:{SECRET}@h/3",
            "names a database, but a cluster has only database 0: write redis[+]cluster://",
        ),
        (f"redis+cluster://h?socket_timeout={SECRET}", "cannot be read"),
        (f"redis://h?nonsense={SECRET}", "has an option that redis-py does not know or cannot read: correct"),
        (f"redis+sentinel://h/m?nonsense={SECRET}", "has an option that redis-py does not know or cannot read"),
        (f"redis+cluster://h?nonsense={SECRET}", "has an option that redis-py does not know or cannot read"),
        ("rediss+cluster://h?ssl_ca_certs=/no/such/file", "names no file in ssl_ca_certs: write the path"),
    ],
)
def test_a_wrong_url(url: str, said: str) -> None:
    for make in (deployments.multiplexed, deployments.blocking):
        with pytest.raises(UnusableRedisError, match=f"^REDIS_URL {said}") as caught:
            make(url)
        assert SECRET not in str(caught.value)
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("url", "kinds"),
    [
        ("redis://h", (Multiplexed, SyncDatabase)),
        ("unix:///run/redis.sock", (Multiplexed, SyncDatabase)),
        ("redis+sentinel://h/main", (Multiplexed, SyncDatabase)),
        ("redis+cluster://h", (Cluster, SyncCluster)),
    ],
)
async def test_each_url_gets_its_transport(url: str, kinds: tuple[type, type]) -> None:
    async with deployments.multiplexed(url) as one:
        assert type(one) is kinds[0]
    other = deployments.blocking(url)
    assert type(other) is kinds[1]
    await asyncio.to_thread(other.close)


def test_a_cluster_where_only_one_server_will_do() -> None:
    for kind in (Database, Multiplexed, SyncDatabase):
        with pytest.raises(UnusableRedisError, match="names a cluster, which cannot be used here: write redis://"):
            kind.from_url(f"redis+cluster://:{SECRET}@h")


async def test_addresses_hold_no_password() -> None:
    async with deployments.multiplexed(f"rediss+sentinel://bob:{SECRET}@a,b:1/main") as one:
        assert one.address == "service main of Sentinel a:26379,b:1"
    async with deployments.multiplexed(f"rediss+cluster://bob:{SECRET}@a,[::1]:1") as many:
        assert many.address == "a:6379,[::1]:1"


@pytest.mark.parametrize(
    "url",
    ["redis://h:1/0?wait=1", "redis+sentinel://h/main?wait=1&db=2", "redis+cluster://h:1?socket_timeout=2&wait=1"],
)
def test_how_many_replicas_are_waited_for(url: str) -> None:
    assert read(url).wait == 1
    assert "wait" not in repr(getattr(read(url), "options", getattr(read(url), "url", "")))


@pytest.mark.parametrize("wait", ["", "one", "-1", "1.5", "11"])
def test_a_wait_that_is_no_number_of_replicas(wait: str) -> None:
    with pytest.raises(UnusableRedisError, match=r"has a wait that is no number of replicas: write \?wait=1"):
        read(f"redis+cluster://h:1?wait={wait}")
