"""Deadlines: reminders, the ladder, the expiry."""

from dataclasses import replace
from datetime import datetime

from engine.approvals.approval import Approval, Review, State
from engine.approvals.audit import Entry, What
from engine.approvals.effects import PassOn, Remind, Say, SetTimer, Timer
from engine.approvals.events import Deferred, ExpiryDue, LadderDue, ReminderDue
from engine.asks.ask import Choice, Decision, Json
from engine.authority.policy import OnExpiry
from engine.machine.closing import decide, stop_run
from engine.machine.common_effects import calls_of, drawings_of, timers_cleared, timers_set
from engine.machine.step import PersonsEvent, Step, entry_of, refuse
from engine.sentences import notices, refusals


def remind(approval: Approval, _: ReminderDue, now: datetime) -> Step:
    """Remind the people who can decide, once for all reminders that are due."""
    if approval.remind_at is None or now < approval.remind_at:
        return Step(approval)  # it was moved, as by a person who is looking at it
    reminded = approval
    while reminded.remind_at is not None and reminded.remind_at <= now:  # the bot may have been down for several
        reminded = replace(reminded, reminded=reminded.reminded + 1)
    return Step(reminded, (Remind(approval.id), *timers_set(reminded)), (entry_of(approval, What.REMINDED, None, now),))


def escalate(approval: Approval, event: LadderDue, now: datetime) -> Step:
    """Take the steps that are due, and those after a step that names nobody; call people once for all of them."""
    taken = _climbed_all(approval, event.empty, now)
    if taken.approval == approval:
        return taken
    effects = (*drawings_of(taken.approval), *calls_of(taken.approval), *timers_set(taken.approval))
    return replace(taken, effects=effects)


_Rungs = frozenset[tuple[int, int]]
"""Steps of ladders, each as (action, step)."""


def _climbed_all(approval: Approval, empty: _Rungs, now: datetime, *, in_its_place: bool = False) -> Step:
    """Climb each ladder by the steps that are due. `in_its_place`: the next step is due, whatever the time."""
    reviews = tuple(
        _climbed(approval, place, empty, now, in_its_place=in_its_place) for place in range(len(approval.reviews))
    )
    rows = tuple(
        entry_of(approval, What.ESCALATED, None, now, _rungs_taken(place, before, after, empty))
        for place, (before, after) in enumerate(zip(approval.reviews, reviews, strict=True))
        if before.escalated != after.escalated
    )
    return Step(replace(approval, reviews=reviews), entries=rows)


def _climbed(approval: Approval, place: int, empty: _Rungs, now: datetime, *, in_its_place: bool) -> Review:
    review = approval.reviews[place]
    while review.decision is None and (due := approval.rung_due(review)) is not None and (in_its_place or due <= now):
        in_its_place = (place, review.escalated) in empty
        review = replace(review, escalated=review.escalated + 1)
    return review


def _rungs_taken(place: int, before: Review, after: Review, empty: _Rungs) -> Json:
    steps: list[Json] = [
        {
            "to": [source.called if source.label else source.name for source in before.policy.ladder[number].sources],
            "empty": (place, number) in empty,
        }
        for number in range(before.escalated, after.escalated)
    ]
    return {"action": place, "steps": steps}


def expire(approval: Approval, event: ExpiryDue, now: datetime) -> Step:
    """End a request that nobody decided in time, in the way that its rule says."""
    if approval.expires_at is None or now < approval.expires_at:
        return Step(approval)  # an outdated timer
    if approval.awaits is not None and awaits_click(approval, now):
        return Step(approval, (SetTimer(approval.id, Timer.EXPIRE, approval.awaits),))
    entry = entry_of(approval, What.EXPIRED, None, now, approval.deadlines.on_expiry.value)
    if _escalates_by_expiry(approval):
        return _escalated_by_expiry(approval, event, entry, now)
    if approval.deadlines.on_expiry is not OnExpiry.FAIL and _can_be_rejected(approval):
        reviews = tuple(_rejected_by_time(review, now) for review in approval.reviews)
        rejected = replace(approval, reviews=reviews)
        if rejected.stopping is not None:
            return stop_run(rejected, (entry,), notices.EXPIRED_REJECTED, now)
        return decide(rejected, (entry,), now)
    expired = replace(approval, state=State.EXPIRED, closed_at=now)
    told = Say(approval.thread, approval.home, notices.EXPIRED_STOPPED, key=f"expired/{approval.id}", failed=True)
    # Messages that were held meanwhile are passed on when the thread is settled.
    effects = (*drawings_of(approval), told, PassOn(approval.thread), *timers_cleared(approval))
    return Step(expired, effects, (entry,))


def _escalates_by_expiry(approval: Approval) -> bool:
    return approval.deadlines.on_expiry is OnExpiry.ESCALATE and approval.escalates_at is not None


def _escalated_by_expiry(approval: Approval, event: ExpiryDue, entry: Entry, now: datetime) -> Step:
    """Take the next step in place of the expiry; its people have as much time as those before them."""
    taken = _climbed_all(approval, event.empty, now, in_its_place=True)
    span, after = approval.deadlines.expires_after, taken.approval
    while span and after.expires_at is not None and after.expires_at <= now:
        after = replace(after, renewed=after.renewed + span)
    return Step(after, (*drawings_of(after), *calls_of(after), *timers_set(after)), (entry, *taken.entries))


def _can_be_rejected(approval: Approval) -> bool:
    undecided = zip(approval.ask.actions, approval.reviews, strict=True)
    return all(Choice.REJECT in action.choices for action, review in undecided if review.decision is None)


def _rejected_by_time(review: Review, now: datetime) -> Review:
    if review.decision is not None:
        return review
    return replace(
        review, votes=(), decision=Decision(Choice.REJECT, text="Nobody decided this in time."), decided_at=now
    )


def defer(approval: Approval, event: Deferred, _: datetime) -> Step:
    """Let the expiry wait for a click that is being looked up."""
    return Step(replace(approval, awaits=max(event.until, approval.awaits or event.until)))


def awaits_click(approval: Approval, now: datetime) -> bool:
    """True while a click from before the deadline is being looked up: nothing later may end the request."""
    return approval.awaits is not None and now < approval.awaits


def expired_before(approval: Approval, event: PersonsEvent, at: datetime, now: datetime) -> Step | None:
    """Expire the request if a person acts after its deadline, although no timer has fired yet (P5).

    If the deadline only adds people, everybody who could decide before it still can.
    """
    if approval.expires_at is None or at < approval.expires_at or _escalates_by_expiry(approval):
        return None
    deadline = approval.expires_at
    if awaits_click(approval, now):
        return refuse(approval, event, refusals.Expired(deadline), now)
    expired = expire(approval, ExpiryDue(), now)
    late = refuse(expired.approval, event, refusals.Expired(deadline), now)
    return replace(late, effects=expired.effects + late.effects, entries=expired.entries + late.entries)
