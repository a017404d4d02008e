"""A card's small print says why each voter may decide, whose turn it is, who was called, and when clocks rest (P11)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.slack_samples import ALICE, BOB, CAROL, NOW, approval, closed, text_in

from adapters.slack.cards.card import card
from adapters.slack.cards.sheet import sheet
from engine.approvals.approval import Approval, Calling, Copy, Looking, NotCalled, Notify, Place, State
from engine.approvals.calling import MOST, candidates, in_turn, room_for
from engine.approvals.events import Automatic, Chose, Opened, Ruling
from engine.asks.ask import Choice, Decision
from engine.authority.eligibility import AccountType, Facts
from engine.authority.parts import Part
from engine.authority.policy import CHANNEL, Deadlines, Hours, Policy, Rung, one_part, person
from engine.ids import ChannelId, MessageTs, SheetId, UserId
from engine.machine import step
from engine.sentences.spoken import moment
from engine.sources import Ground, Origin, Source, SourceFailure

PAYMENTS = Source(Origin.GROUP, "S0PAY", "payments")
PAY = Source(Origin.ON_CALL, "pay")
DAVE = UserId("U0DAVE")


def shown(one: Approval) -> str:
    return text_in(card(one).blocks)


def voted(one: Approval, by: UserId, *sources: Source, choice: Choice = Choice.APPROVE, **shift: Any) -> Approval:
    grounds = tuple(Ground(each, NOW, **(shift if each is PAY else {})) for each in sources)
    before = tuple((vote.by, Facts(AccountType.MEMBER, grounds=vote.grounds)) for vote in one.reviews[0].votes)
    facts, revision = Facts(AccountType.MEMBER, grounds=grounds), one.reviews[0].revision
    event = Chose(by, facts, 0, revision, choice, text="no", ruling=Ruling(before))
    taken = step(one, event, NOW)
    assert taken.refusal is None, taken.refusal
    return taken.approval


@pytest.mark.promise("P11")
def test_each_vote_says_in_a_word_why_its_author_may_decide() -> None:
    one = approval(rule=one_part("r", PAYMENTS, PAY, person(DAVE), quorum=3))
    one = voted(one, CAROL, PAYMENTS)
    one = voted(one, BOB, PAY, tier=1)
    assert "2 of 3 approvals: <@U0CAROL> (payments), <@U0BOB> (on call: pay, tier 1)" in shown(one)
    done = voted(one, DAVE)
    assert "Approved by <@U0CAROL> (payments), <@U0BOB> (on call: pay, tier 1), <@U0DAVE> <!date" in shown(done)


@pytest.mark.promise("P11")
def test_who_is_named_by_the_rule_needs_no_other_reason() -> None:
    done = voted(approval(rule=one_part("r", PAY, person(BOB))), BOB, PAY, tier=1)
    assert "Approved by <@U0BOB> <!date" in shown(done)


@pytest.mark.promise("P11")
def test_a_source_cannot_style_or_notify() -> None:
    odd = Source(Origin.GROUP, "S1", "<!channel> *x*")
    told = shown(voted(approval(rule=one_part("r", odd)), BOB, odd))
    assert "<!channel>" not in told
    assert "*x*" not in told


def test_no_card_mentions_a_whole_group() -> None:
    one = approval(rule=one_part("r", PAYMENTS))
    message = card(one)
    assert "Approvers: members of @payments" in text_in(message.blocks)
    assert "subteam" not in message.text + text_in(message.blocks)


def test_stages_say_what_is_done_and_whose_turn_it_is() -> None:
    policy = Policy("r", ((Part((PAYMENTS,)),), (Part((PAY, person(DAVE))),)))
    one = approval(rule=policy)
    assert "Stage 1 of 2: members of @payments" in shown(one)
    told = shown(voted(one, CAROL, PAYMENTS))
    assert "Stage 1 of 2: done by <@U0CAROL> (payments); now stage 2 of 2: " in told
    assert "<@U0DAVE> or the person on call (pay)" in told


@pytest.mark.promise("P11")
def test_who_could_vote_in_two_stages_is_shown_with_the_reason_for_the_first() -> None:
    one = approval(rule=Policy("r", ((Part((PAYMENTS,)),), (Part((PAY,)),))))
    assert "Stage 1 of 2: done by <@U0BOB> (payments); now" in shown(voted(one, BOB, PAY, PAYMENTS))


def test_the_parts_that_are_still_missing_are_said() -> None:
    one = approval(rule=Policy("r", ((Part((PAYMENTS,)), Part((PAY,))),)))
    assert "Still needed: the person on call (pay)" in shown(voted(one, CAROL, PAYMENTS))


def test_several_people_on_call_are_said_to_be_several() -> None:
    part = Part((PAY,), quorum=2)
    assert "2 people on call (pay)" in shown(approval(rule=Policy("r", ((part, Part((PAYMENTS,))),))))


def test_rejections_are_counted_where_one_is_not_enough() -> None:
    policy = replace(one_part("r", PAYMENTS, person(DAVE)), reject_quorum=2)
    told = shown(voted(approval(rule=policy), CAROL, PAYMENTS, choice=Choice.REJECT))
    assert "1 of 2 rejections: <@U0CAROL> (payments)" in told


def test_who_looks_who_was_asked_and_whom_the_ladder_added() -> None:
    one = approval(rule=replace(one_part("r", person(BOB)), ladder=(Rung(timedelta(hours=1), (PAYMENTS,)),)))
    until = NOW + timedelta(minutes=15)
    one = replace(
        one,
        looking=(Looking(BOB, until),),
        handed_to=CAROL,
        reviews=tuple(replace(each, escalated=1) for each in one.reviews),
    )
    told = shown(one)
    assert f"<@U0BOB> is looking at this: no reminders until {moment(until)}" in told
    assert "Handed over to <@U0CAROL>" in told
    assert "Escalated to members of @payments" in told
    over = shown(closed(one, State.WITHDRAWN, "gone"))
    assert "looking" not in over
    assert "Handed over" not in over


def test_who_was_called_and_who_was_not() -> None:
    failed = SourceFailure(PAY, "PagerDuty answers with 500.")
    one = replace(
        approval(rule=one_part("r", PAYMENTS, PAY)),
        called=(BOB, CAROL),
        not_called=NotCalled(4, failed=(failed,), unreached=(DAVE,)),
    )
    told = shown(one)
    assert "Notified: <@U0BOB>, <@U0CAROL> and 4 more were not notified" in told
    assert "Couldn't notify the person on call (pay): PagerDuty answers with 500" in told
    assert "Couldn't notify <@U0DAVE>: not an active full member" in told
    assert "<@U0BOB>, <@U0CAROL>" in card(one).text


@pytest.mark.parametrize(("notify", "named"), [(Notify.MENTION, True), (Notify.DIRECT, False), (Notify.NONE, False)])
def test_only_a_card_that_calls_people_names_them_when_it_is_posted(notify: Notify, named: bool) -> None:  # noqa: FBT001
    one = replace(approval(rule=one_part("r", person(BOB), person(CAROL))), calling=Calling(notify))
    first = card(one)
    assert ("<@U0BOB>" in first.text + text_in(first.blocks)) is named
    assert named or "2 people whom the rule names" in text_in(first.blocks)
    assert "<@U0BOB>" in shown(replace(one, card=MessageTs("5.5")))


def test_what_never_expires_says_so_and_what_rests_says_when() -> None:
    assert "No deadline" in shown(replace(approval(), deadlines=Deadlines()))
    hours = Hours("Europe/Berlin", frozenset(range(5)), 9 * 60, 17 * 60)
    resting = replace(approval(), deadlines=Deadlines(expires_after=timedelta(hours=4), hours=hours))
    assert "Paused outside Mon-Fri 09:00-17:00 Berlin time" in shown(resting)
    always = replace(approval(), deadlines=Deadlines(expires_after=timedelta(hours=4), hours=hours, always=True))
    assert "rests" not in shown(always)


@pytest.mark.promise("P9")
def test_what_a_rule_or_a_grant_decides_is_shown_as_that() -> None:
    one = approval(rule=one_part("approvals[0]", CHANNEL))
    ruled = step(one, Opened((Automatic(Decision(Choice.APPROVE), "rule"),)), NOW).approval
    assert "✅ Approved automatically by approvals[0]" in shown(ruled)
    until = NOW + timedelta(hours=1)
    granted = step(one, Opened((Automatic(Decision(Choice.APPROVE), "grant", by=ALICE, until=until),)), NOW).approval
    assert f"✅ Allowed by <@U0ALICE>'s grant until {moment(until)}" in shown(granted)


def test_a_card_elsewhere_says_where_it_came_from() -> None:
    assert "Asked in <#C1> (<https://x|open it>)" in text_in(
        card(approval(), "Asked in <#C1> (<https://x|open it>)").blocks
    )


@pytest.mark.promise("P11")
def test_a_sheet_says_it_too() -> None:
    rows = []
    for number in range(3):
        one = approval(rule=one_part("r", PAYMENTS, person(DAVE), quorum=2), interrupt=f"i{number}", sheet=SheetId("s"))
        rows.append(replace(one, called=(BOB, CAROL), not_called=NotCalled(2), deadlines=Deadlines()))
    rows[0] = replace(voted(rows[0], CAROL, PAYMENTS), handed_to=BOB)
    message = sheet(SheetId("s"), rows)
    told = text_in(message.blocks)
    assert "1 of 2 approvals: <@U0CAROL> (payments)" in told
    assert "Handed over to <@U0BOB>" in told
    assert "Notified: <@U0BOB>, <@U0CAROL> and 2 more were not notified" in told
    assert told.count("No deadline") == 1
    assert "<@U0BOB>, <@U0CAROL>" in message.text


# Who is called --------------------------------------------------------------------------------------------------------


def test_people_of_several_parts_are_called_in_turn() -> None:
    group = [UserId(f"U{number}") for number in range(700)]
    people = in_turn([group, [BOB], [CAROL, group[3]]])
    assert people[:4] == (group[0], BOB, CAROL, group[1])
    assert len(people) == len(set(people)) == 702
    assert room_for(people, ()) == MOST
    assert room_for(people, [*group[:10], DAVE]) == MOST - 10


def test_those_whose_turn_it_is_are_called_and_those_of_each_rung() -> None:
    policy = Policy(
        "r",
        ((Part((PAYMENTS,)), Part((PAY,))), (Part((person(DAVE),)),)),
        ladder=(Rung(timedelta(hours=1), (person(BOB),)), Rung(timedelta(hours=2), (person(ALICE),))),
    )
    one = approval(rule=policy)
    (first,) = candidates(one)
    assert (first.stage, first.parts, first.but) == (0, ((PAYMENTS,), (PAY,)), frozenset({ALICE}))
    one = voted(one, CAROL, PAYMENTS)
    (missing,) = candidates(one)
    assert (missing.parts, missing.but) == (((PAY,),), frozenset({ALICE, CAROL}))
    one = replace(one, reviews=tuple(replace(each, escalated=1) for each in one.reviews))
    assert [each.parts for each in candidates(one)] == [((PAY,),), ((person(BOB),),)]
    quiet = replace(one, calling=Calling(Notify.NONE))
    assert [each.parts for each in candidates(quiet)] == [((person(BOB),),)]


def test_copies_count_as_the_card_for_a_click() -> None:
    copy = Copy(BOB, ChannelId("D0BOB"), MessageTs("7.7"))
    assert replace(approval(), copies=(copy,)).calls_directly
    assert not approval().is_elsewhere
    assert replace(approval(), place=Place(approval().home.team, ChannelId("C9"))).is_elsewhere
