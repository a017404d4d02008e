"""A node's own choices ("revise", "escalate") are decided under the approval rules."""

from dataclasses import replace

import pytest
from contracts.samples import ALICE, BOB, CAROL, EVE, NOW, a_policy, an_approval, an_ask, still_members

from engine.approvals.approval import Approval, State
from engine.approvals.audit import What
from engine.approvals.effects import Resume
from engine.approvals.events import Chose
from engine.asks.ask import Choice, Decision, Kind, Option
from engine.authority.eligibility import AccountType, Facts
from engine.ids import UserId
from engine.machine import Step, outcome_of, step
from engine.sentences.refusals import AlreadyDecided, AlreadyVoted, Changed, NoOwnRequests, NotAnApprover, NotOffered

MEMBER = Facts(AccountType.MEMBER)
REVISE, ESCALATE = 0, 1
OFFERED = (Choice.APPROVE, Choice.EDIT, Choice.REJECT, Choice.OPTION)


def asked(quorum: int = 1) -> Approval:
    ask = an_ask("draft", kind=Kind.APPROVAL, choices=OFFERED)
    options = (Option("revise", "message"), Option("escalate"))
    ask = replace(ask, actions=(replace(ask.actions[0], options=options),))
    return an_approval(ask=ask, policy=a_policy(BOB, CAROL, ALICE, quorum=quorum))


def option(approval: Approval, by: UserId, place: int | None, text: str = "", revision: int = 1) -> Step:
    ruling = still_members(approval)
    return step(approval, Chose(by, MEMBER, 0, revision, Choice.OPTION, text, option=place, ruling=ruling), NOW)


def choice(approval: Approval, by: UserId, made: Choice) -> Step:
    revision, ruling = approval.reviews[0].revision, still_members(approval)
    return step(approval, Chose(by, MEMBER, 0, revision, made, ruling=ruling), NOW)


def test_an_option_decides_and_is_neither_an_approval_nor_a_rejection() -> None:
    taken = option(asked(), BOB, REVISE, "shorter")
    assert taken.approval.state is State.DECIDED
    assert taken.approval.decisions == (Decision(Choice.OPTION, text="shorter", option="revise"),)
    assert taken.approval.deciders == (BOB,)
    assert outcome_of(taken.approval) == "decided"
    assert Resume(taken.approval.id) in taken.effects


@pytest.mark.promise("P9")
def test_the_audit_names_the_option_and_what_was_written() -> None:
    taken = option(asked(), BOB, REVISE, "shorter")
    voted, decided = taken.entries
    assert (voted.what, decided.what) == (What.VOTED, What.DECIDED)
    said = {"action": 0, "revision": 1, "choice": "option", "option": "revise", "text": "shorter"}
    grounds = [{"source": "user", "name": BOB, "looked_up": NOW.isoformat()}]
    assert voted.detail == {**said, "via": "users", "grounds": grounds}
    assert decided.detail == {"choice": "option", "option": "revise"}


@pytest.mark.promise("P6")
def test_only_those_who_may_approve_choose_an_option() -> None:
    assert option(asked(), ALICE, ESCALATE).refusal == NoOwnRequests()
    assert isinstance(option(asked(), EVE, ESCALATE).refusal, NotAnApprover)


@pytest.mark.parametrize("place", [None, -1, 2])
def test_an_option_that_is_not_there_is_not_offered(place: int | None) -> None:
    assert option(asked(), BOB, place).refusal == NotOffered()


def test_no_option_is_offered_where_the_action_does_not_list_it() -> None:
    ask = an_ask("draft", kind=Kind.APPROVAL, choices=(Choice.APPROVE, Choice.REJECT))
    ask = replace(ask, actions=(replace(ask.actions[0], options=(Option("escalate"),)),))
    assert option(an_approval(ask=ask), BOB, 0).refusal == NotOffered()


@pytest.mark.promise("P2")
def test_two_people_who_choose_differently_decide_nothing() -> None:
    first = option(asked(quorum=2), BOB, REVISE, "shorter")
    second = option(first.approval, CAROL, ESCALATE)
    third = choice(second.approval, CAROL, Choice.APPROVE)
    assert {each.approval.state for each in (first, second, third)} == {State.PENDING}
    agreed = option(third.approval, CAROL, REVISE, "and kinder")
    assert agreed.approval.state is State.DECIDED
    assert agreed.approval.deciders == (BOB, CAROL)
    assert agreed.approval.decisions == (Decision(Choice.OPTION, text="shorter\nand kinder", option="revise"),)


def test_votes_for_an_option_are_no_approvals() -> None:
    first = option(asked(quorum=2), BOB, ESCALATE)
    assert choice(first.approval, CAROL, Choice.APPROVE).approval.state is State.PENDING


def test_who_changes_their_mind_takes_the_vote_back() -> None:
    first = choice(asked(quorum=2), BOB, Choice.APPROVE)
    second = option(first.approval, BOB, ESCALATE)
    assert [(each.by, each.option) for each in second.approval.reviews[0].votes] == [(BOB, "escalate")]
    assert choice(second.approval, CAROL, Choice.APPROVE).approval.state is State.PENDING


def test_the_same_option_twice_is_told_and_other_words_take_the_place_of_the_first() -> None:
    first = option(asked(quorum=2), BOB, REVISE, "shorter")
    assert option(first.approval, BOB, REVISE, "shorter").refusal == AlreadyVoted(1, approved=False)
    second = option(first.approval, BOB, REVISE, "longer")
    assert [each.text for each in second.approval.reviews[0].votes] == ["longer"]


def test_one_rejection_still_decides() -> None:
    first = option(asked(quorum=2), BOB, REVISE, "shorter")
    assert choice(first.approval, CAROL, Choice.REJECT).approval.decisions[0].choice is Choice.REJECT


def test_words_with_an_option_that_takes_none_are_left_out() -> None:
    taken = option(asked(), BOB, ESCALATE, "now")
    assert taken.approval.decisions == (Decision(Choice.OPTION, option="escalate"),)


@pytest.mark.promise("P2")
def test_a_late_click_is_told_which_option_was_chosen() -> None:
    decided = option(asked(), BOB, ESCALATE).approval
    late = choice(decided, CAROL, Choice.APPROVE)
    assert late.refusal == AlreadyDecided("decided", (BOB,), NOW, "escalate")
    assert "already decided by <@UBOB>" in late.refusal.sentence
    assert late.refusal.sentence.endswith(": escalate. Your click had no effect.")
    assert late.approval == decided


def test_a_word_cannot_write_markup_into_what_a_late_click_is_told() -> None:
    assert "&lt;!channel&gt;" in AlreadyDecided("decided", (BOB,), NOW, "<!channel>").sentence


@pytest.mark.promise("P4")
def test_an_option_after_an_edit_stands_for_what_was_shown() -> None:
    edited = step(asked(quorum=2), Chose(BOB, MEMBER, 0, 1, Choice.EDIT, value={"of": "more"}), NOW).approval
    first = option(edited, CAROL, ESCALATE, revision=2)
    second = option(first.approval, BOB, ESCALATE, revision=2)
    assert second.approval.decisions == (Decision(Choice.OPTION, value={"of": "more"}, option="escalate"),)


def test_an_option_of_an_older_revision_is_stale() -> None:
    edited = step(asked(quorum=2), Chose(BOB, MEMBER, 0, 1, Choice.EDIT, value={"of": "more"}), NOW).approval
    assert option(edited, CAROL, ESCALATE, revision=1).refusal == Changed(BOB)
