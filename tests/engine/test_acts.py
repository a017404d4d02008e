"""Acts on a request besides deciding it: looking, handing over, extending, withdrawing, nudging."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from contracts.samples import ALICE, BOB, CAROL, EVE, NOW, an_approval, an_ask

from engine.approvals.approval import Approval, Place, PressedOn, State
from engine.approvals.audit import What
from engine.approvals.effects import Call, DrawCard, EndRun, Remind, Resume, Say, SetTimer, TellPerson, Timer
from engine.approvals.events import Act, Cancelled, Chose, Doing, Extended, HandedOver, Looked, Nudged, TakenBack
from engine.asks.ask import Choice, Kind
from engine.authority.eligibility import AccountType, Facts
from engine.authority.policy import CHANNEL, Deadlines, one_part, person
from engine.ids import ApprovalId, ChannelId, MessageTs, TeamId
from engine.machine import Step, step
from engine.sentences.refusals import (
    AlreadyDecided,
    CannotTakeOver,
    Closed,
    Expired,
    LookedAlready,
    NoLongerNamed,
    NoOwnRequests,
    NotAnApprover,
    NotOffered,
    NudgedAlready,
    TakerUnknown,
)
from engine.sources import Origin, Source, SourceFailure

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
MEMBER, OUTSIDER = Facts(AccountType.MEMBER), Facts(AccountType.GUEST)
PAY = Source(Origin.ON_CALL, "pay")
DOWN = Facts(AccountType.MEMBER, failed=(SourceFailure(PAY, "no answer"),))
DEADLINES = Deadlines(reminders=(30 * MINUTE,), expires_after=HOUR)
TWO = one_part("rule", person(BOB), person(CAROL))


def waiting(**more: Any) -> Approval:
    made = an_approval(**({"deadlines": DEADLINES} | more))
    return replace(made, reviews=tuple(replace(each, policy=TWO) for each in made.reviews))


def after(approval: Approval, *events: Any, minutes: float = 1) -> Step:
    taken = Step(approval)
    for event in events:
        taken = step(taken.approval, event, NOW + minutes * MINUTE)
    return taken


def approve(by: Any) -> Chose:
    return Chose(by, MEMBER, 0, 1, Choice.APPROVE)


@pytest.mark.promise("P6")
@pytest.mark.parametrize(
    "act", [Looked(EVE, MEMBER), Extended(EVE, MEMBER, HOUR), HandedOver(EVE, MEMBER, CAROL, MEMBER)]
)
def test_who_may_not_decide_may_not_act_either(act: Any) -> None:
    taken = after(waiting(), act)
    assert isinstance(taken.refusal, NotAnApprover)
    assert taken.approval == waiting()


@pytest.mark.promise("P6")
@pytest.mark.parametrize(
    "act", [Looked(BOB, MEMBER), Extended(BOB, MEMBER, HOUR), HandedOver(BOB, MEMBER, CAROL, MEMBER)]
)
def test_who_is_no_longer_named_may_not_act(act: Any) -> None:
    taken = after(waiting(), replace(act, current=(one_part("rule", person(CAROL)),)))
    assert isinstance(taken.refusal, NoLongerNamed)


@pytest.mark.promise("P6")
def test_a_request_is_handed_over_only_to_somebody_who_may_decide() -> None:
    assert after(waiting(), HandedOver(BOB, MEMBER, CAROL, MEMBER)).approval.handed_to == CAROL
    assert isinstance(after(waiting(), HandedOver(BOB, MEMBER, EVE, MEMBER)).refusal, CannotTakeOver)
    assert isinstance(after(waiting(), HandedOver(BOB, MEMBER, CAROL, OUTSIDER)).refusal, CannotTakeOver)
    asker = after(waiting(), HandedOver(BOB, MEMBER, ALICE, MEMBER))
    assert isinstance(asker.refusal, CannotTakeOver)
    assert asker.approval.handed_to is None


def test_it_is_said_where_nobody_can_tell_whether_somebody_may_take_over() -> None:
    approval = waiting()
    on_call = replace(approval.reviews[0], policy=one_part("rule", person(BOB), PAY))
    taken = after(replace(approval, reviews=(on_call,)), HandedOver(BOB, MEMBER, EVE, DOWN))
    assert isinstance(taken.refusal, TakerUnknown)


def test_handing_over_calls_the_other_and_redraws_the_card() -> None:
    effects = after(waiting(), HandedOver(BOB, MEMBER, CAROL, MEMBER)).effects
    assert Call(waiting().id) in effects
    assert DrawCard(waiting().id) in effects


def test_looking_pauses_reminders_once_for_each_person() -> None:
    looked = after(waiting(), Looked(BOB, MEMBER))
    assert looked.approval.remind_at == NOW + 45 * MINUTE
    assert looked.approval.expires_at == NOW + HOUR
    assert SetTimer(waiting().id, Timer.REMIND, NOW + 45 * MINUTE) in looked.effects
    assert isinstance(after(looked.approval, Looked(BOB, MEMBER)).refusal, LookedAlready)
    assert after(looked.approval, Looked(CAROL, MEMBER)).refusal is None


@pytest.mark.promise("P5")
def test_an_act_that_had_to_be_looked_up_counts_as_of_its_own_time() -> None:
    in_time = NOW + 59 * MINUTE
    extended = after(waiting(), Extended(BOB, MEMBER, HOUR, at=in_time), minutes=60.1)
    assert extended.approval.expires_at == NOW + 2 * HOUR
    assert after(waiting(), Looked(BOB, MEMBER, at=in_time), minutes=60.1).refusal is None
    assert isinstance(after(waiting(), Extended(BOB, MEMBER, HOUR), minutes=60.1).refusal, Expired)


@pytest.mark.promise("P2")
def test_withdrawing_and_approving_have_one_outcome_and_both_hear_it() -> None:
    withdrawn = after(waiting(), Cancelled(ALICE), approve(BOB))
    assert withdrawn.approval.state is State.STOPPED
    assert isinstance(withdrawn.refusal, Closed)
    assert "its requester withdrew it" in withdrawn.refusal.sentence
    approved = after(waiting(), approve(BOB), Cancelled(ALICE))
    assert approved.approval.state is State.DECIDED
    assert isinstance(approved.refusal, AlreadyDecided)
    assert f"approved by <@{BOB}>" in approved.refusal.sentence


@pytest.mark.promise("P8")
def test_a_withdrawal_ends_the_run_and_says_nothing_that_is_not_true() -> None:
    taken = after(waiting(), Cancelled(ALICE))
    assert EndRun(waiting().thread) in taken.effects
    assert any(isinstance(each, Say) and each.by == ALICE for each in taken.effects)
    assert taken.approval.note == "The run was stopped."


@pytest.mark.promise("P2")
def test_an_operators_withdrawal_and_an_approval_have_one_outcome_and_both_hear_it() -> None:
    taken = after(waiting(), TakenBack("sam", "wrong cluster"))
    assert (taken.approval.state, taken.approval.note) == (
        State.STOPPED,
        "The run was stopped.\nReason: wrong cluster",
    )
    assert EndRun(waiting().thread) in taken.effects
    assert not any(isinstance(each, Resume) for each in taken.effects)
    said = next(each for each in taken.effects if isinstance(each, Say))
    assert said.by is None
    assert said.text.startswith("The bot's operator (sam) withdrew the request, so the run was stopped.")
    assert said.text.endswith("Reason: wrong cluster")
    late = after(taken.approval, approve(BOB))
    assert isinstance(late.refusal, Closed)
    assert "the bot's operator withdrew it" in late.refusal.sentence
    approved = after(waiting(), approve(BOB), TakenBack("sam", "wrong cluster"))
    assert approved.approval.state is State.DECIDED
    assert isinstance(approved.refusal, AlreadyDecided)
    assert [type(each) for each in approved.effects] == [DrawCard]


@pytest.mark.promise("P9")
def test_an_operators_withdrawal_is_audited_with_their_name_and_reason() -> None:
    rows = after(waiting(), TakenBack("sam", "wrong cluster")).entries
    assert [(row.what, row.who, row.detail) for row in rows] == [
        (What.WITHDRAWN, None, {"operator": "sam", "reason": "wrong cluster"}),
        (What.STOPPED, None, None),
    ]
    (refused,) = after(waiting(), approve(BOB), TakenBack("sam", "wrong cluster")).entries
    assert (refused.what, refused.who) == (What.REFUSED, None)
    assert refused.detail == {"refusal": "already_decided", "choice": "takenback", "operator": "sam"}


@pytest.mark.promise("P5")
def test_an_operators_withdrawal_after_the_deadline_expires_the_request() -> None:
    taken = after(waiting(), TakenBack("sam", "wrong cluster"), minutes=61)
    assert isinstance(taken.refusal, Expired)
    assert taken.approval.state is not State.PENDING
    assert not taken.approval.is_withdrawn


@pytest.mark.parametrize("kind", [Kind.FAILURE, Kind.NOTICE])
@pytest.mark.parametrize("event", [Cancelled(ALICE), TakenBack("sam", "wrong cluster")])
def test_what_asks_for_nothing_cannot_be_withdrawn(kind: Kind, event: Any) -> None:
    assert isinstance(after(waiting(ask=an_ask(kind=kind)), event).refusal, NotOffered)


def test_a_nudge_reminds_now_and_not_again_within_the_hour() -> None:
    nudged = after(waiting(), Nudged(ALICE))
    assert nudged.effects == (Remind(waiting().id),)
    assert isinstance(after(nudged.approval, Nudged(ALICE), minutes=59).refusal, NudgedAlready)


def test_who_acts_on_a_copy_is_told_there() -> None:
    direct = PressedOn(Place(TeamId("T1"), ChannelId("D7")), MessageTs("7.7"), own=True)
    taken = after(waiting(), Nudged(BOB, on=direct))
    (told,) = [each for each in taken.effects if isinstance(each, TellPerson)]
    assert told.place == direct.place


def test_one_does_not_act_on_ones_own_request() -> None:
    approval = waiting()
    mine = replace(approval, reviews=(replace(approval.reviews[0], policy=one_part("rule", CHANNEL)),))
    assert isinstance(after(mine, Looked(ALICE, Facts(AccountType.MEMBER, in_channel=True))).refusal, NoOwnRequests)


def test_an_act_becomes_its_event() -> None:
    act = Act(ApprovalId("t#1"), BOB, Doing.HAND_OVER, to=CAROL)
    assert act.event(MEMBER, OUTSIDER, ()) == HandedOver(BOB, MEMBER, CAROL, OUTSIDER)
    with pytest.raises(ValueError, match="somebody"):
        replace(act, to=None).event(MEMBER, OUTSIDER, ())
