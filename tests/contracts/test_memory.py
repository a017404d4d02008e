import pytest
from contracts.approvals_contract import ApprovalsContract, ConversationsContract, Stores

from adapters.memory import MemoryApprovals, MemoryAudit, MemoryConversations, MemoryLanes, SystemClock


@pytest.fixture
def stores() -> Stores:
    lanes, audit = MemoryLanes(SystemClock()), MemoryAudit()
    return Stores(MemoryApprovals(lanes, audit), audit, MemoryConversations(), lanes)


class TestApprovals(ApprovalsContract):
    pass


class TestConversations(ConversationsContract):
    pass
