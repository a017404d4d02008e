"""Every cell of the table: listed events happen, and all others change nothing."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from typing import get_args

import pytest
from contracts.samples import ALICE, BOB, CAROL, NOW, a_policy, an_approval

from engine.approvals.approval import OPEN, Approval, Calling, Copy, NotCalled, Notify, Review, State, Words
from engine.approvals.audit import What
from engine.approvals.effects import (
    Call,
    ClearTimer,
    DrawCard,
    Remind,
    Resume,
    Say,
    SetTimer,
    TakeBack,
    TellPerson,
    Timer,
)
from engine.approvals.events import (
    AskedAgain,
    Called,
    Cancelled,
    CardDeleted,
    Chose,
    CopyGone,
    Deferred,
    Delivered,
    Event,
    ExpiryDue,
    Extended,
    HandedOver,
    LadderDue,
    Looked,
    NotDelivered,
    Nudged,
    Offered,
    Opened,
    Posted,
    ReminderDue,
    Revoked,
    TakenBack,
    Withdrew,
)
from engine.asks.ask import Choice, Decision
from engine.authority.eligibility import AccountType, Facts
from engine.authority.policy import Deadlines, OnExpiry
from engine.ids import ChannelId, GrantId, MessageTs, SheetId
from engine.machine import TRANSITIONS, Step, step
from engine.sentences.refusals import AlreadyDecided, Closed, Expired

MEMBER = Facts(AccountType.MEMBER)
HOUR = timedelta(hours=1)
LATE = NOW + HOUR
DEADLINES = Deadlines((timedelta(minutes=10),), HOUR)

PERSONS = (Chose, Looked, HandedOver, Extended, Cancelled, Nudged, TakenBack)
EVENTS: dict[type[Event], Event] = {
    Opened: Opened(),
    AskedAgain: AskedAgain((a_policy(),)),
    Posted: Posted(MessageTs("5.5")),
    CardDeleted: CardDeleted(MessageTs("5.5")),
    Chose: Chose(BOB, MEMBER, 0, 1, Choice.APPROVE),
    Looked: Looked(BOB, MEMBER),
    HandedOver: HandedOver(BOB, MEMBER, CAROL, MEMBER),
    Extended: Extended(BOB, MEMBER, HOUR),
    Cancelled: Cancelled(ALICE),
    TakenBack: TakenBack("ops", "wrong cluster"),
    Nudged: Nudged(ALICE),
    Called: Called((BOB,)),
    CopyGone: CopyGone(MessageTs("6.6")),
    Deferred: Deferred(LATE),
    Revoked: Revoked(GrantId("grant-1"), BOB),
    LadderDue: LadderDue(),
    Offered: Offered((Words("red", MessageTs("1.1")),)),
    ReminderDue: ReminderDue(),
    ExpiryDue: ExpiryDue(),
    Withdrew: Withdrew("it asks something else now"),
    Delivered: Delivered(),
    NotDelivered: NotDelivered("it asks something else now"),
}


def approval_in(state: State, *, on_expiry: OnExpiry = OnExpiry.REJECT) -> Approval:
    """An approval in a state, decided by Bob if anybody decided."""
    approval = an_approval(deadlines=replace(DEADLINES, on_expiry=on_expiry))
    if state is State.PENDING:
        return approval
    if state in (State.DECIDED, State.DELIVERED, State.UNDELIVERABLE):
        approval = step(approval, EVENTS[Chose], NOW).approval
    return replace(approval, state=state, closed_at=NOW, note="" if state in OPEN else "it is over")


def test_the_table_names_every_event_and_state_and_no_other() -> None:
    assert set(EVENTS) == set(get_args(Event))
    assert {event for _, event in TRANSITIONS} == set(EVENTS)
    assert {state for state, _ in TRANSITIONS} == set(State)
    assert {state for rule in TRANSITIONS.values() for state in rule.to} == set(State)


def test_what_is_closed_stays_closed_unless_the_graph_asks_it_again() -> None:
    for (state, event), rule in TRANSITIONS.items():
        if (state, event) == (State.DELIVERED, NotDelivered):
            continue  # the graph changed its request, and dropped the answer that it had
        if state not in OPEN:
            assert event in (Posted, Called, CopyGone, Revoked, AskedAgain)
            assert state not in rule.to if event is AskedAgain else rule.to == {state}
    assert (State.DELIVERED, AskedAgain) not in TRANSITIONS
    assert (State.EXPIRED, AskedAgain) not in TRANSITIONS


@pytest.mark.promise("P3")
@pytest.mark.parametrize("state", [State.WITHDRAWN, State.UNDELIVERABLE])
def test_asked_again_it_starts_anew_and_no_older_click_counts(state: State) -> None:
    again = step(approval_in(state), AskedAgain((a_policy(),)), LATE).approval
    assert (again.state, again.created_at, again.closed_at, again.note) == (State.PENDING, LATE, None, "")
    assert [(review.votes, review.decision) for review in again.reviews] == [((), None)]
    late = step(again, Chose(BOB, MEMBER, 0, 1, Choice.APPROVE), LATE)
    assert late.refusal is not None
    assert late.approval == again


@pytest.mark.promise("P8")
def test_what_was_decided_and_is_asked_again_has_a_new_card_that_people_are_told_of() -> None:
    before = replace(approval_in(State.UNDELIVERABLE), card=MessageTs("7.1"), sheet=SheetId(""))
    again = step(before, AskedAgain((a_policy(),)), LATE)
    assert again.approval.card is None
    assert again.effects[0] == TakeBack(before.thread, before.place, MessageTs("7.1"))
    assert isinstance(again.effects[1], DrawCard)
    shared = step(replace(before, sheet=SheetId("s")), AskedAgain((a_policy(),)), LATE)
    assert shared.approval.card == MessageTs("7.1")
    assert not any(isinstance(each, TakeBack) for each in shared.effects)


@pytest.mark.promise("P8")
def test_what_is_asked_again_has_no_card_older_than_the_one_that_it_had() -> None:
    asked = replace(approval_in(State.UNDELIVERABLE), sheet=SheetId(""), asked_after=MessageTs("5.1"))
    copy = Copy(BOB, ChannelId("D1"), MessageTs("10.2"))
    for before, after in ((asked, "5.1"), (replace(asked, card=MessageTs("9.1"), copies=(copy,)), "10.2")):
        assert step(before, AskedAgain((a_policy(),)), LATE).approval.asked_after == after


@pytest.mark.promise("P2")
@pytest.mark.parametrize(("state", "kind"), [pair for pair in product(State, EVENTS) if pair not in TRANSITIONS])
def test_what_is_not_listed_changes_nothing(state: State, kind: type[Event]) -> None:
    before = approval_in(state)
    taken = step(before, EVENTS[kind], LATE)
    assert taken.approval is before
    if kind in PERSONS:
        assert taken.refusal is not None
        told = [] if kind is TakenBack else [TellPerson]  # an operator is told by the command
        assert [type(effect) for effect in taken.effects] == [*told, DrawCard]
        assert [entry.what for entry in taken.entries] == [What.REFUSED]
    else:
        assert (taken.effects, taken.entries, taken.refusal) == ((), (), None)


@pytest.mark.parametrize(("state", "kind"), list(TRANSITIONS))
@pytest.mark.parametrize("now", [NOW, LATE])
def test_what_is_listed_leads_where_the_table_says(state: State, kind: type[Event], now: datetime) -> None:
    before = approval_in(state)
    taken = step(before, EVENTS[kind], now)
    assert taken.approval.state in TRANSITIONS[state, kind].to
    assert (taken.approval.id, taken.approval.version, taken.approval.ask) == (before.id, before.version, before.ask)


def test_opening_draws_the_card_and_sets_the_timers() -> None:
    approval = approval_in(State.PENDING)
    taken = step(approval, Opened(), NOW)
    assert taken.effects == (
        DrawCard(approval.id),
        SetTimer(approval.id, Timer.REMIND, NOW + timedelta(minutes=10)),
        SetTimer(approval.id, Timer.EXPIRE, LATE),
    )
    assert [(entry.what, entry.who, entry.detail) for entry in taken.entries] == [
        (What.ASKED, None, {"actions": ["deploy"], "digest": "digest"})
    ]
    assert step(an_approval(), Opened(), NOW).effects == (DrawCard(approval.id),)


@pytest.mark.parametrize(
    ("notify", "card"), [(Notify.DIRECT, None), (Notify.MENTION, MessageTs("4.4")), (Notify.DIRECT, MessageTs("4.4"))]
)
def test_people_are_called_at_once_where_a_card_stands_or_they_get_it_alone(
    notify: Notify, card: MessageTs | None
) -> None:
    approval = replace(approval_in(State.PENDING), calling=Calling(notify), card=card)
    assert step(approval, Opened(), NOW).effects[:2] == (DrawCard(approval.id), Call(approval.id))


def test_a_card_that_is_to_be_posted_calls_people_itself() -> None:
    approval = replace(approval_in(State.PENDING), calling=Calling(Notify.MENTION))
    assert Call(approval.id) not in step(approval, Opened(), NOW).effects


@pytest.mark.promise("P8")
@pytest.mark.parametrize("state", list(State))
def test_a_card_may_be_posted_in_any_state(state: State) -> None:
    before = replace(approval_in(state), calling=Calling(Notify.MENTION))
    taken = step(before, EVENTS[Posted], NOW)
    assert taken.approval == replace(before, card=MessageTs("5.5"))
    # What is posted when all is over shows buttons that have outlived their question: it is drawn once more.
    assert taken.effects == (() if state is State.PENDING else (DrawCard(before.id),))


def test_whom_a_card_cannot_reach_by_itself_is_called_when_it_stands() -> None:
    before = replace(approval_in(State.PENDING), calling=Calling(Notify.MENTION), not_called=NotCalled(later=True))
    assert step(before, EVENTS[Posted], NOW).effects == (Call(before.id),)
    handed = replace(before, not_called=NotCalled(), handed_to=CAROL)
    assert step(handed, EVENTS[Posted], NOW).effects == (Call(before.id),)


def test_the_audit_says_who_was_called_when_the_card_that_mentions_them_is_posted() -> None:
    before = replace(approval_in(State.PENDING), calling=Calling(Notify.MENTION))
    called = step(before, Called((BOB,), not_called=NotCalled()), NOW)
    assert (called.effects, called.entries) == ((), ())
    (row,) = step(called.approval, EVENTS[Posted], NOW).entries
    assert (row.what, row.detail) == (What.CALLED, {"people": [BOB]})


def test_a_card_that_must_not_call_people_names_them_once_it_stands() -> None:
    before = replace(approval_in(State.PENDING), calling=Calling(Notify.NONE))
    assert before.names_nobody_yet
    taken = step(before, EVENTS[Posted], NOW)
    assert taken.effects == (DrawCard(before.id),)
    assert not taken.approval.names_nobody_yet
    assert taken.entries == ()


def test_a_decision_goes_to_the_graph_first_and_clears_the_timers() -> None:
    before = approval_in(State.PENDING)
    taken = step(before, EVENTS[Chose], NOW)
    assert taken.approval.state is State.DECIDED
    assert taken.approval.closed_at == NOW
    assert taken.approval.decisions == (Decision(Choice.APPROVE),)
    assert taken.effects == (
        Resume(before.id),
        DrawCard(before.id),
        ClearTimer(before.id, Timer.REMIND),
        ClearTimer(before.id, Timer.EXPIRE),
    )


def test_a_reminder_is_sent_once_while_it_is_pending() -> None:
    before = approval_in(State.PENDING)
    assert step(before, ReminderDue(), NOW) == Step(before), "not yet"
    taken = step(before, ReminderDue(), NOW + timedelta(minutes=10))
    assert taken.approval == replace(before, reminded=1)
    assert taken.effects == (Remind(before.id), SetTimer(before.id, Timer.EXPIRE, LATE))
    assert step(taken.approval, ReminderDue(), NOW + timedelta(minutes=10)) == Step(taken.approval)
    assert [entry.what for entry in taken.entries] == [What.REMINDED]


def test_delivery_ends_a_decided_one() -> None:
    before = approval_in(State.DECIDED)
    taken = step(before, Delivered(), LATE)
    assert taken.approval == replace(before, state=State.DELIVERED)
    assert [entry.what for entry in taken.entries] == [What.DELIVERED]


@pytest.mark.promise("P4")
@pytest.mark.parametrize(
    ("state", "event", "after", "what"),
    [
        (State.PENDING, Withdrew("it moved on"), State.WITHDRAWN, What.WITHDRAWN),
        (State.DECIDED, NotDelivered("it moved on"), State.UNDELIVERABLE, What.UNDELIVERABLE),
    ],
)
def test_what_the_graph_no_longer_asks_is_closed_with_its_reason(
    state: State, event: Event, after: State, what: What
) -> None:
    before = approval_in(state)
    taken = step(before, event, LATE)
    assert (taken.approval.state, taken.approval.note) == (after, "it moved on")
    assert taken.approval.closed_at == (before.closed_at or LATE)
    assert taken.effects[0] == DrawCard(before.id)
    assert ClearTimer(before.id, Timer.EXPIRE) in taken.effects
    assert [(entry.what, entry.detail) for entry in taken.entries] == [(what, "it moved on")]


# Expiry ---------------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P5")
def test_by_its_timer_it_is_rejected() -> None:
    taken = step(approval_in(State.PENDING), ExpiryDue(), LATE)
    assert taken.approval.state is State.DECIDED
    assert taken.approval.decisions == (Decision(Choice.REJECT, text="Nobody decided this in time."),)
    assert taken.approval.deciders == ()
    assert Resume(taken.approval.id) in taken.effects
    assert [(entry.what, entry.who, entry.detail) for entry in taken.entries] == [(What.EXPIRED, None, "reject")]


@pytest.mark.promise("P5")
def test_by_its_timer_the_run_fails_where_the_rule_says_so() -> None:
    before = approval_in(State.PENDING, on_expiry=OnExpiry.FAIL)
    taken = step(before, ExpiryDue(), LATE)
    assert (taken.approval.state, taken.approval.closed_at) == (State.EXPIRED, LATE)
    assert not any(isinstance(effect, Resume) for effect in taken.effects)
    (said,) = (effect for effect in taken.effects if isinstance(effect, Say))
    assert (said.place, said.failed) == (before.home, True)
    assert said.text.startswith("Nobody decided this in time, so the agent was stopped here.")
    assert DrawCard(before.id) in taken.effects
    assert ClearTimer(before.id, Timer.EXPIRE) in taken.effects


@pytest.mark.promise("P5")
def test_what_cannot_be_rejected_fails_instead() -> None:
    ask = an_approval().ask
    ask = replace(ask, actions=(replace(ask.actions[0], choices=(Choice.APPROVE,)),))
    taken = step(an_approval(ask=ask, deadlines=DEADLINES), ExpiryDue(), LATE)
    assert taken.approval.state is State.EXPIRED


@pytest.mark.promise("P5")
@pytest.mark.parametrize("on_expiry", list(OnExpiry))
def test_a_click_after_the_deadline_expires_it_though_the_timer_is_late(on_expiry: OnExpiry) -> None:
    before = approval_in(State.PENDING, on_expiry=on_expiry)
    by_timer, by_click = step(before, ExpiryDue(), LATE), step(before, EVENTS[Chose], LATE)
    assert by_click.approval == by_timer.approval
    assert by_click.refusal == Expired(LATE)
    assert by_click.effects[: len(by_timer.effects)] == by_timer.effects
    assert [entry.what for entry in by_click.entries] == [What.EXPIRED, What.REFUSED]
    assert any(isinstance(effect, TellPerson) and effect.user == BOB for effect in by_click.effects)


@pytest.mark.promise("P5")
def test_just_before_the_deadline_a_click_counts_and_a_timer_does_not() -> None:
    before, just = approval_in(State.PENDING), LATE - timedelta(microseconds=1)
    assert step(before, EVENTS[Chose], just).refusal is None
    early = step(before, ExpiryDue(), just)
    assert (early.approval, early.effects, early.entries) == (before, (), ())


@pytest.mark.promise("P5")
def test_without_a_deadline_it_waits_for_ever() -> None:
    before = an_approval()
    assert step(before, ExpiryDue(), NOW + timedelta(days=9999)).approval == before


# What a late click is told --------------------------------------------------------------------------------------------


@pytest.mark.promise("P2")
@pytest.mark.parametrize("state", [State.DECIDED, State.DELIVERED])
def test_a_late_click_is_told_who_decided_what_and_when(state: State) -> None:
    taken = step(approval_in(state), replace(EVENTS[Chose], by=ALICE), LATE)  # type: ignore[arg-type]
    assert taken.refusal == AlreadyDecided("approved", (BOB,), NOW)
    (told,) = (effect for effect in taken.effects if isinstance(effect, TellPerson))
    assert (told.user, told.sentence) == (ALICE, taken.refusal.sentence)


@pytest.mark.promise("P2")
@pytest.mark.parametrize("state", [State.WITHDRAWN, State.UNDELIVERABLE])
def test_a_late_click_is_told_that_it_is_closed_and_why(state: State) -> None:
    assert step(approval_in(state), EVENTS[Chose], LATE).refusal == Closed("it is over")


@pytest.mark.promise("P2")
def test_a_late_click_is_told_that_time_decided() -> None:
    assert step(approval_in(State.EXPIRED), EVENTS[Chose], LATE).refusal == Expired(NOW)
    rejected = step(approval_in(State.PENDING), ExpiryDue(), LATE).approval
    assert step(rejected, EVENTS[Chose], LATE).refusal == Expired(LATE)


def test_a_review_needs_a_policy_and_starts_at_the_first_revision() -> None:
    review = Review({"a": 1}, a_policy())
    assert (review.revision, review.votes, review.decision, review.deciders) == (1, (), None, ())
    with pytest.raises(ValueError, match="not decided"):
        _ = an_approval().decisions


@pytest.mark.promise("P8")
def test_a_card_that_was_deleted_is_posted_anew_unless_another_stands() -> None:
    first, second = MessageTs("1.1"), MessageTs("2.2")
    draw = DrawCard(an_approval().id)
    posted = step(an_approval(), Posted(first), NOW).approval
    deleted = step(posted, CardDeleted(first), NOW)
    assert (deleted.approval.card, deleted.effects) == (None, (draw,))
    assert step(posted, CardDeleted(second), NOW) == Step(posted)
    assert step(deleted.approval, CardDeleted(first), NOW).effects == (draw,), "drawn twice is drawn once"
    again = step(deleted.approval, Posted(second), NOW).approval
    assert step(again, CardDeleted(first), NOW) == Step(again), "told late"
    assert (again.card, again.seen_since) == (second, first), "people saw the first"
    on_its_way = step(an_approval(), CardDeleted(first), NOW)
    assert (on_its_way.approval, on_its_way.effects) == (an_approval(), (draw,))
