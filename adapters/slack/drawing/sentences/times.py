"""Deadlines, working hours, and lengths of time."""

from datetime import timedelta

from engine.approvals.approval import Approval
from engine.asks.ask import Choice, Kind
from engine.authority.hours import hours_in_words
from engine.authority.policy import OnExpiry
from engine.sentences.spoken import when

NO_DEADLINE = "No deadline"


def deadline(approval: Approval) -> str:
    """The outcome if nobody decides, and its time; "" for a failure or a notice without a deadline."""
    if approval.expires_at is None:
        return "" if approval.ask.kind in (Kind.FAILURE, Kind.NOTICE) else NO_DEADLINE
    if approval.deadlines.on_expiry is OnExpiry.ESCALATE and approval.escalates_at is not None:
        return f"More people are asked {when(approval.expires_at)} if nobody {_verb(approval)}"
    rejects = approval.deadlines.on_expiry is not OnExpiry.FAIL and can_be_rejected(approval)
    then = "Rejected automatically" if rejects else "The run stops"
    return f"{then} {when(approval.expires_at)} if nobody {_verb(approval)}"


def can_be_rejected(approval: Approval) -> bool:
    """True if each open action can be rejected; `engine.machine` expires the others."""
    open_ones = zip(approval.ask.actions, approval.reviews, strict=True)
    return all(Choice.REJECT in action.choices for action, review in open_ones if review.decision is None)


def _verb(approval: Approval) -> str:
    return "answers" if approval.ask.is_question else "decides"


def length_of_time(length: timedelta) -> str:
    """A length of time on a button: `1 h`, `90 min`, `2 days`."""
    minutes = max(1, round(length / timedelta(minutes=1)))
    if minutes % (24 * 60) == 0:
        days = minutes // (24 * 60)
        return "1 day" if days == 1 else f"{days} days"
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"


def hours(approval: Approval) -> str:
    """The hours outside which reminders, escalation and deadlines pause."""
    clocks = approval.deadlines
    runs = clocks.reminders or any(review.policy.ladder for review in approval.reviews)
    if clocks.hours is None or not (runs or (clocks.expires_after is not None and not clocks.always)):
        return ""
    return f"Paused outside {hours_in_words(clocks.hours)}"
