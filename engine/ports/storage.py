"""Stores of approvals, audit rows, grants and conversations.

Every write says that it may be made many times: the performer can crash at any line.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.approvals.approval import Approval
from engine.approvals.audit import Entry
from engine.approvals.effects import Effect
from engine.asks.ask import Ask
from engine.conversation import Conversation
from engine.ids import AgentName, ApprovalId, ChannelId, MessageTs, SheetId, ThreadId, UserId
from engine.rules.grants import Grant


@dataclass(frozen=True, slots=True)
class Change:
    """One atomic write: the new state of the approval, its effects, and the audit rows.

    The store writes it only if the stored approval still has `approval.version`, and gives the stored copy the next
    version. The same write puts the effects into their lanes; the id of each is made of approval, version and position,
    so a write that is sent twice puts them once. A refusal leaves the approval unchanged: then `touches` is False,
    nothing is compared, and only effects and entries are written.
    """

    approval: Approval
    effects: tuple[Effect, ...] = ()
    entries: tuple[Entry, ...] = ()
    touches: bool = True


class Approvals(Protocol):
    """The store of approvals. A call reads only what is open or asked for, however long the history."""

    async def get(self, approval: ApprovalId) -> Approval | None:
        """The approval as it is stored, or None."""

    async def ask(self, approval: ApprovalId) -> Ask | None:
        """The ask of an approval, kept as long as the audit, which is longer than the approval itself."""

    async def create(self, change: Change) -> bool:
        """Write a new approval. False: one of this id exists, and nothing was written."""

    async def save(self, change: Change) -> bool:
        """Compare the version and write; the ask stays as it was created.

        False: somebody else wrote in between, and nothing was written. Read the approval and step again.
        """

    def remembered(self, approval: ApprovalId) -> Approval | None:
        """The approval as this process wrote it last, if it is remembered.

        Others may have written it since, so it is only good for a change: `save` refuses that if they have.
        """

    async def open(self, thread: ThreadId, *, but: Collection[ApprovalId] = ()) -> Sequence[Approval]:
        """The open approvals of a thread (`OPEN`) without some of them, oldest first."""

    async def known(self, approvals: Sequence[ApprovalId]) -> Sequence[Approval]:
        """Those of these approvals that are still stored, open or closed. All belong to one thread."""

    async def of_sheet(self, thread: ThreadId, sheet: SheetId) -> Sequence[Approval]:
        """The stored approvals of a sheet, open or closed, oldest first."""

    async def by_card(self, thread: ThreadId, card: MessageTs) -> ApprovalId | None:
        """The approval of a thread whose card is this message at the root of its channel; None for any other."""

    async def deciding(self, thread: ThreadId) -> Sequence[Approval]:
        """Approvals of the thread that together have all policies under which it asked: see `policies_of`."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A pending approval, as it is counted. Nothing of this ever changes."""

    agent: AgentName
    created_at: datetime
    is_withdrawable: bool

    @classmethod
    def of(cls, approval: Approval) -> "Pending":
        """Give what is counted."""
        return cls(approval.agent, approval.created_at, approval.ask.is_withdrawable)


class Listing(Protocol):
    """Approvals listed across threads, for people to look at. Nothing is decided by these lists."""

    async def counted(self, most: int) -> Sequence[Pending]:
        """Read what is counted of the pending approvals, the oldest `most`.

        Where many are pending, one that was decided may be counted until its graph has the answer.
        """

    async def pending(self, most: int = ...) -> Sequence[Approval]:
        """The pending approvals, oldest first, at most `most`."""

    async def asked_by(self, user: UserId, most: int = ...) -> Sequence[Approval]:
        """The pending approvals of this requester, oldest first."""

    async def lately(self, user: UserId, most: int) -> Sequence[Approval]:
        """Recently closed approvals that this person requested or voted on, newest first."""


class Audit(Protocol):
    """The audit. Its rows are written together with the change that they record."""

    async def of_thread(self, thread: ThreadId) -> Sequence[Entry]:
        """All rows of a thread, oldest first."""

    async def add(self, entry: Entry) -> None:
        """Write a row that belongs to no change of an approval."""


class Grants(Protocol):
    """The grants of conversations (`engine.rules.grants`). A grant that ended or was revoked is not listed.

    A grant ends at its `until` by the times given here, or after the same span by the store's own clock, in case ours
    is wrong. Each write includes its audit row, and may be made many times.
    """

    async def give(self, grant: Grant) -> bool:
        """Store a grant. False: it was revoked before, and stays revoked."""

    async def use(self, grant: Grant, approval: ApprovalId, at: datetime) -> bool:
        """Record that a grant decides an approval. False: the grant ended or was revoked, so people decide.

        Only this call says whether a grant may be used, whatever was read before. A repeated call checks again and
        answers no if the grant was revoked in between: decide only after the answer.
        """

    async def revoke(self, grant: Grant, by: UserId, at: datetime) -> bool:
        """Revoke a grant: no `use` after this succeeds. False: it had ended or was revoked already."""

    async def of_thread(self, thread: ThreadId, at: datetime) -> Sequence[Grant]:
        """The grants of a conversation, oldest first."""

    async def of_person(self, user: UserId, at: datetime) -> Sequence[Grant]:
        """The grants that a person gave, alone or with others, oldest first."""


class OvertakenError(Exception):
    """Another worker holds the lane now, and does this worker's work."""


class Conversations(Protocol):
    """The store of conversations. Only a thread's `run` lane writes them, so the last write wins."""

    async def get(self, thread: ThreadId) -> Conversation | None:
        """The conversation of a thread, or None."""

    async def of_channel(self, channel: ChannelId) -> Sequence[Conversation]:
        """The conversations of a channel with the most recent turns, newest first; some dozens at most."""

    async def save(self, conversation: Conversation, fence: int) -> None:
        """Write a conversation. Raises OvertakenError if a newer worker holds the lane of `fence`."""
