"""Votes become decisions: quorum, edits, revisions, batches, and refused voters."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from contracts.samples import ALICE, BOB, CAROL, EVE, GINA, NOW, a_policy, an_approval, an_ask, still_members

from engine.approvals.approval import Approval, State
from engine.approvals.audit import What
from engine.approvals.effects import DrawCard, PassOn, Resume, TellPerson
from engine.approvals.events import Chose, ExpiryDue
from engine.asks.ask import Choice, Decision, Json, Kind
from engine.authority.eligibility import AccountType, Facts, may_decide, may_open
from engine.authority.policy import CHANNEL as IN_CHANNEL
from engine.authority.policy import REQUESTER, Deadlines, OnExpiry, Policy, Subject, one_part, person
from engine.ids import UserId
from engine.machine import Step, outcome_of, step
from engine.sentences.refusals import (
    AlreadyDecided,
    AlreadyVoted,
    Changed,
    Expired,
    NoGuests,
    NoOwnRequests,
    NotAnApprover,
    NotInChannel,
    NotOffered,
    NotYourQuestion,
    OnePersonsWords,
    Refusal,
    RosterUnknown,
    Stranger,
)

MEMBER = Facts(AccountType.MEMBER)


def chose(
    approval: Approval,
    by: UserId,
    choice: Choice,
    *,
    action: int = 0,
    revision: int | None = None,
    text: str = "",
    value: Json = None,
    facts: Facts = MEMBER,
) -> Step:
    known = 0 <= action < len(approval.reviews)
    seen = revision if revision is not None else (approval.reviews[action].revision if known else 1)
    event = Chose(by, facts, action, seen, choice, text, value, ruling=still_members(approval))
    return step(approval, event, NOW)


def of_two(names: tuple[str, ...] = ("deploy",), **more: bool) -> Approval:
    return an_approval(ask=an_ask(*names), policy=a_policy(BOB, CAROL, quorum=2, **more))


# Quorum ---------------------------------------------------------------------------------------------------------------


def test_a_quorum_of_two_needs_two_people() -> None:
    first = chose(of_two(), BOB, Choice.APPROVE)
    assert first.approval.state is State.PENDING
    assert first.effects == (DrawCard(first.approval.id),)
    assert [entry.what for entry in first.entries] == [What.VOTED]
    second = chose(first.approval, CAROL, Choice.APPROVE)
    assert second.approval.state is State.DECIDED
    assert second.approval.deciders == (BOB, CAROL)
    assert second.approval.decisions == (Decision(Choice.APPROVE),)


@pytest.mark.promise("P2")
def test_one_person_counts_once() -> None:
    once = chose(of_two(), BOB, Choice.APPROVE).approval
    twice = chose(once, BOB, Choice.APPROVE)
    assert twice.refusal == AlreadyVoted()
    assert twice.approval == once


def test_one_rejection_decides_whatever_the_quorum() -> None:
    voted = chose(of_two(), BOB, Choice.APPROVE).approval
    rejected = chose(voted, CAROL, Choice.REJECT, text="not on Friday").approval
    assert rejected.decisions == (Decision(Choice.REJECT, text="not on Friday"),)
    assert rejected.deciders == (CAROL,)
    assert outcome_of(rejected) == "rejected"


def test_who_approved_may_still_reject() -> None:
    voted = chose(of_two(), BOB, Choice.APPROVE).approval
    assert chose(voted, BOB, Choice.REJECT).approval.deciders == (BOB,)


# Edits and revisions --------------------------------------------------------------------------------------------------


@pytest.mark.promise("P4")
def test_an_edit_clears_the_votes_and_starts_a_revision() -> None:
    voted = chose(of_two(), BOB, Choice.APPROVE).approval
    edited = chose(voted, CAROL, Choice.EDIT, value={"of": "less"})
    (review,) = edited.approval.reviews
    assert edited.approval.state is State.PENDING
    assert (review.revision, review.value, review.edited_by) == (2, {"of": "less"}, CAROL)
    assert [(vote.by, vote.choice) for vote in review.votes] == [(CAROL, Choice.EDIT)]
    assert edited.approval.ask == voted.ask
    assert [entry.what for entry in edited.entries] == [What.EDITED]
    decided = chose(edited.approval, BOB, Choice.APPROVE).approval
    assert decided.decisions == (Decision(Choice.EDIT, value={"of": "less"}),)
    assert decided.deciders == (CAROL, BOB)


def test_who_edits_has_approved_and_cannot_vote_for_it_again() -> None:
    edited = chose(of_two(), BOB, Choice.EDIT, value=1).approval
    assert chose(edited, BOB, Choice.APPROVE).refusal == AlreadyVoted()
    again = chose(edited, BOB, Choice.EDIT, value=2).approval
    assert again.state is State.PENDING
    assert again.reviews[0].revision == 3
    assert len(again.reviews[0].votes) == 1


def test_an_edit_decides_where_one_is_enough() -> None:
    decided = chose(an_approval(), BOB, Choice.EDIT, value={"of": "less"}).approval
    assert decided.state is State.DECIDED
    assert decided.decisions == (Decision(Choice.EDIT, value={"of": "less"}),)
    assert outcome_of(decided) == "approved"


@pytest.mark.promise("P4")
def test_an_edit_that_changes_nothing_is_an_approval_and_keeps_the_votes() -> None:
    asked = of_two()
    (proposed,) = asked.reviews
    assert isinstance(proposed.value, dict)
    voted = chose(asked, BOB, Choice.APPROVE).approval
    reordered: Json = dict(reversed(proposed.value.items()))
    sent = chose(voted, CAROL, Choice.EDIT, value=reordered)
    assert sent.approval.decisions == (Decision(Choice.APPROVE),)
    assert sent.approval.deciders == (BOB, CAROL)
    assert [entry.what for entry in sent.entries] == [What.VOTED, What.DECIDED]
    assert chose(voted, BOB, Choice.EDIT, value=proposed.value).refusal == AlreadyVoted()


def test_an_edit_sent_unchanged_is_decided_as_an_approval_where_one_is_enough() -> None:
    asked = an_approval()
    assert chose(asked, BOB, Choice.EDIT, value=asked.reviews[0].value).approval.decisions == (
        Decision(Choice.APPROVE),
    )


@pytest.mark.parametrize(("before", "after"), [(1, 1.0), (1, True), ("1.10", "1.1"), ("1", 1), (None, ""), ({}, [])])
def test_another_spelling_of_a_value_is_a_change(before: Json, after: Json) -> None:
    asked = of_two()
    standing = replace(asked, reviews=(replace(asked.reviews[0], value=before),))
    voted = chose(standing, BOB, Choice.APPROVE).approval
    (review,) = chose(voted, CAROL, Choice.EDIT, value=after).approval.reviews
    assert (review.revision, [vote.by for vote in review.votes]) == (2, [CAROL])


def test_an_edit_that_changes_nothing_approves_the_edit_before_it() -> None:
    edited = chose(of_two(), BOB, Choice.EDIT, value=1).approval
    assert chose(edited, CAROL, Choice.EDIT, value=1).approval.decisions == (Decision(Choice.EDIT, value=1),)
    assert chose(edited, BOB, Choice.EDIT, value=1).refusal == AlreadyVoted()


def test_where_only_an_edit_is_taken_one_that_changes_nothing_counts_and_is_sent_as_an_edit() -> None:
    asked = of_two()
    (only,) = asked.ask.actions
    asked = replace(asked, ask=replace(asked.ask, actions=(replace(only, choices=(Choice.EDIT,)),)))
    first = chose(asked, BOB, Choice.EDIT, value=only.value).approval
    assert (first.state, first.reviews[0].revision, first.reviews[0].edited_by) == (State.PENDING, 1, None)
    assert chose(first, BOB, Choice.EDIT, value=only.value).refusal == AlreadyVoted()
    both = chose(first, CAROL, Choice.EDIT, value=only.value).approval
    assert both.decisions == (Decision(Choice.EDIT, value=only.value),)
    assert both.deciders == (BOB, CAROL)


@pytest.mark.promise("P4")
@pytest.mark.parametrize("choice", [Choice.APPROVE, Choice.EDIT, Choice.REJECT])
def test_a_click_on_a_stale_revision_is_refused(choice: Choice) -> None:
    edited = chose(of_two(), BOB, Choice.EDIT, value=1).approval
    late = chose(edited, CAROL, choice, revision=1)
    assert late.refusal == Changed(BOB)
    assert late.approval == edited
    assert [type(effect) for effect in late.effects] == [TellPerson, DrawCard]


def test_a_revision_that_never_was_is_refused() -> None:
    assert chose(of_two(), BOB, Choice.APPROVE, revision=2).refusal == NotOffered()


# Batches --------------------------------------------------------------------------------------------------------------

BATCH: dict[int, tuple[Choice, str, Json, Decision]] = {
    0: (Choice.APPROVE, "", None, Decision(Choice.APPROVE)),
    1: (Choice.EDIT, "", {"x": 1}, Decision(Choice.EDIT, value={"x": 1})),
    2: (Choice.REJECT, "no", None, Decision(Choice.REJECT, text="no")),
}


@pytest.mark.promise("P2")
@pytest.mark.parametrize("order", list(permutations(BATCH)))
def test_a_batch_is_resumed_once_when_all_are_decided_in_any_order(order: tuple[int, ...]) -> None:
    approval = an_approval(ask=an_ask("a", "b", "c"))
    resumed = 0
    for place, action in enumerate(order):
        choice, text, value, _ = BATCH[action]
        taken = chose(approval, BOB, choice, action=action, text=text, value=value)
        approval = taken.approval
        resumed += sum(isinstance(effect, Resume) for effect in taken.effects)
        assert approval.state is (State.DECIDED if place == 2 else State.PENDING)
        assert DrawCard(approval.id) in taken.effects
    assert resumed == 1
    assert approval.decisions == tuple(BATCH[action][3] for action in range(3))
    assert outcome_of(approval) == "decided"


@pytest.mark.promise("P2")
def test_a_decided_action_of_a_batch_stays_decided() -> None:
    approval = chose(an_approval(ask=an_ask("a", "b")), BOB, Choice.REJECT).approval
    for choice in (Choice.APPROVE, Choice.EDIT, Choice.REJECT):
        late = chose(approval, CAROL, choice)
        assert late.refusal == AlreadyDecided("rejected", (BOB,), NOW)
        assert late.approval == approval


def test_an_edit_leaves_the_neighbours_alive() -> None:
    edited = chose(of_two(("a", "b")), BOB, Choice.EDIT, value=1).approval
    assert chose(edited, CAROL, Choice.APPROVE, action=1, revision=1).refusal is None


def test_each_action_has_a_policy_of_its_own() -> None:
    approval = an_approval(ask=an_ask("get", "delete"))
    harmless, dangerous = approval.reviews
    approval = replace(approval, reviews=(harmless, replace(dangerous, policy=a_policy(CAROL))))
    assert chose(approval, BOB, Choice.APPROVE, action=1).refusal == NotAnApprover((person(CAROL),))
    assert chose(approval, BOB, Choice.APPROVE, action=0).refusal is None


@pytest.mark.promise("P5")
def test_expiry_rejects_what_is_open_and_keeps_what_was_decided() -> None:
    approval = an_approval(ask=an_ask("a", "b"), deadlines=Deadlines(expires_after=timedelta(hours=1)))
    approval = chose(approval, BOB, Choice.APPROVE).approval
    expired = step(approval, ExpiryDue(), NOW + timedelta(hours=1)).approval
    assert [decision.choice for decision in expired.decisions] == [Choice.APPROVE, Choice.REJECT]


@pytest.mark.parametrize("action", [-1, 1, 99])
def test_an_action_that_is_not_there_is_refused(action: int) -> None:
    assert chose(an_approval(), BOB, Choice.APPROVE, action=action).refusal == NotOffered()


def test_a_choice_that_is_not_offered_is_refused() -> None:
    approval = an_approval(ask=an_ask(choices=(Choice.APPROVE,)))
    for choice in (Choice.EDIT, Choice.REJECT, Choice.ANSWER):
        assert chose(approval, BOB, choice).refusal == NotOffered()


# Questions ------------------------------------------------------------------------------------------------------------


def question() -> Approval:
    ask = an_ask("which", kind=Kind.QUESTION, choices=(Choice.ANSWER,))
    return an_approval(ask=ask, policy=one_part("default", REQUESTER))


@pytest.mark.promise("P3")
def test_a_question_is_answered_by_its_requester_at_once() -> None:
    answered = chose(question(), ALICE, Choice.ANSWER, text="the red one")
    assert answered.approval.decisions == (Decision(Choice.ANSWER, text="the red one"),)
    assert [entry.what for entry in answered.entries] == [What.ANSWERED]
    assert outcome_of(answered.approval) == "answered"


@pytest.mark.promise("P6")
def test_a_question_is_not_answered_by_others() -> None:
    assert chose(question(), BOB, Choice.ANSWER, text="mine").refusal == NotYourQuestion(ALICE)


def test_a_guest_may_answer_the_question_put_to_them() -> None:
    assert chose(question(), ALICE, Choice.ANSWER, text="x", facts=Facts(AccountType.GUEST)).refusal is None


# Who may decide -------------------------------------------------------------------------------------------------------

LISTED = a_policy(BOB, GINA, EVE, ALICE)
CHANNEL = one_part("default", IN_CHANNEL)
HERE, AWAY, UNASKED = (Facts(AccountType.MEMBER, inside) for inside in (True, False, None))


@pytest.mark.promise("P6")
@pytest.mark.parametrize(
    ("policy", "by", "facts", "refusal"),
    [
        (LISTED, BOB, MEMBER, None),
        (LISTED, CAROL, MEMBER, NotAnApprover(tuple(map(person, (BOB, GINA, EVE))))),
        (replace(LISTED, own_requests=True), CAROL, MEMBER, NotAnApprover(LISTED.sources)),
        (LISTED, ALICE, MEMBER, NoOwnRequests()),
        (replace(LISTED, own_requests=True), ALICE, MEMBER, None),
        (LISTED, GINA, Facts(AccountType.GUEST), NoGuests()),
        (LISTED, EVE, Facts(AccountType.STRANGER), Stranger()),
        (LISTED, BOB, Facts(AccountType.UNKNOWN), RosterUnknown()),
        (CHANNEL, BOB, HERE, None),
        (CHANNEL, BOB, AWAY, NotInChannel()),
        (CHANNEL, BOB, UNASKED, RosterUnknown()),
        (CHANNEL, ALICE, HERE, NoOwnRequests()),
        (replace(CHANNEL, own_requests=True), ALICE, HERE, None),
        (CHANNEL, GINA, Facts(AccountType.GUEST, in_channel=True), NoGuests()),
        (CHANNEL, EVE, Facts(AccountType.STRANGER, in_channel=True), Stranger()),
        (CHANNEL, BOB, Facts(AccountType.UNKNOWN, in_channel=True), RosterUnknown()),
        (one_part("dm", REQUESTER), ALICE, MEMBER, None),
        (one_part("dm", REQUESTER), ALICE, Facts(AccountType.GUEST), NoGuests()),
        (one_part("dm", REQUESTER), BOB, MEMBER, NotAnApprover((person(ALICE),))),
    ],
)
def test_who_may_decide(policy: Policy, by: UserId, facts: Facts, refusal: Refusal | None) -> None:
    assert may_decide(policy, ALICE, by, facts, Subject.REQUEST) == refusal
    taken = chose(an_approval(policy=policy), by, Choice.APPROVE, facts=facts)
    assert taken.refusal == refusal
    assert (taken.approval.state is State.DECIDED) is (refusal is None)


@pytest.mark.promise("P9")
def test_a_refusal_is_told_and_recorded_and_changes_nothing() -> None:
    before = an_approval()
    taken = chose(before, EVE, Choice.APPROVE, facts=Facts(AccountType.STRANGER))
    assert taken.approval == before
    assert taken.refusal is not None
    assert taken.effects == (TellPerson(before.thread, before.place, EVE, taken.refusal.sentence),)
    (entry,) = taken.entries
    assert (entry.what, entry.who, entry.rule) == (What.REFUSED, EVE, "approvals[0]")
    assert entry.detail == {"refusal": taken.refusal.code, "choice": "approve", "action": 0}


@pytest.mark.promise("P6")
def test_a_form_opens_only_for_those_whom_the_policy_names() -> None:
    assert may_open(LISTED, ALICE, BOB, Subject.REQUEST) is None
    assert may_open(LISTED, ALICE, CAROL, Subject.REQUEST) == NotAnApprover(tuple(map(person, (BOB, GINA, EVE))))
    assert may_open(LISTED, ALICE, ALICE, Subject.REQUEST) == NoOwnRequests()
    assert may_open(one_part("q", REQUESTER), ALICE, BOB, Subject.QUESTION) == NotYourQuestion(ALICE)


@pytest.mark.parametrize("quorum", [0, -1, 3])
def test_a_quorum_that_cannot_be_is_refused(quorum: int) -> None:
    with pytest.raises(ValueError, match="quorum"):
        a_policy(BOB, CAROL, quorum=quorum)


# Words and quorums ----------------------------------------------------------------------------------------------------


@pytest.mark.promise("P6")
def test_one_persons_words_never_stand_for_a_quorum() -> None:
    ask = an_ask("payload", kind=Kind.PAYLOAD, choices=(Choice.APPROVE, Choice.ANSWER))
    approval = an_approval(ask=ask, policy=a_policy(quorum=2))
    taken = chose(approval, BOB, Choice.ANSWER, text="no, please do not")
    assert taken.refusal == OnePersonsWords(2)
    assert taken.approval == approval


@pytest.mark.promise("P6")
def test_a_form_that_approves_is_no_question() -> None:
    form = an_ask("verdict", kind=Kind.FORM, choices=(Choice.ANSWER,))
    assert form.is_question
    assert not replace(form, verdict=True).is_question


@pytest.mark.promise("P6")
def test_a_guest_answers_only_in_a_conversation_of_their_own() -> None:
    question = an_ask("which", kind=Kind.QUESTION, choices=(Choice.ANSWER,))
    guest = Facts(AccountType.GUEST)
    own = an_approval(ask=question, policy=one_part("default", REQUESTER))
    ruled = an_approval(ask=question, policy=one_part("r", person(BOB)))
    assert chose(own, ALICE, Choice.ANSWER, text="this", facts=guest).refusal is None
    assert chose(ruled, BOB, Choice.ANSWER, text="this", facts=guest).refusal == NoGuests()


@pytest.mark.promise("P9")
def test_one_row_tells_the_vote_and_one_the_decision() -> None:
    taken = chose(an_approval(policy=a_policy()), BOB, Choice.APPROVE)
    assert [entry.what for entry in taken.entries] == [What.VOTED, What.DECIDED]


@pytest.mark.promise("P2")
def test_what_time_finished_is_not_said_to_be_decided_by_who_began() -> None:
    two = an_ask("one", "two")
    batch = an_approval(ask=two, policy=a_policy(), deadlines=Deadlines(expires_after=timedelta(hours=1)))
    begun = chose(batch, BOB, Choice.APPROVE).approval
    over = step(begun, ExpiryDue(), NOW + timedelta(hours=2)).approval
    late = step(over, Chose(CAROL, MEMBER, 1, 1, Choice.APPROVE), NOW + timedelta(hours=3))
    assert isinstance(late.refusal, Expired)


@pytest.mark.promise("P1")
def test_what_waited_is_passed_on_when_an_expiry_ends_the_run() -> None:
    deadlines = Deadlines(expires_after=timedelta(hours=1), on_expiry=OnExpiry.FAIL)
    expired = step(an_approval(deadlines=deadlines), ExpiryDue(), NOW + timedelta(hours=2))
    assert expired.approval.state is State.EXPIRED
    assert PassOn(expired.approval.thread) in expired.effects
