"""Time and a waiting request: reminders, the ladder, the expiry, and the acts that move them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from contracts.panel import DEV, MANAGERS, MEMBER, OPS, Panel, all_of, panel, part, rung, stages
from contracts.samples import ALICE, BOB, CAROL, EVE, GINA, NOW, an_ask

from engine.approvals.approval import State, open_reviews
from engine.approvals.audit import What
from engine.approvals.effects import Call, Remind, Resume, SetTimer, Timer
from engine.approvals.events import Cancelled, Extended, HandedOver, Looked, Nudged, ReminderDue
from engine.asks.ask import Choice, Decision
from engine.authority.eligibility import AccountType
from engine.authority.policy import Deadlines, Hours, OnExpiry, Policy, person
from engine.machine import Step
from engine.machine.acts import PAUSE
from engine.sentences.refusals import (
    AlreadyDecided,
    CannotTakeOver,
    Closed,
    Expired,
    LookedAlready,
    NoDeadline,
    NoGuests,
    NotAnApprover,
    NotYetTheirTurn,
    NudgedAlready,
    YoursAlready,
)

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LADDER = (rung(15, OPS), rung(60, MANAGERS))
POLICY = all_of(part(DEV), ladder=LADDER)


def room(policy: Policy = POLICY, deadlines: Deadlines | None = None) -> Panel:
    return panel(policy, deadlines, dev=[BOB], ops=[CAROL], managers=[EVE])


def taken(step: Step) -> list[What]:
    return [row.what for row in step.entries]


# The ladder -----------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P6")
def test_a_step_adds_its_people_and_takes_out_nobody() -> None:
    waiting = room()
    assert waiting.click(CAROL).refusal == NotAnApprover((DEV,))
    due = waiting.pass_time(minutes=15)
    assert Call(waiting.approval.id) in due.effects
    assert SetTimer(waiting.approval.id, Timer.ESCALATE, NOW + HOUR) in due.effects
    assert waiting.click(EVE).refusal == NotAnApprover((DEV, OPS))
    first, second = Panel(waiting.approval, waiting.belongs), Panel(waiting.approval, waiting.belongs)
    first.click(CAROL)
    second.click(BOB)
    assert (first.state(), second.state()) == (State.DECIDED, State.DECIDED)


@pytest.mark.promise("P6")
def test_a_step_adds_to_each_part_and_lowers_no_quorum() -> None:
    waiting = room(all_of(part(DEV), part(MANAGERS), ladder=(rung(15, OPS),)))
    waiting.pass_time(minutes=15)
    waiting.click(CAROL)
    assert waiting.state() is State.PENDING
    waiting.click(EVE)
    assert waiting.state() is State.DECIDED


@pytest.mark.promise("P6")
def test_a_step_adds_to_each_stage_in_its_turn() -> None:
    waiting = room(stages(part(DEV), part(MANAGERS), ladder=(rung(15, OPS),)))
    waiting.pass_time(minutes=15)
    assert waiting.click(EVE).refusal == NotYetTheirTurn((DEV, OPS))
    waiting.click(CAROL)
    waiting.click(EVE)
    assert waiting.state() is State.DECIDED


@pytest.mark.promise("P2")
def test_a_vote_given_before_a_step_counts_after_it() -> None:
    waiting = room(replace(POLICY, stages=((part(DEV, quorum=2),),)))
    waiting.click(BOB)
    waiting.pass_time(minutes=15)
    waiting.click(CAROL)
    assert waiting.approval.deciders == (BOB, CAROL)


def test_a_step_before_its_time_is_not_taken() -> None:
    waiting = room()
    early = waiting.pass_time(minutes=14, seconds=59)
    assert (early.effects, early.entries) == ((), ())
    assert waiting.approval.reviews[0].escalated == 0


def test_steps_that_came_due_while_the_bot_was_down_are_one_notice() -> None:
    waiting = room()
    late = waiting.pass_time(hours=5)
    assert waiting.approval.reviews[0].escalated == 2
    assert taken(late) == [What.ESCALATED]
    assert sum(isinstance(each, Call) for each in late.effects) == 1


def test_the_step_behind_an_empty_one_starts_in_its_place() -> None:
    waiting = room()
    due = waiting.pass_time(ladder=frozenset({(0, 0)}), minutes=15)
    assert waiting.approval.reviews[0].escalated == 2
    (row,) = due.entries
    assert row.detail == {
        "action": 0,
        "steps": [{"to": ["ops"], "empty": True}, {"to": ["managers"], "empty": False}],
    }
    waiting.click(EVE)
    assert waiting.state() is State.DECIDED


def test_an_empty_step_is_not_passed_before_its_time() -> None:
    waiting = room()
    waiting.pass_time(ladder=frozenset({(0, 0), (0, 1)}), minutes=14)
    assert waiting.approval.reviews[0].escalated == 0


@pytest.mark.promise("P2")
def test_a_step_due_while_somebody_decides_changes_nothing_that_is_decided() -> None:
    waiting = room()
    waiting.click(BOB)
    decided = waiting.approval
    waiting.pass_time(minutes=15)
    assert waiting.approval == decided


def test_each_action_of_a_batch_has_its_own_ladder_and_a_decided_one_climbs_no_further() -> None:
    waiting = room()
    ask = an_ask("deploy", "refund")
    other = all_of(part(DEV), ladder=(rung(30, MANAGERS),))
    waiting.approval = replace(waiting.approval, ask=ask, reviews=open_reviews(ask, (POLICY, other)))
    waiting.click(BOB)
    assert waiting.approval.escalates_at == NOW + 30 * MINUTE
    waiting.pass_time(minutes=30)
    assert [each.escalated for each in waiting.approval.reviews] == [0, 1]


@pytest.mark.promise("P6")
def test_a_guest_whom_a_step_names_decides_only_where_it_says_so() -> None:
    for allowed in (False, True):
        waiting = room(all_of(part(DEV), ladder=(rung(15, person(GINA), outsiders=allowed),)))
        waiting.standings[GINA] = AccountType.GUEST
        waiting.pass_time(minutes=15)
        assert (waiting.click(GINA).refusal is None) is allowed


@pytest.mark.promise("P6")
def test_a_step_that_lets_a_guest_in_lets_in_no_guest_of_the_rule_itself() -> None:
    waiting = room(all_of(part(person(GINA), person(BOB)), ladder=(rung(15, person(EVE), outsiders=True),)))
    waiting.standings[GINA] = waiting.standings[EVE] = AccountType.GUEST
    waiting.pass_time(minutes=15)
    assert waiting.click(GINA).refusal == NoGuests()
    assert waiting.click(EVE).refusal is None


# The expiry -----------------------------------------------------------------------------------------------------------

ESCALATING = Deadlines(expires_after=10 * MINUTE, on_expiry=OnExpiry.ESCALATE)


@pytest.mark.promise("P5")
def test_an_expiry_that_escalates_takes_one_step_each_time_and_rejects_at_the_end() -> None:
    waiting = room(deadlines=ESCALATING)
    first = waiting.expire(minutes=10)
    assert waiting.approval.reviews[0].escalated == 1
    assert taken(first) == [What.EXPIRED, What.ESCALATED]
    assert waiting.approval.expires_at == NOW + 20 * MINUTE
    waiting.expire(minutes=10)
    assert waiting.approval.reviews[0].escalated == 2
    waiting.expire(minutes=10)
    assert waiting.approval.decisions == (Decision(Choice.REJECT, text="Nobody decided this in time."),)


@pytest.mark.promise("P5")
def test_an_expiry_passes_an_empty_step_at_once() -> None:
    waiting = room(deadlines=ESCALATING)
    waiting.expire(empty=frozenset({(0, 0)}), minutes=10)
    assert waiting.approval.reviews[0].escalated == 2


@pytest.mark.promise("P2")
def test_a_click_after_a_deadline_that_escalates_counts_though_the_timer_is_late() -> None:
    waiting = room(deadlines=ESCALATING)
    waiting.now += 11 * MINUTE
    assert waiting.click(CAROL).refusal == NotAnApprover((DEV,))
    assert waiting.click(BOB).refusal is None
    assert waiting.state() is State.DECIDED


@pytest.mark.promise("P2")
@pytest.mark.parametrize("vote_first", [True, False])
def test_an_expiry_in_the_same_millisecond_as_a_vote_has_one_outcome(vote_first: bool) -> None:  # noqa: FBT001
    waiting = room(deadlines=Deadlines(expires_after=10 * MINUTE))
    waiting.now += 10 * MINUTE - timedelta(milliseconds=vote_first)
    vote = waiting.click(BOB)
    late = waiting.expire()
    assert (vote.refusal is None) is vote_first
    assert late.effects == ()
    assert waiting.approval.decisions[0].choice is (Choice.APPROVE if vote_first else Choice.REJECT)
    assert sum(isinstance(each, Resume) for each in (*vote.effects, *late.effects)) == 1


@pytest.mark.promise("P5")
def test_without_always_the_expiry_rests_outside_of_the_hours() -> None:
    hours = Hours("UTC", frozenset(range(5)), 9 * 60, 17 * 60)
    for always, due in ((False, NOW + timedelta(days=1)), (True, NOW + 8 * HOUR)):  # noon on a Thursday
        waiting = room(deadlines=Deadlines(expires_after=8 * HOUR, hours=hours, always=always))
        assert waiting.approval.expires_at == due
        assert waiting.approval.escalates_at == NOW + 15 * MINUTE


@pytest.mark.promise("P5")
def test_extending_twice_adds_up_and_an_expiry_of_before_does_nothing() -> None:
    waiting = room(deadlines=Deadlines(expires_after=HOUR))
    for count in (1, 2):
        put_off = waiting.happens(Extended(BOB, waiting.facts(BOB), HOUR))
        assert SetTimer(waiting.approval.id, Timer.EXPIRE, NOW + HOUR + count * HOUR) in put_off.effects
    assert waiting.expire(hours=1).effects == ()
    assert waiting.expire(hours=1, minutes=59).effects == ()
    waiting.expire(minutes=1)
    assert waiting.state() is State.DECIDED


@pytest.mark.parametrize("span", [timedelta(), -HOUR, timedelta(days=31)])
def test_a_deadline_is_only_put_off_and_not_for_ever(span: timedelta) -> None:
    waiting = room(deadlines=Deadlines(expires_after=HOUR))
    assert waiting.happens(Extended(BOB, waiting.facts(BOB), span)).refusal == NoDeadline()
    assert waiting.approval.expires_at == NOW + HOUR


def test_what_an_expiry_added_by_escalating_does_not_count_as_put_off_by_people() -> None:
    long = Deadlines(expires_after=timedelta(days=29), on_expiry=OnExpiry.ESCALATE)
    waiting = room(deadlines=long)
    waiting.expire(days=29)
    assert waiting.happens(Extended(BOB, waiting.facts(BOB), timedelta(days=2))).refusal is None
    assert waiting.approval.expires_at == NOW + timedelta(days=60)


# Looking --------------------------------------------------------------------------------------------------------------

REMINDED = Deadlines((20 * MINUTE,), 10 * HOUR)


def looks(waiting: Panel, by: object = BOB) -> Step:
    return waiting.happens(Looked(by, waiting.facts(by)))  # type: ignore[arg-type]


@pytest.mark.promise("P5")
def test_who_looks_pauses_reminders_and_the_ladder_and_not_the_expiry() -> None:
    waiting = room(deadlines=REMINDED)
    waiting.now += 5 * MINUTE
    looks(waiting)
    assert waiting.approval.remind_at == NOW + 20 * MINUTE + PAUSE
    assert waiting.approval.escalates_at == NOW + 15 * MINUTE + PAUSE
    assert waiting.approval.expires_at == NOW + 10 * HOUR
    waiting.pass_time(minutes=24)
    assert waiting.approval.reviews[0].escalated == 0
    waiting.pass_time(minutes=1)
    assert waiting.approval.reviews[0].escalated == 1


def test_pauses_that_overlap_count_once_and_each_person_pauses_once() -> None:
    waiting = panel(all_of(part(DEV)), REMINDED, dev=[BOB, CAROL])
    looks(waiting)
    waiting.now += 5 * MINUTE
    assert looks(waiting).refusal == LookedAlready()
    looks(waiting, CAROL)
    assert waiting.approval.rested == 20 * MINUTE
    waiting.now += 2 * HOUR
    assert looks(waiting, CAROL).refusal == LookedAlready()


def test_who_looks_and_then_does_nothing_holds_nothing_up() -> None:
    waiting = room(deadlines=REMINDED)
    looks(waiting)
    waiting.pass_time(minutes=31)
    assert waiting.approval.reviews[0].escalated == 1
    waiting.click(CAROL)
    assert waiting.state() is State.DECIDED


def test_a_reminder_that_is_early_by_a_pause_says_nothing() -> None:
    waiting = room(deadlines=REMINDED)
    looks(waiting)
    waiting.now += 20 * MINUTE
    assert waiting.happens(ReminderDue()).effects == ()
    waiting.now += PAUSE
    assert Remind(waiting.approval.id) in waiting.happens(ReminderDue()).effects


# Handing over, withdrawing, nudging -----------------------------------------------------------------------------------


@pytest.mark.promise("P6")
def test_a_request_is_handed_over_to_another_who_may_decide_and_to_nobody_else() -> None:
    waiting = panel(all_of(part(DEV, OPS)), dev=[BOB, ALICE], ops=[CAROL])
    for to, refusal in ((ALICE, CannotTakeOver(ALICE)), (EVE, CannotTakeOver(EVE)), (BOB, YoursAlready())):
        handed = waiting.happens(HandedOver(BOB, waiting.facts(BOB), to, waiting.facts(to)))
        assert handed.refusal == refusal
        assert waiting.approval.handed_to is None
    assert waiting.happens(HandedOver(EVE, waiting.facts(EVE), CAROL, waiting.facts(CAROL))).refusal is not None
    waiting.happens(HandedOver(BOB, waiting.facts(BOB), CAROL, waiting.facts(CAROL)))
    assert waiting.approval.handed_to == CAROL
    waiting.click(BOB)
    assert waiting.state() is State.DECIDED  # who handed it over may decide all the same


@pytest.mark.promise("P2")
@pytest.mark.parametrize("approved_first", [True, False])
def test_a_withdrawal_that_races_an_approval_has_one_outcome(approved_first: bool) -> None:  # noqa: FBT001
    waiting = room()
    if approved_first:
        waiting.click(BOB)
        assert waiting.happens(Cancelled(ALICE)).refusal == AlreadyDecided("approved", (BOB,), NOW)
        assert waiting.state() is State.DECIDED
        return
    withdrawn = waiting.happens(Cancelled(ALICE))
    assert not any(isinstance(each, Resume) for each in withdrawn.effects)
    late = waiting.click(BOB)
    assert isinstance(late.refusal, Closed)
    assert late.effects  # who clicked hears it, and the card is drawn again
    assert waiting.state() is State.STOPPED


def test_a_withdrawal_after_the_deadline_finds_it_expired() -> None:
    waiting = room(deadlines=Deadlines(expires_after=HOUR))
    waiting.now += 2 * HOUR
    assert waiting.happens(Cancelled(ALICE)).refusal == Expired(NOW + HOUR)
    assert waiting.approval.withdrawn_by is None


def test_a_nudge_once_an_hour() -> None:
    waiting = room()
    assert Remind(waiting.approval.id) in waiting.happens(Nudged(ALICE)).effects
    waiting.now += 59 * MINUTE
    assert waiting.happens(Nudged(ALICE)).refusal == NudgedAlready(NOW + HOUR)
    waiting.now += MINUTE
    assert waiting.happens(Nudged(ALICE)).refusal is None


@pytest.mark.promise("P2")
def test_nothing_that_people_do_moves_what_is_decided() -> None:
    waiting = room(deadlines=REMINDED)
    waiting.click(BOB)
    decided = waiting.approval
    for event in (
        Looked(CAROL, MEMBER),
        HandedOver(BOB, MEMBER, CAROL, MEMBER),
        Extended(BOB, MEMBER, HOUR),
        Cancelled(ALICE),
        Nudged(ALICE),
    ):
        assert waiting.happens(event).refusal is not None
    assert waiting.approval == decided
