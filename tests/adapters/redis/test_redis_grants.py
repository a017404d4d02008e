"""What Redis makes of grants beyond what every store promises."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from contracts.samples import BOB, NOW, THREAD, a_grant
from contracts.waiting import wait_until

from adapters.redis.keys import Keys
from adapters.redis.stores.grants import RedisGrants
from adapters.redis.transport.base import AsyncTransport
from engine.ids import InterruptId, approval_id

KEYS = Keys()
APPROVAL = approval_id(THREAD, InterruptId("i1"), "digest")


@pytest.fixture
def grants(runs: AsyncTransport) -> RedisGrants:
    return RedisGrants(runs, KEYS)


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.mark.promise("P6")
async def test_a_clock_that_stands_still_or_is_put_back_lengthens_no_grant(grants: RedisGrants, client: Any) -> None:
    grant = a_grant(until=a_grant().given_at + timedelta(seconds=2))
    await grants.give(grant)
    assert await grants.use(grant, APPROVAL, grant.given_at)
    await wait_until(lambda: not client.exists(KEYS.grant(THREAD, grant.id)))
    assert not await grants.use(grant, APPROVAL, grant.given_at)
    assert not await grants.of_thread(THREAD, grant.given_at)
    assert not await grants.of_person(BOB, grant.given_at)


async def test_every_key_of_a_grant_is_forgotten(grants: RedisGrants, client: Any) -> None:
    await grants.give(a_grant(1))
    await grants.give(a_grant(2))
    await grants.use(a_grant(1), APPROVAL, NOW)
    await grants.revoke(a_grant(1), BOB, NOW)
    keys = client.keys("*")
    assert len(keys) >= 5
    assert all(client.ttl(key) > 0 for key in keys)
    assert 0 < client.ttl(KEYS.grant(THREAD, "grant-1")) <= 3600, "the mark of a revocation stays as long as the grant"


@pytest.mark.promise("P6")
@pytest.mark.parametrize("word", [b"", b"{}", b"not a document", b'{"v":99,"d":{}}', b"\xff"])
async def test_what_cannot_be_read_allows_nothing_and_can_be_revoked(
    word: bytes, grants: RedisGrants, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    kept, broken = a_grant(1), a_grant(2)
    for each in (kept, broken):
        await grants.give(each)
    client.set(KEYS.grant(THREAD, broken.id), word, keepttl=True)
    for _ in range(2):
        assert list(await grants.of_thread(THREAD, NOW)) == [kept]
    assert len(caplog.records) == 1
    assert not await grants.use(broken, APPROVAL, NOW)
    assert await grants.revoke(broken, BOB, NOW)
