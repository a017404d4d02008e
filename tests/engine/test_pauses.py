"""Breakpoints and failures: pauses that the graph did not request; and requests that share a sheet."""

from dataclasses import replace

import pytest
from contracts.samples import (
    ALICE,
    BOB,
    CAROL,
    NOW,
    PLACE,
    THREAD,
    a_conversation,
    a_policy,
    an_approval,
    an_ask,
    still_members,
)

from engine.approvals.approval import Approval, State, Vote, supports
from engine.approvals.effects import DrawCard, DrawSheet, Hear, Lane, Resume, Say, TakeBack, Travel, lane_of
from engine.approvals.events import Chose, Opened, Posted, Withdrew
from engine.asks.ask import Choice, Decision, Kind, digest_of
from engine.authority.eligibility import AccountType, Facts
from engine.conversation import Comment, Hold, NewTurn, meaning
from engine.ids import AgentName, InterruptId, MessageTs, SheetId, UserId, approval_id, sheet_id
from engine.machine import Step, outcome_of, step
from engine.rules.conditions import Circumstances
from engine.rules.routing import Rule, Rulebook, route
from engine.sentences.refusals import AlreadyVoted, NotOffered, NotYourRun

MEMBER, GUEST = Facts(AccountType.MEMBER), Facts(AccountType.GUEST)
HALT = (Choice.APPROVE, Choice.EDIT, Choice.SKIP, Choice.REJECT)
RETRY = (Choice.APPROVE, Choice.REDO, Choice.REJECT)
SHEET = SheetId("sheet-1")


def a_breakpoint(quorum: int = 1) -> Approval:
    ask = an_ask("state", kind=Kind.BREAKPOINT, choices=HALT)
    return an_approval(ask=ask, policy=a_policy(BOB, CAROL, quorum=quorum))


def a_failure() -> Approval:
    ask = an_ask("failure", kind=Kind.FAILURE, choices=RETRY)
    talk = a_conversation()
    asked = Circumstances(talk.agent, talk.place.channel, talk.requester, NOW)
    routed = route(ask, talk, Rulebook((Rule("approvals[0]", a_policy(BOB, CAROL)),)), asked)
    return an_approval(ask=ask, policy=routed.policies[0])


def chose(approval: Approval, by: UserId, choice: Choice, facts: Facts = MEMBER) -> Step:
    event = Chose(by, facts, 0, approval.reviews[0].revision, choice, ruling=still_members(approval))
    return step(approval, event, NOW)


# Breakpoints ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", [Choice.APPROVE, Choice.SKIP])
def test_a_breakpoint_is_gone_past_as_it_was_decided(choice: Choice) -> None:
    decided = chose(a_breakpoint(), BOB, choice).approval
    assert decided.state is State.DECIDED
    assert decided.decisions == (Decision(choice),)
    assert decided.deciders == (BOB,)


@pytest.mark.promise("P2")
def test_a_quorum_agrees_on_one_way_on() -> None:
    first = chose(a_breakpoint(quorum=2), BOB, Choice.APPROVE).approval
    other = chose(first, CAROL, Choice.SKIP).approval
    assert other.state is State.PENDING, "one continues, one skips: that is no agreement"
    both = chose(other, BOB, Choice.SKIP).approval
    assert both.decisions == (Decision(Choice.SKIP),)
    assert set(both.deciders) == {BOB, CAROL}


def test_one_persons_vote_counts_once_for_each_way() -> None:
    once = chose(a_breakpoint(quorum=2), BOB, Choice.SKIP).approval
    assert chose(once, BOB, Choice.SKIP).refusal == AlreadyVoted(approved=False)
    turned = chose(once, BOB, Choice.APPROVE).approval
    assert [vote.choice for vote in turned.reviews[0].votes] == [Choice.APPROVE]


def test_an_edit_of_the_state_counts_as_going_on() -> None:
    def counts(vote: Choice, outcome: Choice) -> bool:
        return supports(Vote(BOB, vote, NOW), Decision(outcome))

    assert counts(Choice.EDIT, Choice.APPROVE)
    assert counts(Choice.APPROVE, Choice.EDIT)
    assert not counts(Choice.SKIP, Choice.APPROVE)
    assert not counts(Choice.REJECT, Choice.SKIP)
    assert not counts(Choice.ANSWER, Choice.APPROVE)


