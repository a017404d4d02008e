"""Eligibility and quorums: each hard case by its name (P6, P11)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from contracts.panel import DEV, MANAGERS, OPS, PAY, Panel, all_of, panel, part, rung, stages
from contracts.samples import ALICE, BOB, CAROL, EVE, GINA, NOW

from engine.approvals.approval import Calling, Notify, State
from engine.approvals.audit import What
from engine.approvals.effects import Call, SetTimer, TellPerson, Timer
from engine.approvals.events import AskedAgain, Chose, Ruling, Withdrew
from engine.asks.ask import Choice, Decision, Json
from engine.authority.eligibility import AccountType
from engine.authority.policy import CHANNEL, Deadlines, Policy, person
from engine.ids import UserId
from engine.sentences.notices import VOTE_FELL
from engine.sentences.refusals import (
    AlreadyDecided,
    AlreadyVoted,
    Changed,
    NoGuests,
    NoLongerNamed,
    NoOwnRequests,
    NotAnApprover,
    NotNeeded,
    NotYetTheirTurn,
    RosterUnknown,
    RuleRejects,
    SourceUnknown,
    Stranger,
)
from engine.sources import Ground, Source

pytestmark = pytest.mark.promise("P6")
DAVE = UserId("UDAVE")
APPROVED = (Decision(Choice.APPROVE),)


# Own requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", [Choice.APPROVE, Choice.REJECT, Choice.EDIT])
def test_ones_own_request_is_refused_either_way(choice: Choice) -> None:
    room = panel(all_of(part(DEV, person(ALICE))), dev=[ALICE, BOB])
    assert room.click(ALICE, choice, {"of": "more"}).refusal == NoOwnRequests()
    assert room.state() is State.PENDING


def test_ones_own_request_counts_for_one_where_the_rule_lets_it() -> None:
    room = panel(all_of(part(DEV, quorum=2), own_requests=True), dev=[ALICE, BOB])
    assert room.click(ALICE).refusal is None
    assert room.state() is State.PENDING
    room.click(BOB)
    assert room.state() is State.DECIDED


# Changing one's mind --------------------------------------------------------------------------------------------------


def test_a_rejection_takes_back_ones_approval() -> None:
    room = panel(all_of(part(DEV, quorum=2), reject_quorum=2), dev=[BOB, CAROL, DAVE])
    room.click(BOB)
    room.click(BOB, Choice.REJECT)
    assert [(vote.by, vote.choice) for vote in room.approval.reviews[0].votes] == [(BOB, Choice.REJECT)]
    room.click(CAROL)
    assert room.state() is State.PENDING  # Carol's alone: Bob's approval is gone
    room.click(DAVE)
    assert room.approval.decisions == APPROVED
    assert room.approval.deciders == (CAROL, DAVE)


def test_an_approval_takes_back_ones_rejection() -> None:
    room = panel(all_of(part(DEV, quorum=2), reject_quorum=2), dev=[BOB, CAROL, DAVE])
    room.click(BOB, Choice.REJECT)
    room.click(BOB)
    room.click(CAROL, Choice.REJECT)
    assert room.state() is State.PENDING
    room.click(DAVE)
    assert room.approval.decisions == APPROVED
    assert room.approval.deciders == (BOB, DAVE)


def test_a_rejection_that_is_not_enough_leaves_it_approvable_and_counts_once_for_each_person() -> None:
    room = panel(all_of(part(DEV, quorum=2), reject_quorum=2), dev=[BOB, CAROL, DAVE])
    room.click(BOB, Choice.REJECT)
    again = room.click(BOB, Choice.REJECT)
    assert again.refusal == AlreadyVoted(1, approved=False)
    room.click(CAROL)
    room.click(DAVE, Choice.REJECT)
    assert room.approval.decisions == (Decision(Choice.REJECT),)
    assert room.approval.deciders == (BOB, DAVE)


# Several thresholds ---------------------------------------------------------------------------------------------------


def test_each_part_needs_its_own_quorum() -> None:
    room = panel(all_of(part(DEV, quorum=2), part(PAY)), dev=[BOB, CAROL, DAVE], pay=[EVE])
    room.click(BOB)
    room.click(CAROL)
    assert room.state() is State.PENDING
    assert room.click(DAVE).refusal == NotNeeded((PAY,))
    room.click(EVE)
    assert room.state() is State.DECIDED


@pytest.mark.parametrize("order", [(BOB, CAROL), (CAROL, BOB)])
def test_who_belongs_to_both_parts_counts_for_the_one_that_nobody_else_can_fill(order: tuple[UserId, UserId]) -> None:
    room = panel(all_of(part(DEV), part(PAY)), dev=[BOB, CAROL], pay=[BOB])
    room.click(order[0])
    assert room.state() is State.PENDING
    room.click(order[1])
    assert room.state() is State.DECIDED


def test_one_person_never_fills_two_parts() -> None:
    room = panel(all_of(part(DEV), part(PAY)), dev=[BOB], pay=[BOB])
    room.click(BOB)
    assert room.click(BOB).refusal == AlreadyVoted()
    assert room.state() is State.PENDING


@pytest.mark.promise("P2")
def test_of_two_last_votes_at_once_the_second_finds_it_decided() -> None:
    room = panel(all_of(part(DEV, quorum=2)), dev=[BOB, CAROL, DAVE])
    room.click(BOB)
    room.click(CAROL)
    late = room.click(DAVE, Choice.REJECT)
    assert late.refusal == AlreadyDecided("approved", (BOB, CAROL), NOW)
    assert room.approval.decisions == APPROVED


# Stages ---------------------------------------------------------------------------------------------------------------


def staged() -> Panel:
    return panel(stages(part(DEV), part(OPS, person(CAROL))), dev=[BOB, DAVE], ops=[EVE])


def test_stages_take_their_turns() -> None:
    room = staged()
    early = room.click(EVE)
    assert early.refusal == NotYetTheirTurn((DEV,))
    assert room.votes == []
    room.click(BOB)
    assert room.state() is State.PENDING
    room.click(EVE)
    assert room.state() is State.DECIDED


def test_a_rejection_is_never_too_early() -> None:
    room = staged()
    room.click(CAROL, Choice.REJECT)
    assert room.approval.decisions == (Decision(Choice.REJECT),)


def test_an_edit_is_never_too_early_and_gives_its_author_no_vote_out_of_turn() -> None:
    room = staged()
    assert room.click(CAROL, Choice.EDIT, {"of": "less"}).refusal is None
    assert (room.votes, room.approval.reviews[0].revision) == ([], 2)
    room.click(BOB)
    room.click(CAROL)
    assert room.approval.decisions == (Decision(Choice.EDIT, {"of": "less"}),)


def test_who_belongs_to_a_stage_that_is_full_hears_that_they_are_not_needed() -> None:
    room = staged()
    room.click(BOB)
    assert room.click(BOB).refusal == AlreadyVoted()
    assert room.click(DAVE).refusal == NotNeeded((OPS, person(CAROL)))
    assert room.click(GINA).refusal == NotAnApprover((DEV, OPS, person(CAROL)))
    assert room.click(DAVE, Choice.REJECT).refusal is None


def test_a_stage_whose_voter_left_is_open_again_and_the_later_votes_wait_for_it() -> None:
    room = panel(stages(part(DEV), part(OPS, quorum=2)), dev=[BOB, DAVE], ops=[EVE, CAROL])
    room.click(BOB)
    room.click(EVE)
    room.belongs[DEV].remove(BOB)
    last = room.click(CAROL)
    assert last.refusal == NotYetTheirTurn((DEV,))
    assert TellPerson(room.approval.thread, room.approval.place, BOB, VOTE_FELL) in last.effects
    assert room.votes == [EVE]
    room.click(DAVE)
    assert room.state() is State.PENDING
    room.click(CAROL)
    assert room.approval.deciders == (EVE, DAVE, CAROL)


def test_stages_that_share_people_do_not_lock_each_other_out() -> None:
    """Carol is the only one for the second stage: the first takes Bob, whenever he comes."""
    room = panel(stages(part(DEV), part(OPS)), dev=[BOB, CAROL], ops=[CAROL])
    room.click(CAROL)
    assert room.state() is State.PENDING
    room.click(BOB)
    assert room.approval.deciders == (CAROL, BOB)
    assert room.state() is State.DECIDED


def test_a_place_in_a_stage_to_come_is_not_taken_early_by_who_belonged_to_an_earlier_one() -> None:
    room = panel(stages(part(DEV), part(OPS), part(MANAGERS)), dev=[BOB, CAROL], ops=[EVE], managers=[CAROL])
    room.click(BOB)
    assert room.click(CAROL).refusal == NotNeeded((OPS,))
    room.click(EVE)
    assert room.state() is State.PENDING
    room.click(CAROL)
    assert room.state() is State.DECIDED


# Who left before the quorum was full ----------------------------------------------------------------------------------


def test_a_vote_falls_when_its_voter_left_the_group_before_the_quorum_was_full() -> None:
    room = panel(all_of(part(DEV, quorum=2)), dev=[BOB, CAROL, DAVE])
    room.click(BOB)
    room.belongs[DEV].remove(BOB)
    second = room.click(CAROL)
    assert room.state() is State.PENDING
    assert room.votes == [CAROL]
    assert TellPerson(room.approval.thread, room.approval.place, BOB, VOTE_FELL) in second.effects
    assert [(row.what, row.who) for row in second.entries] == [(What.FELL, BOB), (What.VOTED, CAROL)]
    room.click(DAVE)
    assert room.approval.deciders == (CAROL, DAVE)


@pytest.mark.parametrize("standing", [AccountType.STRANGER, AccountType.GUEST, AccountType.VISITOR])
def test_a_vote_falls_when_its_voter_is_no_full_member_any_more(standing: AccountType) -> None:
    room = panel(all_of(part(DEV, quorum=2)), dev=[BOB, CAROL])
    room.click(BOB)
    room.standings[BOB] = standing
    room.click(CAROL)
    assert room.votes == [CAROL]


def test_a_vote_falls_when_its_voter_left_the_channel() -> None:
    room = panel(all_of(part(CHANNEL, quorum=2)))
    room.belongs[CHANNEL] = {BOB, CAROL}
    room.click(BOB)
    room.belongs[CHANNEL].remove(BOB)
    room.click(CAROL)
    assert room.votes == [CAROL]


def test_where_nobody_can_tell_whether_a_voter_left_the_next_vote_is_refused_and_none_dropped() -> None:
    room = panel(all_of(part(DEV, CHANNEL), part(person(CAROL))), dev=[BOB])
    room.belongs[CHANNEL] = {BOB}
    room.click(BOB)
    room.standings[BOB] = AccountType.UNKNOWN
    assert room.click(CAROL).refusal == RosterUnknown()
    room.standings[BOB] = AccountType.MEMBER
    room.down = {DEV, CHANNEL}
    assert isinstance(room.click(CAROL).refusal, SourceUnknown)
    assert room.votes == [BOB]
    room.down = set()
    room.click(CAROL)
    assert room.state() is State.DECIDED


def test_a_vote_whose_author_was_not_looked_up_counts_for_nothing() -> None:
    room = panel(all_of(part(DEV, quorum=2)), dev=[BOB, CAROL])
    room.click(BOB)
    unchecked = Chose(CAROL, room.facts(CAROL), 0, 1, Choice.APPROVE, ruling=Ruling())
    assert room.happens(unchecked).refusal == RosterUnknown()
    assert room.state() is State.PENDING


def test_one_rejection_needs_no_look_at_the_other_votes() -> None:
    room = panel(all_of(part(DEV, quorum=2)), dev=[BOB, CAROL])
    room.click(BOB)
    room.standings[BOB] = AccountType.UNKNOWN
    room.click(CAROL, Choice.REJECT)
    assert room.approval.decisions == (Decision(Choice.REJECT),)


def test_rejections_of_those_who_left_do_not_close_it() -> None:
    room = panel(all_of(part(DEV), reject_quorum=2), dev=[BOB, CAROL])
    room.click(BOB, Choice.REJECT)
    room.belongs[DEV].remove(BOB)
    room.click(CAROL, Choice.REJECT)
    assert room.state() is State.PENDING
    assert room.votes == [CAROL]


# On call --------------------------------------------------------------------------------------------------------------


def test_the_vote_of_who_was_on_call_stands_after_the_hand_over() -> None:
    room = panel(all_of(part(PAY), part(DEV)), pay=[BOB], dev=[CAROL])
    room.click(BOB)
    room.belongs[PAY] = {DAVE}
    room.click(CAROL)
    assert room.approval.deciders == (BOB, CAROL)


def test_the_vote_of_who_was_on_call_stands_while_the_schedule_cannot_be_read() -> None:
    room = panel(all_of(part(PAY), part(DEV)), pay=[BOB], dev=[CAROL])
    room.click(BOB)
    room.down = {PAY}
    room.click(CAROL)
    assert room.state() is State.DECIDED


def test_who_comes_on_call_after_their_vote_does_not_fill_that_place_by_it() -> None:
    room = panel(all_of(part(PAY), part(DEV)), pay=[EVE], dev=[BOB, CAROL])
    room.click(BOB)
    room.belongs[PAY] = {BOB}
    assert room.click(CAROL).refusal == NotNeeded((PAY,))
    assert room.state() is State.PENDING


def test_who_may_count_for_what_is_missing_by_a_source_that_failed_is_told_so() -> None:
    room = panel(all_of(part(PAY), part(DEV)), pay=[CAROL], dev=[BOB, CAROL])
    room.click(BOB)
    room.down = {PAY}
    refused = room.click(CAROL).refusal
    assert isinstance(refused, SourceUnknown)
    assert [each.source for each in refused.failed] == [PAY]


def test_a_source_that_fails_denies_for_itself_only() -> None:
    room = panel(all_of(part(PAY, DEV)), pay=[BOB], dev=[CAROL])
    room.down = {PAY}
    assert isinstance(room.click(BOB).refusal, SourceUnknown)
    room.click(CAROL)
    assert room.state() is State.DECIDED


# Edits are matched to the rules anew ----------------------------------------------------------------------------------

LAX = all_of(part(DEV))
STRICT = replace(all_of(part(MANAGERS, quorum=2)), rule="approvals[1]")
LESS: Json = {"of": "less"}


def test_an_edit_under_a_stricter_rule_does_not_run_on_the_word_of_its_author() -> None:
    room = panel(LAX, dev=[BOB], managers=[CAROL, DAVE])
    edited = room.click(BOB, Choice.EDIT, {"of": "5000"}, edited=STRICT)
    assert room.state() is State.PENDING
    assert room.votes == []
    assert Call(room.approval.id) in edited.effects
    assert room.click(BOB).refusal == NotAnApprover((MANAGERS,))
    room.click(CAROL)
    room.click(DAVE)
    assert room.approval.decisions == (Decision(Choice.EDIT, {"of": "5000"}),)
    assert room.approval.rule == "approvals[1]"


def test_an_edit_under_a_laxer_rule_is_decided_by_that() -> None:
    room = panel(STRICT, dev=[CAROL], managers=[CAROL, DAVE])
    room.click(CAROL, Choice.EDIT, LESS, edited=LAX)
    assert room.approval.decisions == (Decision(Choice.EDIT, LESS),)


def test_an_edit_by_somebody_who_may_not_decide_under_the_new_rule_counts_no_vote_of_theirs() -> None:
    room = panel(STRICT, dev=[BOB], managers=[CAROL, DAVE])
    room.click(CAROL, Choice.EDIT, LESS, edited=LAX)
    assert (room.state(), room.votes) == (State.PENDING, [])
    assert room.click(CAROL).refusal == NotAnApprover((DEV,))
    room.click(BOB)
    assert room.state() is State.DECIDED


@pytest.mark.promise("P11")
def test_the_shift_of_an_earlier_vote_counts_for_no_edit_after_it() -> None:
    room = panel(all_of(part(PAY), part(DEV)), pay=[BOB], dev=[BOB, CAROL])
    room.click(BOB)
    room.belongs[PAY] = {EVE}
    room.click(BOB, Choice.EDIT, LESS)
    assert [each.source for each in room.approval.reviews[0].votes[0].grounds] == [DEV]
    assert room.click(CAROL).refusal == NotNeeded((PAY,))
    room.click(EVE)
    assert room.state() is State.DECIDED


def test_an_edit_by_the_requester_is_refused_whatever_the_new_rule_says() -> None:
    room = panel(LAX, dev=[ALICE, BOB])
    own = replace(LAX, own_requests=True)
    assert room.click(ALICE, Choice.EDIT, LESS, edited=own).refusal == NoOwnRequests()


def test_an_edit_to_what_a_rule_rejects_by_itself_is_not_made() -> None:
    room = panel(LAX, dev=[BOB])
    refused = room.click(BOB, Choice.EDIT, LESS, forbids="approvals[2]")
    assert refused.refusal == RuleRejects("approvals[2]")
    assert room.approval.reviews[0].revision == 1
    assert room.click(BOB, forbids="").refusal is None


def test_an_edit_makes_earlier_votes_fall_and_their_authors_hear_of_it() -> None:
    room = panel(all_of(part(DEV, quorum=3)), dev=[BOB, CAROL, DAVE])
    room.click(BOB)
    room.click(DAVE)
    edited = room.click(CAROL, Choice.EDIT, LESS)
    told = [each.user for each in edited.effects if isinstance(each, TellPerson)]
    assert told == [BOB, DAVE]
    assert room.votes == [CAROL]
    assert room.click(BOB, revision=1).refusal == Changed(CAROL)


def test_an_edit_is_made_while_nobody_can_tell_of_the_votes_that_it_ends() -> None:
    room = panel(all_of(part(DEV, quorum=2)), dev=[BOB, CAROL])
    room.click(BOB)
    room.standings[BOB] = AccountType.UNKNOWN
    assert room.click(CAROL, Choice.EDIT, LESS).refusal is None
    assert room.votes == [CAROL]


def test_a_rule_that_comes_with_an_edit_brings_its_ladder() -> None:
    ladder = (rung(10, OPS),)
    room = panel(LAX, dev=[BOB], managers=[CAROL, DAVE], ops=[EVE])
    edited = room.click(BOB, Choice.EDIT, LESS, edited=replace(STRICT, ladder=ladder))
    due = room.approval.escalates_at
    assert due is not None
    assert SetTimer(room.approval.id, Timer.ESCALATE, due) in edited.effects
    room.pass_time(minutes=11)
    room.click(EVE)
    assert room.votes == [EVE]


def test_what_is_asked_again_is_decided_under_the_rule_for_what_was_asked() -> None:
    """An edit to something harmless had brought a laxer rule; the graph asks for the harmful thing again."""
    room = panel(replace(STRICT, stages=((part(MANAGERS),),)), dev=[BOB], managers=[CAROL])
    room.click(CAROL, Choice.EDIT, LESS, edited=LAX)
    assert room.state() is State.PENDING
    room.happens(Withdrew("gone"))
    room.happens(AskedAgain((STRICT,), "edition-2"))
    assert room.approval.edition == "edition-2"
    assert room.click(BOB).refusal == NotAnApprover((MANAGERS,))


def test_what_is_asked_again_has_the_deadlines_of_the_rule_of_today() -> None:
    """A rule had decided it, and a rule that decides has no deadline and calls nobody."""
    room = panel(STRICT, managers=[CAROL])
    room.approval = replace(room.approval, state=State.UNDELIVERABLE)
    soon, calling = Deadlines(expires_after=timedelta(hours=1)), Calling(Notify.DIRECT)
    again = room.happens(AskedAgain((STRICT,), "edition-2", deadlines=soon, calling=calling))
    due = room.now + timedelta(hours=1)
    assert {SetTimer(room.approval.id, Timer.EXPIRE, due), Call(room.approval.id)} <= {*again.effects}


def test_what_people_are_asked_again_is_no_longer_quiet() -> None:
    """A rule that wants no card had decided it; now people decide, so there is a card."""
    room = panel(STRICT, managers=[CAROL])
    room.approval = replace(room.approval, state=State.UNDELIVERABLE, quiet=True)
    room.happens(AskedAgain((STRICT,), "edition-2"))
    assert not room.approval.quiet


# Rules that change while it waits -------------------------------------------------------------------------------------


def test_who_is_taken_out_of_the_rule_may_not_decide_any_more() -> None:
    room = panel(all_of(part(person(BOB), person(CAROL), quorum=2)))
    room.click(BOB)
    room.current = all_of(part(person(CAROL), person(DAVE)))
    last = room.click(CAROL)
    assert (room.state(), room.votes) == (State.PENDING, [CAROL])
    assert TellPerson(room.approval.thread, room.approval.place, BOB, VOTE_FELL) in last.effects
    assert room.click(BOB).refusal == NoLongerNamed()


def test_widening_a_rule_reaches_nothing_that_waits() -> None:
    room = panel(all_of(part(person(BOB))))
    room.current = all_of(part(person(BOB), person(DAVE)))
    assert room.click(DAVE).refusal == NotAnApprover((person(BOB),))
    room.click(BOB)
    assert room.state() is State.DECIDED


def test_where_nobody_can_tell_whether_the_rule_of_today_names_somebody_they_may_not() -> None:
    room = panel(all_of(part(person(BOB))))
    room.current, room.down = all_of(part(DEV)), {DEV}
    assert isinstance(room.click(BOB).refusal, SourceUnknown)


def test_who_stands_on_a_step_of_todays_ladder_is_named() -> None:
    room = panel(all_of(part(person(BOB))))
    room.current = all_of(part(person(CAROL)), ladder=(rung(10, person(BOB)),))
    assert room.click(BOB).refusal is None


# Guests and others ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("standing", "allowed", "refusal"),
    [
        (AccountType.GUEST, False, NoGuests()),
        (AccountType.VISITOR, False, Stranger()),
        (AccountType.STRANGER, False, Stranger()),
        (AccountType.STRANGER, True, Stranger()),
        (AccountType.UNKNOWN, True, RosterUnknown()),
        (AccountType.GUEST, True, None),
        (AccountType.VISITOR, True, None),
    ],
)
def test_guests_and_visitors_decide_only_where_a_rule_names_them_and_says_so(
    *, standing: AccountType, allowed: bool, refusal: object
) -> None:
    room = panel(all_of(part(person(GINA), person(BOB), outsiders=allowed)))
    room.standings[GINA] = standing
    assert room.click(GINA).refusal == refusal
    assert (room.state() is State.DECIDED) is (refusal is None)


def test_a_guest_in_a_group_is_named_by_no_rule() -> None:
    room = panel(all_of(part(DEV, person(BOB), outsiders=True)), dev=[GINA])
    room.standings[GINA] = AccountType.GUEST
    assert room.click(GINA).refusal == NoGuests()


# Evidence -------------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P11")
def test_each_vote_keeps_why_it_might_be_given() -> None:
    room = panel(all_of(part(DEV), part(PAY)), dev=[BOB], pay=[BOB, CAROL])
    taken = room.click(BOB)
    (vote,) = room.approval.reviews[0].votes
    assert vote.grounds == (Ground(DEV, NOW), Ground(PAY, NOW, tier=1))
    (row,) = taken.entries
    assert isinstance(row.detail, dict)
    assert row.detail["via"] == "dev"
    assert row.detail["grounds"] == [
        {"source": "group", "name": DEV.name, "called": "dev", "looked_up": NOW.isoformat()},
        {"source": "oncall", "name": "pay", "looked_up": NOW.isoformat(), "tier": 1},
    ]


@pytest.mark.promise("P11")
def test_the_vote_of_who_edits_keeps_why_it_counts_under_the_new_rule() -> None:
    room = panel(all_of(part(PAY)), pay=[BOB], dev=[BOB, CAROL])
    taken = room.click(BOB, Choice.EDIT, LESS, edited=all_of(part(DEV, quorum=2)))
    (vote,) = room.approval.reviews[0].votes
    assert [each.source for each in vote.grounds] == [DEV]
    assert isinstance(taken.entries[0].detail, dict)
    grounds = taken.entries[0].detail["grounds"]
    assert isinstance(grounds, list)
    assert [each["name"] for each in grounds if isinstance(each, dict)] == ["pay", DEV.name]  # why they might edit, too


@pytest.mark.promise("P11")
@pytest.mark.parametrize("source", [person(BOB), CHANNEL, DEV])
def test_each_kind_of_source_leaves_its_evidence(source: Source) -> None:
    policy = Policy("rule", ((part(source),),))
    room = panel(policy, dev=[BOB])
    room.belongs[CHANNEL] = {BOB}
    room.click(BOB)
    (vote,) = room.approval.reviews[0].votes
    assert [(each.source, each.looked_up) for each in vote.grounds] == [(source, NOW)]
