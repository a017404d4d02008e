"""Ends of a request: it is decided, or its run is stopped; and the refusal of a late click."""

from dataclasses import replace
from datetime import datetime

from engine.approvals.approval import Approval, Review, State
from engine.approvals.audit import Entry, What
from engine.approvals.effects import EndRun, Resume, Say
from engine.asks.ask import Choice, Kind
from engine.ids import UserId
from engine.machine.common_effects import drawings_of, timers_cleared
from engine.machine.step import Step, entry_of
from engine.sentences import notices, refusals


def outcome_of(approval: Approval) -> str:
    """Name the outcome by one past participle: approved, rejected, answered.

    It is "decided" for an option of the node's own, and if the actions differ.
    """
    if approval.is_withdrawn:
        return "withdrawn"
    if approval.state is State.STOPPED:
        return PARTICIPLES[Choice.REJECT]
    words = {PARTICIPLES[review.decision.choice] for review in approval.reviews if review.decision is not None}
    return words.pop() if len(words) == 1 else "decided"


def option_of(approval: Approval) -> str:
    """The node's own word that was chosen, if there was one action to decide."""
    decided = approval.reviews[0].decision if len(approval.reviews) == 1 else None
    return decided.option if decided else ""


PARTICIPLES = {
    Choice.APPROVE: "approved",
    Choice.EDIT: "approved",
    Choice.REJECT: "rejected",
    Choice.ANSWER: "answered",
    Choice.SKIP: "skipped",
    Choice.REDO: "asked again",
    Choice.OPTION: "decided",
}


def refusal_when_closed(approval: Approval) -> refusals.Refusal:
    """Refuse a late click: say who decided what, and when (P2)."""
    at, stopping = approval.closed_at or approval.created_at, approval.stopping
    match approval.state:
        case State.EXPIRED:
            return refusals.Expired(at)
        case State.WITHDRAWN | State.UNDELIVERABLE:
            return refusals.Closed(approval.note)
        case _ if approval.withdrawn_by is not None:
            return refusals.Closed("its requester withdrew it")
        case _ if approval.is_withdrawn:
            return refusals.Closed("the bot's operator withdrew it")
        case _ if any(_was_decided_by_time(review) for review in approval.reviews):
            return refusals.Expired(at)  # the expiry decided what people had not
        case _ if any(review.automatic for review in approval.reviews) and not approval.deciders:
            return refusals.Closed(f"{approval.rule} decided it automatically")
        case State.STOPPED if stopping is not None:
            return refusals.AlreadyDecided(outcome_of(approval), stopping.deciders, at)
        case _:
            return refusals.AlreadyDecided(outcome_of(approval), approval.deciders, at, option_of(approval))


def _was_decided_by_time(review: Review) -> bool:
    return review.decision is not None and not review.deciders and not review.automatic


def decide(approval: Approval, entries: tuple[Entry, ...], now: datetime) -> Step:
    """Close a request whose actions are all decided, and resume the graph."""
    decided = replace(approval, state=State.DECIDED, closed_at=now)
    # The graph comes first: its lane starts while the card is being redrawn.
    drawn = () if approval.quiet else drawings_of(approval)
    return Step(decided, (Resume(approval.id), *drawn, *timers_cleared(approval)), entries)


def stop_run(
    approval: Approval, entries: tuple[Entry, ...], sentence: str, now: datetime, by: UserId | None = None
) -> Step:
    """Stop the run. The graph is told nothing, since it would take anything as its answer."""
    told_nothing = not approval.is_withdrawn and approval.ask.kind is not Kind.BREAKPOINT
    note = f"{notices.RUN_STOPPED} {notices.NOT_TOLD}" if told_nothing else notices.RUN_STOPPED
    stopped = replace(approval, state=State.STOPPED, closed_at=now, note=note)
    said = Say(approval.thread, approval.home, sentence, key=f"stopped/{approval.id}", failed=True, by=by)
    effects = (EndRun(approval.thread), *drawings_of(approval), said, *timers_cleared(approval))
    return Step(stopped, effects, (*entries, entry_of(approval, What.STOPPED, None, now)))