# Failures -------------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P6")
def test_a_failure_is_the_requesters_whatever_the_rules_say() -> None:
    failure = a_failure()
    assert failure.reviews[0].policy.is_requesters
    assert chose(failure, BOB, Choice.APPROVE).refusal == NotYourRun(ALICE)
    assert chose(failure, ALICE, Choice.APPROVE, GUEST).refusal is None, "a guest may retry what they asked for"


def test_a_failure_asks_again_where_that_is_chosen() -> None:
    decided = chose(a_failure(), ALICE, Choice.REDO).approval
    assert decided.decisions == (Decision(Choice.REDO),)
    assert outcome_of(decided) == "asked again"
    assert chose(a_failure(), ALICE, Choice.SKIP).refusal == NotOffered()


def heard(*, mentioned: bool = True) -> Hear:
    return Hear(THREAD, PLACE, ALICE, "again", MessageTs("300.000001"), AgentName("deploy"), mentioned)


def test_a_new_message_mends_a_failure_and_waits_for_a_breakpoint() -> None:
    talk = a_conversation()
    assert meaning(heard(), talk, [a_failure()]) == NewTurn()
    assert meaning(heard(mentioned=False), talk, [a_failure()]) == Comment()
    assert meaning(heard(), talk, [a_failure(), a_breakpoint()]) == Hold()
    assert meaning(heard(), talk, [replace(a_breakpoint(), state=State.DELIVERED)]) == NewTurn()


def test_a_halt_that_comes_back_has_an_id_of_its_own() -> None:
    ids = {approval_id(THREAD, InterruptId("failure:1"), "digest", again) for again in range(3)}
    assert len(ids) == 3
    assert approval_id(THREAD, InterruptId("failure:1"), "digest") in ids


# Words of the operator ------------------------------------------------------------------------------------------------


@pytest.mark.promise("P4")
def test_the_digest_binds_how_an_answer_is_sent() -> None:
    ask = an_ask()
    worded = replace(ask, encoding={"approve": {"resume": True}})
    turned = replace(ask, encoding={"approve": {"resume": False}})
    assert len({digest_of(each, "code") for each in (ask, worded, turned)}) == 3


# Sheets ---------------------------------------------------------------------------------------------------------------


def on_sheet() -> Approval:
    return replace(an_approval(), sheet=SHEET)


@pytest.mark.promise("P8")
def test_whatever_happens_on_a_sheet_redraws_the_sheet() -> None:
    draw = DrawSheet(THREAD, SHEET)
    assert step(on_sheet(), Opened(), NOW).effects == (draw,)
    decided = chose(on_sheet(), BOB, Choice.APPROVE)
    assert decided.effects == (Resume(decided.approval.id), draw)
    assert step(decided.approval, Posted(MessageTs("1.1")), NOW).effects == (draw,)
    assert step(on_sheet(), Withdrew("gone"), NOW).effects == (draw,)
    late = chose(decided.approval, CAROL, Choice.REJECT)
    assert draw in late.effects
    assert DrawCard(late.approval.id) not in late.effects


def test_a_sheet_is_drawn_in_a_lane_of_its_own() -> None:
    assert lane_of(DrawSheet(THREAD, SHEET)) == Lane(THREAD, "card/sheet-1")
    assert lane_of(DrawCard(on_sheet().id)) != lane_of(DrawSheet(THREAD, SHEET))
    ids = [on_sheet().id, an_approval(interrupt="i2").id]
    assert sheet_id(ids) == sheet_id(list(ids)) != sheet_id(ids[:1])


def test_going_back_waits_for_the_runs_of_its_thread_and_words_for_one_another() -> None:
    assert lane_of(Travel(THREAD, ALICE, "checkpoint", "key")) == Lane(THREAD, "run")
    said = Say(THREAD, PLACE, "text", "key", at=MessageTs("1.1"))
    assert lane_of(TakeBack(THREAD, PLACE, MessageTs("1.1"))) == lane_of(said) == Lane(THREAD, "chat")


# Cards ----------------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P8")
def test_a_second_card_of_one_question_is_taken_back() -> None:
    first, second = MessageTs("1.1"), MessageTs("2.2")
    posted = step(an_approval(), Posted(first), NOW).approval
    late = step(posted, Posted(second), NOW)
    assert late.effects == (TakeBack(THREAD, PLACE, second),)
    assert late.approval.card == first
    replaced = step(posted, Posted(second, instead_of=first), NOW)
    assert replaced.approval.card == second, "the first was deleted, and the second stands for it"
    assert not replaced.effects
