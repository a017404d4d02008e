"""Effects that most transitions have: redraw cards, call people, set timers."""

from datetime import datetime

from engine.approvals.approval import Approval
from engine.approvals.effects import Call, ClearTimer, DrawCard, DrawCopies, DrawSheet, Effect, SetTimer, Timer


def drawing_of(approval: Approval) -> DrawCard | DrawSheet:
    """Redraw the card."""
    return DrawSheet(approval.thread, approval.sheet) if approval.sheet else DrawCard(approval.id)


def drawings_of(approval: Approval) -> tuple[Effect, ...]:
    """Redraw the card and its copies."""
    return (drawing_of(approval), *((copies_of(approval),) if approval.copies or approval.signpost else ()))


def copies_of(approval: Approval) -> DrawCopies:
    """Redraw the copies of the card."""
    return DrawCopies(approval.id, approval.sheet)


def calls_of(approval: Approval) -> tuple[Effect, ...]:
    """Call people, if anybody is to be called."""
    return (Call(approval.id, approval.sheet),) if approval.calls else ()


def timers_of(approval: Approval) -> tuple[tuple[Timer, datetime], ...]:
    """List the timers of a pending approval, each with its time."""
    timers = (
        (Timer.REMIND, approval.remind_at),
        (Timer.ESCALATE, approval.escalates_at),
        (Timer.EXPIRE, approval.expires_at),
    )
    return tuple((timer, at) for timer, at in timers if at is not None)


def timers_set(approval: Approval) -> tuple[Effect, ...]:
    """Set the timers of a pending approval."""
    return tuple(SetTimer(approval.id, timer, at) for timer, at in timers_of(approval))


def timers_cleared(approval: Approval) -> tuple[Effect, ...]:
    """Clear every timer that may be set: an earlier state may have had timers that this one lacks."""
    had = (
        (Timer.REMIND, bool(approval.deadlines.reminders)),
        (Timer.ESCALATE, any(review.policy.ladder for review in approval.reviews)),
        (Timer.EXPIRE, approval.deadlines.expires_after is not None),
    )
    return tuple(ClearTimer(approval.id, timer) for timer, is_set in had if is_set)
