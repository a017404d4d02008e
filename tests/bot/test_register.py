"""The register writes an event on what a caller has read, and reads again only where that is not what is stored."""

from dataclasses import replace

import pytest
from contracts.samples import BOB, NOW, an_approval

from adapters.memory import ManualClock, MemoryApprovals, MemoryAudit, MemoryConversations, MemoryLanes
from bot.approvals.register import Register
from bot.telemetry import Metrics
from engine.approvals.approval import Approval, State
from engine.approvals.events import Called, Event, Opened, Posted, Withdrew
from engine.ids import ApprovalId, MessageTs

CARD, OTHER = MessageTs("1.1"), MessageTs("2.2")


class CountedApprovals(MemoryApprovals):
    """Counts what is read."""

    reads = 0

    async def get(self, approval: ApprovalId) -> Approval | None:
        self.reads += 1
        return await super().get(approval)


class Desk:
    """A register on stores in memory, with one approval."""

    def __init__(self) -> None:
        lanes = MemoryLanes(ManualClock(NOW))
        self.approvals = CountedApprovals(lanes, MemoryAudit())
        self.register = Register(
            approvals=self.approvals,
            conversations=MemoryConversations(),
            lanes=lanes,
            clock=ManualClock(NOW),
            metrics=Metrics(),
        )
        self.id = an_approval().id

    async def opened(self) -> Approval:
        await self.register.open(an_approval(), Opened())
        return await self.stored()

    async def stored(self) -> Approval:
        found = await self.approvals.get(self.id)
        assert found is not None
        return found

    async def happen(self, event: Event, stored: Approval | None) -> tuple[Approval | None, int]:
        """Gives what the register says is stored, and how often it read."""
        before = self.approvals.reads
        return await self.register.happened(self.id, event, stored=stored), self.approvals.reads - before


async def test_an_event_is_written_on_what_the_caller_has_read() -> None:
    desk = Desk()
    first = await desk.opened()
    second, reads = await desk.happen(Called((BOB,)), first)
    assert reads == 0
    assert second == await desk.stored() == replace(first, called=(BOB,), version=2)
    third, reads = await desk.happen(Posted(CARD), second)
    assert (reads, third) == (0, await desk.stored())


@pytest.mark.promise("P2")
@pytest.mark.parametrize("between", [Withdrew("gone"), Called((BOB,))])
async def test_what_somebody_wrote_in_between_is_read_and_kept(between: Event) -> None:
    desk = Desk()
    seen = await desk.opened()
    await desk.happen(between, None)
    changed = await desk.stored()
    posted, reads = await desk.happen(Posted(CARD), seen)
    assert reads == 1
    assert posted == await desk.stored() == replace(changed, card=CARD, version=3)


@pytest.mark.promise("P8")
async def test_that_nothing_is_to_be_done_is_believed_only_of_what_is_stored() -> None:
    """By what was read the request is withdrawn already; since then the graph asked again."""
    desk = Desk()
    stored = await desk.opened()
    stale = replace(stored, state=State.WITHDRAWN)
    after, reads = await desk.happen(Withdrew("gone"), stale)
    assert reads == 1
    assert after is not None
    assert after.state is State.WITHDRAWN
    assert (await desk.stored()).note == "gone"


async def test_an_approval_that_is_gone_is_none() -> None:
    desk = Desk()
    assert await desk.happen(Posted(CARD), an_approval()) == (None, 1)
