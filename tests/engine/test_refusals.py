"""Every refusal is one sentence that its person understands."""

import re

import pytest
from contracts.samples import ALICE, BOB, CAROL, NOW

from engine.authority.policy import person
from engine.ids import ChannelId, UserId
from engine.sentences import refusals
from engine.sentences.refusals import Refusal
from engine.sentences.spoken import people, when
from engine.sources import Origin, Source, SourceFailure

GROUP, ON_CALL = Source(Origin.GROUP, "S1", "payments"), Source(Origin.ON_CALL, "pay")
WHEN = "<!date^1767268800^{date_short_pretty} at {time}|on 2026-01-01 at 12:00 UTC>"

SENTENCES: list[tuple[Refusal, str]] = [
    (
        refusals.NotAnApprover((person(CAROL), person(BOB))),
        "You are not an approver of this request. <@UBOB> and <@UCAROL> can decide it.",
    ),
    (refusals.NoOwnRequests(), "You asked for this yourself, so somebody else has to decide it."),
    (refusals.NotYourQuestion(ALICE), "This question is for <@UALICE>, whose conversation it is."),
    (
        refusals.NotTheCard(ChannelId("C1")),
        "This is a copy of the request, so your click had no effect. Use the original in <#C1>.",
    ),
    (refusals.NotYourRun(ALICE), "Only <@UALICE> can retry this."),
    (refusals.NotYourConversation(), "Only the person whose conversation this is can see its history."),
    (
        refusals.NeedsSeveral(2),
        (
            "What is decided in this conversation takes 2 people, so nobody can go back in it alone. "
            "Ask the agent again with a new message."
        ),
    ),
    (refusals.NotInChannel(), "Only members of the channel in which the agent was asked can decide this request."),
    (refusals.NoGuests(), "Guests cannot decide requests. Ask a full member of this workspace."),
    (refusals.Stranger(), "Only members of this workspace can decide requests."),
    (
        refusals.RosterUnknown(),
        "Couldn't check with Slack whether you may decide this. Nothing was changed: please try again in a moment.",
    ),
    (refusals.AlreadyVoted(), "You already approved. One more person must."),
    (refusals.AlreadyVoted(2, approved=False), "You already chose this. 2 more people must."),
    (
        refusals.AlreadyDecided("approved", (BOB,), NOW),
        f"This was already approved by <@UBOB> {WHEN}. Your click had no effect.",
    ),
    (refusals.AlreadyDecided("rejected", (), NOW), f"This was already rejected {WHEN}. Your click had no effect."),
    (
        refusals.Changed(BOB),
        "<@UBOB> changed this request before your click. Please look at it again and decide then.",
    ),
    (refusals.Expired(NOW), f"This request expired {WHEN}. Your click had no effect."),
    (refusals.Closed("it moved on"), "This request is no longer open: it moved on. Your click had no effect."),
    (refusals.Closed(), "This request is no longer open. Your click had no effect."),
    (
        refusals.OnePersonsWords(2),
        "An answer can't be used here: 2 approvals are needed.",
    ),
    (
        refusals.KeptBack(),
        "••• stands for a secret. Leave such a field as it was, or write all of it. Nothing was changed.",
    ),
    (refusals.ShownInPart(), "The card shows only part of this request. Nothing was changed yet."),
    (refusals.NotYourWords(ALICE), "<@UALICE> wrote these words, so only they can send them as the answer."),
    (
        refusals.NotYetTheirTurn((GROUP, ON_CALL)),
        "Members of @payments and the person on call (pay) must approve this first. You can already reject it.",
    ),
    (
        refusals.SourceUnknown((SourceFailure(ON_CALL, "PagerDuty answered <500>."),)),
        (
            "Couldn't check whether you may decide this (the person on call (pay): PagerDuty answered &lt;500&gt;). "
            "Nothing was changed: try again in a moment."
        ),
    ),
    (
        refusals.NoLongerNamed(),
        "The rule for this request was changed since it was made, and you are no longer one of its approvers.",
    ),
    (
        refusals.RuleRejects("approvals[1]"),
        "With these values approvals[1] in app.yaml rejects the request, so your changes were not made.",
    ),
    (
        refusals.RuleRejects("approvals[1]", edited=False),
        "approvals[1] in app.yaml now rejects such requests automatically, so you can only reject this one.",
    ),
    (
        refusals.NotNeeded((ON_CALL,)),
        "Your approval is not needed any more. Still missing: the person on call (pay).",
    ),
    (refusals.NotTheRequester(ALICE), "Only <@UALICE>, who asked for this, can do that."),
    (refusals.NudgedAlready(NOW), f"You nudged them already. You can do it again {WHEN}."),
    (
        refusals.NoGrant(),
        "Calls like this one can't be allowed for a while. Nothing was changed: approve this one alone.",
    ),
    (
        refusals.TakerUnknown(CAROL),
        f"Couldn't check whether <@{CAROL}> may decide this, so it was not handed over. Try again in a moment.",
    ),
    (refusals.Overtaken(), "You clicked again after this, and your later click counts."),
    (
        refusals.LookedAlready(),
        "You already said that you are looking at this. Each person can pause the reminders once.",
    ),
    (
        refusals.CannotTakeOver(BOB),
        "<@UBOB> can't decide this request, so it was not handed over. Choose one of its approvers.",
    ),
    (
        refusals.YoursAlready(),
        "You can decide this request yourself. Choose somebody else to hand it over to.",
    ),
    (refusals.NoDeadline(), "The deadline of this request can't be moved like that."),
    (refusals.NotOffered(), "This request does not offer that choice."),
]


@pytest.mark.parametrize(("refusal", "sentence"), SENTENCES)
def test_its_sentence(refusal: Refusal, sentence: str) -> None:
    assert refusal.sentence == sentence


def test_every_refusal_has_a_sentence_here_and_a_code_of_its_own() -> None:
    named = [each for each in vars(refusals).values() if isinstance(each, type) and issubclass(each, Refusal)]
    kinds = [each for each in named if each is not Refusal]
    assert {type(refusal) for refusal, _ in SENTENCES} == set(kinds)
    assert len({kind.code for kind in kinds} | {Refusal.code}) == len(kinds) + 1
    assert all(re.fullmatch(r"[a-z_]+", kind.code) for kind in kinds)


def test_people_are_named_in_a_stable_order() -> None:
    assert people(()) == "Nobody"
    assert people([BOB]) == "<@UBOB>"
    assert people([CAROL, BOB]) == "<@UBOB> and <@UCAROL>"
    assert people([CAROL, UserId("UZ"), BOB]) == "<@UBOB>, <@UCAROL> and <@UZ>"


def test_a_time_is_shown_in_the_readers_zone() -> None:
    assert when(NOW) == WHEN


def test_what_an_agent_raised_is_escaped() -> None:
    assert "<!channel>" not in refusals.Closed("it said <!channel> & <https://x|y>").sentence
    assert (
        "&lt;!channel&gt; &amp; &lt;https://x|y&gt;" in refusals.Closed("it said <!channel> & <https://x|y>").sentence
    )
