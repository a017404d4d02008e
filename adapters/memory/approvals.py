"""Approvals in memory: one write changes the approval, its lanes and its audit rows."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from adapters.memory.audit import MemoryAudit
from adapters.memory.lanes import MemoryLanes
from engine.approvals.approval import OPEN, Approval, State, people_of, policies_of
from engine.asks.ask import Ask
from engine.ids import ApprovalId, MessageTs, SheetId, ThreadId, UserId
from engine.ports import Change, Pending


class MemoryApprovals:
    """The ports `Approvals` and `Listing`: effects go into `lanes`, rows into `audit`."""

    def __init__(self, lanes: MemoryLanes, audit: MemoryAudit) -> None:
        self._lanes = lanes
        self._audit = audit
        self._kept: dict[ApprovalId, Approval] = {}
        self._notes = 0

    async def get(self, approval: ApprovalId) -> Approval | None:
        """The approval, or None."""
        return self._kept.get(approval)

    async def ask(self, approval: ApprovalId) -> Ask | None:
        """The ask of an approval, or None."""
        return self._kept[approval].ask if approval in self._kept else None

    async def create(self, change: Change) -> bool:
        """Write a new approval unless one of its id exists."""
        if change.approval.id in self._kept:
            return False
        self._write(change)
        return True

    async def save(self, change: Change) -> bool:
        """Compare and write."""
        stored, before = self._kept.get(change.approval.id), change.approval
        if not change.touches:
            self._notes += 1
            self._post(change, f"{before.id}/{before.version}/note-{self._notes}")
            return True
        if stored is None or stored.version != before.version:
            return False
        self._write(change)
        return True

    def remembered(self, approval: ApprovalId) -> None:
        """Nothing: what is stored is at hand."""
        del approval

    async def open(self, thread: ThreadId, *, but: Collection[ApprovalId] = ()) -> Sequence[Approval]:
        """The open approvals of a thread without some of them, oldest first."""
        return self._found(lambda each: each.thread == thread and each.state in OPEN and each.id not in but)

    async def known(self, approvals: Sequence[ApprovalId]) -> Sequence[Approval]:
        """Those of these approvals that are kept."""
        return self._found(lambda each: each.id in approvals)

    async def of_sheet(self, thread: ThreadId, sheet: SheetId) -> Sequence[Approval]:
        """The approvals of a sheet, oldest first."""
        return self._found(lambda each: each.thread == thread and each.sheet == sheet)

    async def by_card(self, thread: ThreadId, card: MessageTs) -> ApprovalId | None:
        """The approval whose card is this message at the root of its channel."""
        found = self._found(lambda each: each.thread == thread and each.card == card and each.place.thread_ts is None)
        return found[0].id if found else None

    async def pending(self, most: int = 1_000) -> Sequence[Approval]:
        """The pending approvals, the oldest first."""
        return self._found(lambda each: each.state is State.PENDING)[:most]

    async def counted(self, most: int) -> Sequence[Pending]:
        """The pending approvals, for counting."""
        return [Pending.of(each) for each in await self.pending(most)]

    async def asked_by(self, user: UserId, most: int = 1_000) -> Sequence[Approval]:
        """The pending approvals of this requester, the oldest first."""
        return [each for each in await self.pending(most) if each.requester == user]

    async def lately(self, user: UserId, most: int) -> Sequence[Approval]:
        """Closed approvals that this person requested or voted on, the latest first."""
        found = self._found(lambda each: each.state not in OPEN and user in people_of(each))
        return sorted(found, key=lambda each: each.closed_at or each.created_at, reverse=True)[:most]

    async def deciding(self, thread: ThreadId) -> Sequence[Approval]:
        """Approvals of the thread that have all its policies."""
        return self._found(lambda each: each.thread == thread and bool(policies_of([each])))

    def _found(self, which: Callable[[Approval], bool]) -> list[Approval]:
        return sorted(filter(which, self._kept.values()), key=lambda approval: (approval.created_at, approval.id))

    def _write(self, change: Change) -> None:
        stored = replace(change.approval, version=change.approval.version + 1)
        self._kept[stored.id] = stored
        self._post(change, f"{stored.id}/{stored.version}")

    def _post(self, change: Change, write: str) -> None:
        for number, effect in enumerate(change.effects):
            self._lanes.deliver(effect, f"{write}/{number}")
        for entry in change.entries:
            self._audit.record(entry)
