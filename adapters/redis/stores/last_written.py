"""Remembers the open approvals that this process created, as it wrote them last: a usual click then reads nothing.

Another process may have written an approval since. So what is remembered is only written upon, and only if the stored
approval is still the one of that very write: a write has a name of its own besides its version, which repeats where a
backup was restored. A write that loses, or whose outcome is unknown, ends the memory of its approval.

An effect is never performed by what is remembered: a card that was drawn of it could stay wrong (P8).
"""

from collections import OrderedDict

from engine.approvals.approval import OPEN, Approval
from engine.asks.ask import size_of
from engine.ids import ApprovalId

MOST = 500
LARGEST = 16_384
"""Bytes of a request that is remembered, so that no number of them takes much memory."""


class LastWritten:
    """Approvals with the names of the writes that stored them."""

    def __init__(self) -> None:
        self._kept: OrderedDict[ApprovalId, tuple[Approval, str]] = OrderedDict()

    def get(self, approval: ApprovalId) -> Approval | None:
        """The approval as this process wrote it last, if it is remembered."""
        kept = self._kept.get(approval)
        return None if kept is None else kept[0]

    def taken(self, before: Approval) -> str | None:
        """Forget an approval that is about to be written; gives the name of the write that stored it so, if known."""
        approval, name = self._kept.pop(before.id, (None, ""))
        return name if approval is not None and approval.version == before.version else None

    def begin(self, approval: Approval, name: str) -> None:
        """Remember an approval that was created, unless it is large."""
        if size_of(approval.ask) <= LARGEST:
            self.note(approval, name)

    def note(self, approval: Approval, name: str) -> None:
        """Remember what was written of an approval that was remembered before, while it is open."""
        if approval.state not in OPEN:
            return
        self._kept[approval.id] = approval, name
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)
