from collections.abc import AsyncIterator

import pytest
from contracts.approvals_contract import ApprovalsContract, ConversationsContract, Stores
from contracts.lanes_contract import ATTEMPTS, LanesContract

from adapters.redis.approvals import RedisApprovals
from adapters.redis.audit import RedisAudit
from adapters.redis.connection import Database
from adapters.redis.conversations import RedisConversations
from adapters.redis.keys import Keys
from adapters.redis.lanes import RedisLanes


@pytest.fixture
async def stores(redis_url: str) -> AsyncIterator[Stores]:
    keys = Keys()
    async with Database.from_url(redis_url) as database, RedisLanes(database, keys, redis_url) as lanes:
        yield Stores(
            RedisApprovals(database, keys), RedisAudit(database, keys), RedisConversations(database, keys), lanes
        )


@pytest.fixture
async def lanes(redis_url: str) -> AsyncIterator[RedisLanes]:
    async with (
        Database.from_url(redis_url) as database,
        RedisLanes(database, Keys(), redis_url, attempts=ATTEMPTS) as lanes,
    ):
        yield lanes


class TestApprovals(ApprovalsContract):
    pass


class TestConversations(ConversationsContract):
    pass


class TestLanes(LanesContract):
    pass
