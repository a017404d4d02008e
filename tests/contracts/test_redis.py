from collections.abc import AsyncIterator
from functools import partial
from typing import TypeVar

import pytest
from contracts.approvals_contract import ApprovalsContract, ConversationsContract, Stores
from contracts.backlog_contract import BacklogContract
from contracts.grants_contract import GrantsContract, GrantStores
from contracts.groups_contract import GroupMemoryContract, Memories
from contracts.lanes_contract import ATTEMPTS, LanesContract
from contracts.listing_contract import Listed, ListingContract
from contracts.lookups_contract import LookupsContract
from fakes import servers

from adapters.redis.keys import Keys
from adapters.redis.lanes.lanes import RedisLanes
from adapters.redis.stores.approvals import RedisApprovals
from adapters.redis.stores.audit import RedisAudit
from adapters.redis.stores.backlog import RedisBacklog
from adapters.redis.stores.conversations import RedisConversations
from adapters.redis.stores.grants import RedisGrants
from adapters.redis.stores.groups import RedisGroupMemory
from adapters.redis.stores.listing import RedisListing
from adapters.redis.stores.oncall_lookups import RedisLookups
from adapters.redis.transport.base import AsyncTransport
from adapters.redis.transport.cluster import Cluster
from adapters.redis.transport.connection import Database
from adapters.redis.transport.multiplexed import Multiplexed
from adapters.redis.transport.scripts import Command, RedisCall

R = TypeVar("R")


class Stutters:
    """A database whose every answer gets lost once, so that the call is sent again."""

    def __init__(self, database: AsyncTransport) -> None:
        self._database = database

    async def run(self, call: RedisCall[R]) -> R:
        await self._database.run(call)
        return await self._database.run(call)

    async def run_all(self, *calls: RedisCall[R]) -> list[R]:
        await self._database.run_all(*calls)
        return await self._database.run_all(*calls)

    def scan(self, match: str) -> AsyncIterator[bytes]:
        return self._database.scan(match)


@pytest.fixture
async def runs(redis_url: str) -> AsyncIterator[AsyncTransport]:
    async with Database.from_url(redis_url) as database:
        yield database


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def stores(redis_url: str, runs: AsyncTransport, keys: Keys) -> Stores:
    lanes = RedisLanes(runs, keys, redis_url)
    return Stores(RedisApprovals(runs, keys), RedisAudit(runs, keys), RedisConversations(runs, keys), lanes)


@pytest.fixture
def lanes(redis_url: str, runs: AsyncTransport, keys: Keys) -> RedisLanes:
    return RedisLanes(runs, keys, redis_url, attempts=ATTEMPTS)


@pytest.fixture
def backlog(runs: AsyncTransport, keys: Keys) -> RedisBacklog:
    return RedisBacklog(runs, keys)


@pytest.fixture
def group_memory(runs: AsyncTransport, keys: Keys) -> Memories:
    return partial(RedisGroupMemory, runs, keys, "T1")


class TestGroupMemory(GroupMemoryContract):
    pass


@pytest.fixture
def granted(runs: AsyncTransport, keys: Keys) -> GrantStores:
    return GrantStores(RedisGrants(runs, keys), RedisAudit(runs, keys))


class TestGrants(GrantsContract):
    pass


@pytest.fixture
def lookups(runs: AsyncTransport, keys: Keys) -> RedisLookups:
    return RedisLookups(runs, keys)


class TestLookups(LookupsContract):
    async def test_what_cannot_be_read_is_not_known(self, lookups: RedisLookups, runs: AsyncTransport) -> None:
        """Another version kept it: it is asked anew."""
        await runs.run(Command("SET", Keys().lookup("pay"), '{"v":99,"d":{}}', "EX", 60))
        assert await lookups.last("pay") is None


class TestBacklog(BacklogContract):
    pass


class TestApprovals(ApprovalsContract):
    pass


class TestConversations(ConversationsContract):
    pass


class TestLanes(LanesContract):
    pass


class _Stuttering:
    @pytest.fixture
    async def runs(self, redis_url: str) -> AsyncIterator[AsyncTransport]:
        async with Database.from_url(redis_url) as database:
            yield Stutters(database)


@pytest.mark.promise("P1")
class TestApprovalsWhoseAnswersGetLost(_Stuttering, ApprovalsContract):
    pass


@pytest.mark.promise("P1")
class TestLanesWhoseAnswersGetLost(_Stuttering, LanesContract):
    pass


@pytest.mark.promise("P1")
class TestBacklogWhoseAnswersGetLost(_Stuttering, BacklogContract):
    pass


@pytest.mark.promise("P1")
class TestGroupMemoryWhoseAnswersGetLost(_Stuttering, GroupMemoryContract):
    pass


@pytest.mark.promise("P1")
class TestGrantsWhoseAnswersGetLost(_Stuttering, GrantsContract):
    pass


class _OnOneConnection:
    @pytest.fixture
    async def runs(self, redis_url: str) -> AsyncIterator[AsyncTransport]:
        async with Multiplexed.from_url(redis_url) as database:
            yield database


class TestApprovalsOnOneConnection(_OnOneConnection, ApprovalsContract):
    pass


class TestLanesOnOneConnection(_OnOneConnection, LanesContract):
    pass


class TestGrantsOnOneConnection(_OnOneConnection, GrantsContract):
    pass


class _OnCluster:
    """Keys of each store are on all nodes."""

    @pytest.fixture
    async def runs(self, ring: servers.Cluster) -> AsyncIterator[AsyncTransport]:
        async with Cluster.from_url(ring.url) as database:
            yield database

    @pytest.fixture
    def redis_url(self, ring: servers.Cluster) -> str:
        return ring.url

    @pytest.fixture
    def keys(self) -> Keys:
        return Keys(spread=True)


class TestApprovalsOnACluster(_OnCluster, ApprovalsContract):
    pass


class TestConversationsOnACluster(_OnCluster, ConversationsContract):
    pass


class TestLanesOnACluster(_OnCluster, LanesContract):
    pass


class TestGrantsOnACluster(_OnCluster, GrantsContract):
    pass


class TestGroupMemoryOnACluster(_OnCluster, GroupMemoryContract):
    pass


class TestBacklogOnACluster(_OnCluster, BacklogContract):
    pass


class TestLookupsOnACluster(_OnCluster, LookupsContract):
    pass


class TestLookupsWhoseAnswersGetLost(_Stuttering, LookupsContract):
    pass


@pytest.fixture(params=["once", "twice"])
def listed(request: pytest.FixtureRequest, runs: AsyncTransport, keys: Keys) -> Listed:
    """Also where every call is sent twice."""
    database = Stutters(runs) if request.param == "twice" else runs
    approvals = RedisApprovals(database, keys)
    return Listed(approvals, RedisListing(database, keys, approvals))


class TestListing(ListingContract):
    pass


class TestListingOnACluster(_OnCluster, ListingContract):
    pass
