"""Opening: the graph asks, or asks again after its request was withdrawn."""

from dataclasses import replace
from datetime import datetime, timedelta

from engine.approvals.approval import GRANT_OF, Approval, Copy, NotCalled, Notify, Place, Review, State
from engine.approvals.audit import Entry, What
from engine.approvals.effects import TakeBack
from engine.approvals.events import AskedAgain, Automatic, Opened
from engine.asks.ask import Json
from engine.ids import MessageTs
from engine.machine.closing import decide, stop_run
from engine.machine.common_effects import calls_of, drawing_of, timers_set
from engine.machine.step import Step, entry_of
from engine.sentences import notices
from engine.sentences.spoken import moment


def open_request(approval: Approval, event: Opened | AskedAgain, now: datetime) -> Step:
    """Open a request: rules and grants decide what they can, and people are asked the rest."""
    approval = _with_automatic(approval, event.automatic, now)
    entries = (*_asked_entries(approval, now), *_automatic_entries(approval, event.automatic, now))
    if approval.stopping is not None:
        return stop_run(approval, entries, notices.rejected_by_rule(approval.rule), now)
    if all(review.decision is not None for review in approval.reviews):
        return decide(approval, entries, now)
    # In a channel people are called by the card, or once it is posted; a message to them alone needs no card there.
    calls = calls_of(approval) if approval.card is not None or approval.calling.notify is Notify.DIRECT else ()
    return Step(approval, (drawing_of(approval), *calls, *timers_set(approval)), entries)


def _asked_entries(approval: Approval, now: datetime) -> tuple[Entry, ...]:
    # The values are in the ask, which is stored as long as the audit: see `Approvals.ask`.
    asked: Json = {"actions": [action.name for action in approval.ask.actions], "digest": approval.digest}
    entries = [entry_of(approval, What.ASKED, None, now, asked)]
    if approval.replaced is not None:
        decided: list[Json] = list(approval.replaced.by)
        entries.insert(0, entry_of(approval, What.CHANGED, None, now, {approval.replaced.outcome: decided}))
    if approval.ask.caught:
        entries.insert(0, entry_of(approval, What.CHANGED, None, now, {"stopped": approval.ask.prompt}))
    return tuple(entries)


def _with_automatic(approval: Approval, automatic: tuple[Automatic | None, ...], now: datetime) -> Approval:
    """Apply the decisions of rules and grants; the other actions of a batch wait for people."""
    if not any(automatic):
        return replace(approval, quiet=False)
    reviews = tuple(
        review
        if each is None
        else replace(
            review,
            decision=each.decision,
            decided_at=now,
            automatic=_automatic_name(review, each),
            grant=each.grant,
        )
        for review, each in zip(approval.reviews, automatic, strict=True)
    )
    return replace(approval, reviews=reviews, quiet=all(each is not None and each.quiet for each in automatic))


def _automatic_name(review: Review, automatic: Automatic) -> str:
    if automatic.by is None:
        return review.policy.rule
    until = f" until {moment(automatic.until)}" if automatic.until else ""
    return f"{GRANT_OF}<@{automatic.by}>{until}"


def _automatic_entries(approval: Approval, automatic: tuple[Automatic | None, ...], now: datetime) -> tuple[Entry, ...]:
    return tuple(
        replace(
            entry_of(approval, What.DECIDED, each.by, now, _automatic_detail(place, each)),
            rule=approval.reviews[place].policy.rule,
        )
        for place, each in enumerate(automatic)
        if each is not None
    )


def _automatic_detail(place: int, automatic: Automatic) -> Json:
    detail: dict[str, Json] = {"action": place, "choice": automatic.decision.choice.value, "via": automatic.via}
    return detail | ({"grant": automatic.grant} if automatic.grant else {})


def _newest_message(approval: Approval) -> MessageTs | None:
    """The newest message in Slack, of those that were there before a request is asked again."""
    known = (approval.asked_after, approval.card, *(each.card for each in approval.copies))
    return max((each for each in known if each is not None), key=float, default=None)


def ask_again(approval: Approval, event: AskedAgain, now: datetime) -> Step:
    """Open a request again under the same id. Revisions go on counting, so that no click on the older card counts.

    Slack notifies nobody of a redrawn card. So a request that people had decided already gets a new card, and the old
    one is deleted: one question has one card (P8). The earlier decisions are in the audit.
    """
    fresh = tuple(
        Review(action.value, policy, review.revision + 1)
        for action, policy, review in zip(approval.ask.actions, event.policies, approval.reviews, strict=True)
    )
    again = replace(
        approval,
        state=State.PENDING,
        reviews=fresh,
        created_at=now,
        closed_at=None,
        note="",
        offered=(),
        replaced=event.replaced,
        called=(),
        not_called=NotCalled(),
        copies=(),
        reminded=0,
        looking=(),
        rested=timedelta(),
        extended=timedelta(),
        renewed=timedelta(),
        handed_to=None,
        nudged_at=None,
        edition=event.edition,
        deadlines=event.deadlines or approval.deadlines,
        calling=event.calling or approval.calling,
        asked_after=_newest_message(approval),
    )
    stale = [TakeBack(approval.thread, _place_of(approval, each), each.card) for each in approval.copies]
    if approval.state is State.UNDELIVERABLE and not approval.sheet and approval.card is not None:
        again = replace(again, card=None, first_card=None)
        stale.append(TakeBack(approval.thread, approval.place, approval.card))
    opened = open_request(again, event, now)
    return replace(opened, effects=(*stale, *opened.effects))


def _place_of(approval: Approval, copy: Copy) -> Place:
    return Place(approval.place.team, copy.channel)
