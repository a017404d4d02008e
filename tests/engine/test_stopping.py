"""A rejection ends the run if the graph has no answer that means no, and the graph is told nothing (P5)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from contracts.samples import BOB, CAROL, NOW, a_policy, an_approval, an_ask

from engine.approvals.approval import OPEN, Approval, State
from engine.approvals.audit import What
from engine.approvals.effects import DrawCard, EndRun, Resume, Say
from engine.approvals.events import AskedAgain, Chose, Delivered, ExpiryDue, Posted
from engine.asks.ask import Choice
from engine.authority.eligibility import AccountType, Facts
from engine.authority.policy import Deadlines, OnExpiry
from engine.ids import MessageTs, UserId
from engine.machine import Step, outcome_of, step
from engine.sentences.notices import NOT_TOLD, START_AGAIN
from engine.sentences.refusals import AlreadyDecided, Expired

MEMBER = Facts(AccountType.MEMBER)
LATER = NOW + timedelta(hours=2)
HOUR = timedelta(hours=1)


def a_review(*names: str, quorum: int = 1, deadlines: Deadlines | None = None) -> Approval:
    """An approval whose first action cannot be told no."""
    ask = an_ask(*names or ("draft",))
    first, *others = ask.actions
    ask = replace(ask, actions=(replace(first, reject_stops=True), *others))
    return an_approval(ask=ask, policy=a_policy(quorum=quorum), deadlines=deadlines or Deadlines())


def chose(approval: Approval, by: UserId, choice: Choice, *, action: int = 0, text: str = "") -> Step:
    return step(approval, Chose(by, MEMBER, action, 1, choice, text), NOW)


@pytest.mark.promise("P5")
@pytest.mark.parametrize("quorum", [1, 2])
def test_one_rejection_stops_the_run_and_the_graph_gets_nothing(quorum: int) -> None:
    taken = chose(a_review(quorum=quorum), BOB, Choice.REJECT, text="too long")
    stopped = taken.approval
    assert (stopped.state, outcome_of(stopped)) == (State.STOPPED, "rejected")
    assert stopped.state not in OPEN
    assert stopped.stopping is not None
    assert stopped.stopping.deciders == (BOB,)
    assert not any(isinstance(each, Resume) for each in taken.effects)
    assert EndRun(stopped.thread) in taken.effects
    assert DrawCard(stopped.id) in taken.effects
    (said,) = (each for each in taken.effects if isinstance(each, Say))
    assert (said.by, said.text.splitlines()) == (
        BOB,
        [
            f"rejected draft, so the run was stopped. {NOT_TOLD} {START_AGAIN}",
            "Reason: too long",
        ],
    )
    assert [(each.what, each.who) for each in taken.entries] == [
        (What.VOTED, BOB),
        (What.DECIDED, BOB),
        (What.STOPPED, None),
    ]


@pytest.mark.promise("P2")
def test_what_was_stopped_is_over() -> None:
    stopped = chose(a_review(), BOB, Choice.REJECT).approval
    late = chose(stopped, CAROL, Choice.APPROVE)
    assert late.refusal == AlreadyDecided("rejected", (BOB,), NOW)
    assert late.approval == stopped
    for event in (Delivered(), ExpiryDue(), AskedAgain((a_policy(),))):
        assert step(stopped, event, LATER) == Step(stopped)


@pytest.mark.promise("P8")
def test_a_card_that_is_posted_after_the_stop_is_redrawn() -> None:
    stopped = chose(a_review(), BOB, Choice.REJECT).approval
    posted = step(stopped, Posted(MessageTs("5.5")), LATER)
    assert (posted.approval.card, posted.effects) == ("5.5", (DrawCard(stopped.id),))


@pytest.mark.promise("P5")
def test_a_batch_stops_at_once_whatever_else_is_open_or_approved_in_it() -> None:
    approved = chose(a_review("draft", "deploy", "delete"), CAROL, Choice.APPROVE, action=1).approval
    taken = chose(approved, BOB, Choice.REJECT)
    assert (taken.approval.state, outcome_of(taken.approval)) == (State.STOPPED, "rejected")
    assert not any(isinstance(each, Resume) for each in taken.effects)
    late = chose(taken.approval, CAROL, Choice.APPROVE, action=2)
    assert late.refusal == AlreadyDecided("rejected", (BOB,), NOW)


def test_a_rejection_of_another_action_of_the_batch_stops_nothing() -> None:
    rejected = chose(a_review("draft", "deploy"), BOB, Choice.REJECT, action=1).approval
    assert rejected.state is State.PENDING
    decided = chose(rejected, BOB, Choice.APPROVE)
    assert decided.approval.state is State.DECIDED
    assert Resume(decided.approval.id) in decided.effects


@pytest.mark.promise("P5")
def test_silence_stops_the_run_where_the_rule_rejects() -> None:
    taken = step(a_review(deadlines=Deadlines(expires_after=HOUR)), ExpiryDue(), LATER)
    assert taken.approval.state is State.STOPPED
    assert not any(isinstance(each, Resume) for each in taken.effects)
    (said,) = (each for each in taken.effects if isinstance(each, Say))
    assert said.text == f"Nobody decided this in time, so it was rejected and the run was stopped. {START_AGAIN}"
    assert [each.what for each in taken.entries] == [What.EXPIRED, What.STOPPED]
    assert isinstance(chose(taken.approval, BOB, Choice.APPROVE).refusal, Expired)


@pytest.mark.promise("P5")
def test_silence_fails_where_the_rule_says_so() -> None:
    failing = Deadlines(expires_after=HOUR, on_expiry=OnExpiry.FAIL)
    assert step(a_review(deadlines=failing), ExpiryDue(), LATER).approval.state is State.EXPIRED


def test_an_approval_goes_to_the_graph_as_ever() -> None:
    taken = chose(a_review(), BOB, Choice.APPROVE)
    assert taken.approval.state is State.DECIDED
    assert Resume(taken.approval.id) in taken.effects
