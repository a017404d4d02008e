import pytest
from contracts.approvals_contract import ApprovalsContract, ConversationsContract, Stores
from contracts.backlog_contract import BacklogContract
from contracts.grants_contract import GrantsContract, GrantStores
from contracts.lanes_contract import ATTEMPTS, LanesContract
from contracts.listing_contract import Listed, ListingContract

from adapters.memory import (
    MemoryApprovals,
    MemoryAudit,
    MemoryBacklog,
    MemoryConversations,
    MemoryGrants,
    MemoryLanes,
)
from bot.runtime.clock import SYSTEM_CLOCK


@pytest.fixture
def stores() -> Stores:
    lanes, audit = MemoryLanes(SYSTEM_CLOCK), MemoryAudit()
    return Stores(MemoryApprovals(lanes, audit), audit, MemoryConversations(), lanes)


class TestApprovals(ApprovalsContract):
    pass


class TestConversations(ConversationsContract):
    pass


@pytest.fixture
def lanes() -> MemoryLanes:
    return MemoryLanes(SYSTEM_CLOCK, attempts=ATTEMPTS)


class TestLanes(LanesContract):
    pass


@pytest.fixture
def backlog() -> MemoryBacklog:
    return MemoryBacklog()


class TestBacklog(BacklogContract):
    pass


@pytest.fixture
def granted() -> GrantStores:
    audit = MemoryAudit()
    return GrantStores(MemoryGrants(audit), audit)


class TestGrants(GrantsContract):
    pass


@pytest.fixture
def listed() -> Listed:
    approvals = MemoryApprovals(MemoryLanes(SYSTEM_CLOCK), MemoryAudit())
    return Listed(approvals, approvals)


class TestListing(ListingContract):
    pass
