"""Acts of approvers and the requester besides deciding: look, hand over, extend, withdraw, nudge."""

from dataclasses import replace
from datetime import datetime, timedelta

from engine.approvals.approval import Approval, Looking
from engine.approvals.audit import What
from engine.approvals.effects import Remind, Say
from engine.approvals.electorate import Electorate
from engine.approvals.events import Cancelled, Extended, HandedOver, Looked, Nudged, TakenBack
from engine.asks.ask import Json
from engine.authority.eligibility import Facts
from engine.authority.policy import Policy
from engine.ids import UserId
from engine.machine.closing import stop_run
from engine.machine.common_effects import calls_of, drawings_of, timers_set
from engine.machine.deadlines import expired_before
from engine.machine.step import Step, entry_of, refuse
from engine.sentences import notices, refusals

PAUSE = timedelta(minutes=15)
"""The time for which reminders and the ladder rest while somebody is looking at it."""

NUDGE_EVERY = timedelta(hours=1)

MOST_EXTENDED = timedelta(days=30)


def may_act(
    approval: Approval, by: UserId, facts: Facts, current: tuple[Policy | None, ...] = ()
) -> refusals.Refusal | None:
    """Refuse a person who can decide no action of a pending approval; None if they can.

    `current` are today's policies for its actions: see `Ruling`.
    """
    found = [
        Electorate(review.governing, approval.requester, approval.ask.subject, today).refuses(by, facts, None)
        for review, today in zip(approval.reviews, current or [None] * len(approval.reviews), strict=True)
        if review.decision is None
    ]
    return None if None in found else found[0]


def pause(approval: Approval, event: Looked, now: datetime) -> Step:
    """Pause reminders and the ladder for a person who is looking at it; the expiry goes on."""
    if (late := expired_before(approval, event, event.at or now, now)) is not None:
        return late
    refusal = may_act(approval, event.by, event.facts, event.current)
    if refusal is None and any(each.by == event.by for each in approval.looking):
        refusal = refusals.LookedAlready()
    if refusal is not None:
        return refuse(approval, event, refusal, now)
    until = now + PAUSE
    resting = max((each.until for each in approval.looking), default=now)
    looked = replace(
        approval,
        looking=(*approval.looking, Looking(event.by, until)),
        rested=approval.rested + (until - max(now, resting)),
    )
    return Step(looked, (*drawings_of(looked), *timers_set(looked)), (entry_of(approval, What.LOOKING, event.by, now),))


def hand_over(approval: Approval, event: HandedOver, now: datetime) -> Step:
    """An approver hands the decision over to somebody who may decide, too."""
    if (late := expired_before(approval, event, event.at or now, now)) is not None:
        return late
    refusal = may_act(approval, event.by, event.facts, event.current)
    refusal = refusal or _taker_refused(approval, event)
    if refusal is not None:
        return refuse(approval, event, refusal, now)
    # They are called alone now, even if they were called before with others.
    handed = replace(approval, handed_to=event.to, called=tuple(each for each in approval.called if each != event.to))
    return Step(
        handed,
        (*drawings_of(handed), *calls_of(handed)),
        (entry_of(approval, What.HANDED_OVER, event.by, now, {"to": event.to}),),
    )


def _taker_refused(approval: Approval, event: HandedOver) -> refusals.Refusal | None:
    """Refuse a hand-over to a person who may not decide."""
    if event.to == event.by:
        return refusals.YoursAlready()
    match may_act(approval, event.to, event.to_facts, event.current):
        case None:
            return None
        case refusals.RosterUnknown() | refusals.SourceUnknown():
            return refusals.TakerUnknown(event.to)
        case _:
            return refusals.CannotTakeOver(event.to)


def extend(approval: Approval, event: Extended, now: datetime) -> Step:
    """An approver puts the expiry off."""
    if (late := expired_before(approval, event, event.at or now, now)) is not None:
        return late
    refusal = may_act(approval, event.by, event.facts, event.current)
    sum_of_all = approval.extended + event.span
    if refusal is None and (approval.expires_at is None or not timedelta() < event.span <= sum_of_all <= MOST_EXTENDED):
        refusal = refusals.NoDeadline()
    if refusal is not None:
        return refuse(approval, event, refusal, now)
    extended = replace(approval, extended=sum_of_all)
    detail: Json = {"by_seconds": int(event.span.total_seconds())}
    return Step(
        extended,
        (*drawings_of(extended), *timers_set(extended)),
        (entry_of(approval, What.EXTENDED, event.by, now, detail),),
    )


def cancel(approval: Approval, event: Cancelled, now: datetime) -> Step:
    """Withdraw a request for its requester: the run ends, and nothing is sent to the graph."""
    if (late := expired_before(approval, event, now, now)) is not None:
        return late
    if event.by != approval.requester:
        return refuse(approval, event, refusals.NotTheRequester(approval.requester), now)
    if not approval.ask.is_withdrawable:
        return refuse(approval, event, refusals.NotOffered(), now)
    entry = entry_of(approval, What.WITHDRAWN, event.by, now)
    stopped = stop_run(replace(approval, withdrawn_by=event.by), (entry,), notices.WITHDREW, now, by=event.by)
    if event.beside:
        return replace(stopped, effects=tuple(each for each in stopped.effects if not isinstance(each, Say)))
    return stopped


def take_back(approval: Approval, event: TakenBack, now: datetime) -> Step:
    """Withdraw a request for the bot's operator: the run ends, and nothing is sent to the graph."""
    if (late := expired_before(approval, event, now, now)) is not None:
        return late
    if not approval.ask.is_withdrawable:
        return refuse(approval, event, refusals.NotOffered(), now)
    entry = entry_of(approval, What.WITHDRAWN, None, now, {"operator": event.operator, "reason": event.reason})
    sentence = notices.operator_withdrew(event.operator, event.reason)
    stopped = stop_run(replace(approval, operator=event.operator), (entry,), sentence, now)
    note = notices.with_reason(stopped.approval.note, event.reason)
    return replace(stopped, approval=replace(stopped.approval, note=note))


def nudge(approval: Approval, event: Nudged, now: datetime) -> Step:
    """The requester has those who can decide reminded, once an hour."""
    if (late := expired_before(approval, event, now, now)) is not None:
        return late
    if event.by != approval.requester:
        return refuse(approval, event, refusals.NotTheRequester(approval.requester), now)
    again = None if approval.nudged_at is None else approval.nudged_at + NUDGE_EVERY
    if again is not None and now < again:
        return refuse(approval, event, refusals.NudgedAlready(again), now)
    nudged = replace(approval, nudged_at=now)
    return Step(nudged, (Remind(approval.id),), (entry_of(approval, What.NUDGED, event.by, now),))
