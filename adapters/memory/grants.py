"""Grants in memory."""

from collections.abc import Sequence
from datetime import datetime

from adapters.memory.audit import MemoryAudit
from engine.asks.ask import canonical
from engine.ids import ApprovalId, GrantId, ThreadId, UserId
from engine.rules.grants import Grant, given_entry, oldest_first, revoked_entry, used_entry


class MemoryGrants:
    """The port `Grants`: rows go into `audit`."""

    def __init__(self, audit: MemoryAudit) -> None:
        self._audit = audit
        self._kept: dict[tuple[ThreadId, GrantId], Grant] = {}
        self._revoked: set[tuple[ThreadId, GrantId]] = set()
        self._used: set[tuple[ThreadId, GrantId, ApprovalId]] = set()

    async def give(self, grant: Grant) -> bool:
        """Keep a grant."""
        key = (grant.thread, grant.id)
        if key in self._revoked:
            return False
        if key not in self._kept:
            self._kept[key] = grant
            self._audit.record(given_entry(grant))
        return self._is_kept(grant)

    async def use(self, grant: Grant, approval: ApprovalId, at: datetime) -> bool:
        """Record that an approval is decided by a grant."""
        if not (self._is_kept(grant) and self._is_live(grant, at)):
            return False
        if (grant.thread, grant.id, approval) not in self._used:
            self._used.add((grant.thread, grant.id, approval))
            self._audit.record(used_entry(grant, approval, at))
        return True

    async def revoke(self, grant: Grant, by: UserId, at: datetime) -> bool:
        """Revoke a grant."""
        if not self._is_live(grant, at):
            return False
        self._revoked.add((grant.thread, grant.id))
        self._audit.record(revoked_entry(grant, by, at))
        return True

    async def of_thread(self, thread: ThreadId, at: datetime) -> Sequence[Grant]:
        """The grants of a conversation, oldest first."""
        return [each for each in self._live(at) if each.thread == thread]

    async def of_person(self, user: UserId, at: datetime) -> Sequence[Grant]:
        """The grants that a person gave, oldest first."""
        return [each for each in self._live(at) if user in each.by]

    def _live(self, at: datetime) -> list[Grant]:
        return oldest_first(each for each in self._kept.values() if self._is_live(each, at))

    def _is_kept(self, grant: Grant) -> bool:
        """Tell whether this very grant is kept: Python takes 1, 1.0 and True for equal."""
        kept = self._kept.get((grant.thread, grant.id))
        return kept == grant and canonical(grant.args) == canonical(kept.args)

    def _is_live(self, grant: Grant, at: datetime) -> bool:
        key = (grant.thread, grant.id)
        return key in self._kept and key not in self._revoked and at < grant.until
