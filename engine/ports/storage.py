"""Where approvals, the audit, grants and conversations are kept.

Every write says that it may be made many times: the performer can crash at any line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.approvals.approval import Approval
from engine.approvals.audit import Entry
from engine.approvals.effects import Effect
from engine.asks.ask import Ask
from engine.conversation import Conversation
from engine.ids import ApprovalId, ChannelId, MessageTs, SheetId, ThreadId, UserId
from engine.rules.grants import Grant


@dataclass(frozen=True, slots=True)
class Change:
    """One atomic write: the approval as it becomes, what to do, and the audit rows.

    It is written only where the stored approval still has `approval.version`; the stored copy gets the next version.
    Effects are put into their lanes by the same write; each has an id made of approval, version and position, so a
    write that is sent twice puts them once. For a refusal the approval is unchanged: then `touches` is False, nothing
    is compared, and only effects and entries are written.
    """

    approval: Approval
    effects: tuple[Effect, ...] = ()
    entries: tuple[Entry, ...] = ()
    touches: bool = True


class Approvals(Protocol):
    """Where approvals live. What a call reads is bounded by what is open or asked for, however long the history."""

    async def get(self, approval: ApprovalId) -> Approval | None:
        """The approval as it stands, or None."""

    async def ask(self, approval: ApprovalId) -> Ask | None:
        """What was asked, as long as the audit tells of it: longer than the approval is kept."""

    async def create(self, change: Change) -> bool:
        """Write a new approval unless one of its id exists. False: it exists, nothing was written."""

    async def save(self, change: Change) -> bool:
        """Compare and write; what is asked stays as it was created.

        False: somebody wrote in between, nothing was written: read it and step again.
        """

    async def open(self, thread: ThreadId) -> Sequence[Approval]:
        """The approvals of a thread in which something is still to happen (`OPEN`), oldest first."""

    async def known(self, approvals: Sequence[ApprovalId]) -> Sequence[Approval]:
        """Those of these approvals that are kept, open or closed; all of one thread."""

    async def of_sheet(self, thread: ThreadId, sheet: SheetId) -> Sequence[Approval]:
        """The approvals of a sheet that are kept, open or closed, oldest first."""

    async def by_card(self, thread: ThreadId, card: MessageTs) -> ApprovalId | None:
        """The approval of a thread whose card is this message at the root of its channel; None for any other."""

    async def deciding(self, thread: ThreadId) -> Sequence[Approval]:
        """Approvals of the thread that have, together, all policies kept there: see `policies_of`."""


class Listing(Protocol):
    """Approvals found without their thread, for people who look at what there is. Nothing is decided by it."""

    async def pending(self, most: int = ...) -> Sequence[Approval]:
        """The pending approvals, the oldest first; at most so many."""

    async def asked_by(self, user: UserId, most: int = ...) -> Sequence[Approval]:
        """The pending approvals of this requester, the oldest first."""

    async def lately(self, user: UserId, most: int) -> Sequence[Approval]:
        """What was closed lately of what this person asked or voted on, the latest first."""


class Audit(Protocol):
    """What happened, to be read back. Rows are written with the change that they tell of."""

    async def of_thread(self, thread: ThreadId) -> Sequence[Entry]:
        """All rows of a thread, oldest first."""

    async def add(self, entry: Entry) -> None:
        """Write a row that no change of an approval comes with."""


class Grants(Protocol):
    """The grants of conversations (`engine.rules.grants`). A grant that ended, or was revoked, is not there.

    A grant ends at its `until` by the times given here, and after as long by the store's own clock, should ours be
    wrong. Each write comes with its audit row, and may be made many times.
    """

    async def give(self, grant: Grant) -> bool:
        """Keep a grant. False: it was revoked, and stays so."""

    async def use(self, grant: Grant, approval: ApprovalId, at: datetime) -> bool:
        """Record that an approval is decided by a grant. False: it ended or was revoked, and people have to decide.

        Whatever was read before, only this says whether a grant may be used. A use that is told again is asked again:
        where the grant was revoked in between, the answer is no, so decide only on the answer.
        """

    async def revoke(self, grant: Grant, by: UserId, at: datetime) -> bool:
        """Take a grant back: no `use` after this succeeds. False: it had ended, or was revoked."""

    async def of_thread(self, thread: ThreadId, at: datetime) -> Sequence[Grant]:
        """The grants of a conversation, oldest first."""

    async def of_person(self, user: UserId, at: datetime) -> Sequence[Grant]:
        """The grants that a person gave, alone or with others, oldest first."""


class OvertakenError(Exception):
    """Another holder has the lane now: whatever this one is doing is done by that one."""


class Conversations(Protocol):
    """Which conversation stands where. Written only from a thread's `run` lane, so the last write is right."""

    async def get(self, thread: ThreadId) -> Conversation | None:
        """The conversation of a thread, or None."""

    async def of_channel(self, channel: ChannelId) -> Sequence[Conversation]:
        """The conversations of a channel that last had a turn, the latest first; some dozens at most."""

    async def save(self, conversation: Conversation, fence: int) -> None:
        """Write it; may be done many times. Raises OvertakenError when a newer holder has the lane of `fence`."""
