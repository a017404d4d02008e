"""Delivery to the graph: it takes the answer, or no longer asks."""

from dataclasses import replace
from datetime import datetime

from engine.approvals.approval import Approval, State
from engine.approvals.audit import What
from engine.approvals.events import Delivered, NotDelivered, Withdrew
from engine.machine.common_effects import drawings_of, timers_cleared
from engine.machine.step import Step, entry_of


def withdraw(approval: Approval, event: Withdrew, now: datetime) -> Step:
    """Close a request that the graph no longer asks."""
    return _ended(approval, State.WITHDRAWN, event.reason, What.WITHDRAWN, now)


def fail_delivery(approval: Approval, event: NotDelivered, now: datetime) -> Step:
    """Close a decided request that the graph no longer asks."""
    return _ended(approval, State.UNDELIVERABLE, event.reason, What.UNDELIVERABLE, now)


def _ended(approval: Approval, state: State, reason: str, what: What, now: datetime) -> Step:
    ended = replace(approval, state=state, note=reason, closed_at=approval.closed_at or now)
    effects = (*drawings_of(approval), *timers_cleared(approval))
    return Step(ended, effects, (entry_of(approval, what, None, now, reason),))


def deliver(approval: Approval, _: Delivered, now: datetime) -> Step:
    """Close a request whose answer the graph has."""
    delivered = replace(approval, state=State.DELIVERED)
    return Step(delivered, (), (entry_of(approval, What.DELIVERED, None, now),))
