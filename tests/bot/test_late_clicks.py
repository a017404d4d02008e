"""A click whose person is looked up later: kept, decided as of its time, and told once (P1, P6)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from contracts.office import Office, office
from contracts.panel import DEV, PAY, all_of, part
from contracts.samples import BOB, CAROL, EVE, NOW, an_approval

from engine.approvals.approval import State
from engine.approvals.effects import Consider, Lane
from engine.approvals.events import Click
from engine.asks.ask import Choice, Decision
from engine.authority.policy import Deadlines, Policy, person
from engine.ids import ApprovalId, thread_of
from engine.rules.routing import Rule, Rulebook
from engine.sentences.refusals import AlreadyVoted, Expired

HOUR = timedelta(hours=1)
ON_CALL = all_of(part(PAY))


async def asked(room: Office, policy: Policy = ON_CALL, **more: object) -> ApprovalId:
    room.rules.book = Rulebook((Rule(policy.rule, policy),))
    approval = await room.ask(replace(an_approval(policy=policy), **more))  # type: ignore[arg-type]
    await room.settle()
    room.chat.messages.clear()
    return approval


def waiting(room: Office, approval: ApprovalId) -> list[Click]:
    lane = Lane(thread_of(approval), f"card/{approval.rpartition('#')[2]}")
    found = room.lanes.waiting.get(lane, ())  # type: ignore[attr-defined]
    return [each.click for each in found if isinstance(each, Consider) and isinstance(each.click, Click)]


@pytest.fixture
def room() -> Office:
    """Bob is on call, and the schedule is slow."""
    made = office()
    made.shifts.put("pay", BOB)
    made.shifts.late.add("pay")
    return made


@pytest.mark.promise("P1")
async def test_a_click_whose_schedule_is_slow_is_kept_and_decided(room: Office) -> None:
    approval = await asked(room)
    assert await room.click(approval, BOB) is None
    assert (await room.kept(approval)).state is State.PENDING
    (kept,) = waiting(room, approval)
    assert kept.at == NOW
    await room.settle()
    decided = await room.kept(approval)
    assert decided.decisions == (Decision(Choice.APPROVE),)
    assert decided.reviews[0].votes[0].at == NOW
    (said,) = room.told(BOB)
    assert "pay" in said
    assert "kept" in said


async def test_it_is_decided_as_of_its_own_time(room: Office) -> None:
    """The hand-over comes between the click and its turn."""
    room.shifts.shifts["pay"] = [
        (BOB, NOW - HOUR, NOW + timedelta(seconds=1)),
        (CAROL, NOW + timedelta(seconds=1), NOW + HOUR),
    ]
    approval = await asked(room)
    await room.click(approval, BOB)
    room.clock.advance(5)
    await room.settle()
    assert (await room.kept(approval)).deciders == (BOB,)


async def test_the_time_of_a_click_is_when_it_came_in_not_when_its_source_was_given_up(room: Office) -> None:
    approval = await asked(room)
    room.shifts.takes = 1.5
    await room.click(approval, BOB)
    assert [each.at for each in waiting(room, approval)] == [NOW]


@pytest.mark.promise("P5")
async def test_a_click_before_the_deadline_counts_where_the_expiry_fires_in_between(room: Office) -> None:
    approval = await asked(room, deadlines=Deadlines(expires_after=HOUR))
    room.clock.advance(3599)
    await room.click(approval, BOB)
    room.clock.advance(2)
    await room.settle()
    decided = await room.kept(approval)
    assert decided.decisions == (Decision(Choice.APPROVE),)
    assert room.resumed == 1


@pytest.mark.promise("P5")
async def test_a_click_after_the_deadline_takes_none_away_that_came_before_it(room: Office) -> None:
    approval = await asked(room, all_of(part(PAY, person(CAROL))), deadlines=Deadlines(expires_after=HOUR))
    room.clock.advance(3599)
    await room.click(approval, BOB)
    room.clock.advance(2)
    assert isinstance(await room.click(approval, CAROL), Expired)
    assert (await room.kept(approval)).state is State.PENDING, "bob's click is being looked up"
    await room.settle()
    assert (await room.kept(approval)).deciders == (BOB,)
    assert room.resumed == 1


@pytest.mark.promise("P5")
async def test_a_kept_click_that_does_not_count_puts_the_expiry_off_no_longer_than_it_takes(room: Office) -> None:
    approval = await asked(room, all_of(part(PAY, person(CAROL))), deadlines=Deadlines(expires_after=HOUR))
    room.clock.advance(3599)
    await room.click(approval, EVE)
    room.clock.advance(2)
    await room.settle()
    assert (await room.kept(approval)).state is State.PENDING
    room.clock.advance(30)
    await room.settle()
    rejected = await room.kept(approval)
    assert (rejected.decisions[0].choice, rejected.deciders) == (Choice.REJECT, ())


@pytest.mark.promise("P2")
async def test_who_is_overtaken_by_another_hears_who_decided(room: Office) -> None:
    approval = await asked(room, all_of(part(PAY, person(CAROL))))
    await room.click(approval, BOB)
    await room.click(approval, CAROL, Choice.REJECT)
    await room.settle()
    assert (await room.kept(approval)).deciders == (CAROL,)
    assert any("already rejected" in each for each in room.told(BOB))
    assert room.resumed == 1


@pytest.mark.promise("P4")
async def test_who_is_overtaken_by_an_edit_hears_of_it(room: Office) -> None:
    approval = await asked(room, all_of(part(PAY, person(CAROL)), part(DEV)))
    await room.click(approval, BOB)
    await room.click(approval, CAROL, Choice.EDIT, value={"of": "less"})
    await room.settle()
    kept = await room.kept(approval)
    assert [vote.by for vote in kept.reviews[0].votes] == [CAROL]
    assert any("changed this request before your click" in each for each in room.told(BOB))


@pytest.mark.promise("P1")
async def test_a_process_that_dies_after_the_vote_was_written_says_nothing_wrong_of_it(room: Office) -> None:
    approval = await asked(room, all_of(part(PAY), part(DEV)))
    await room.click(approval, BOB)
    (kept,) = waiting(room, approval)
    await room.settle()
    before, said = await room.kept(approval), list(room.told(BOB))
    await room.decisions[0].consider(kept)
    await room.settle()
    assert await room.kept(approval) == before
    assert room.told(BOB) == said


@pytest.mark.promise("P1")
async def test_a_process_that_dies_after_the_decision_says_nothing_wrong_of_it(room: Office) -> None:
    approval = await asked(room)
    await room.click(approval, BOB)
    (kept,) = waiting(room, approval)
    await room.settle()
    said = list(room.told(BOB))
    await room.decisions[0].consider(kept)
    await room.settle()
    assert room.told(BOB) == said
    assert room.resumed == 1


@pytest.mark.promise("P6")
async def test_a_source_that_stays_silent_denies_and_is_named(room: Office) -> None:
    room.shifts.silent.add("pay")
    approval = await asked(room)
    await room.click(approval, BOB)
    await room.settle()
    assert (await room.kept(approval)).state is State.PENDING
    assert "pay" in room.told(BOB)[-1]
    assert "try again" in room.told(BOB)[-1]
    assert waiting(room, approval) == []


async def test_a_source_that_fails_at_once_denies_at_once(room: Office) -> None:
    room.shifts.failing["pay"] = "PagerDuty answered 500"
    room.shifts.late.clear()
    approval = await asked(room)
    refusal = await room.click(approval, BOB)
    assert refusal is not None
    assert "PagerDuty answered 500" in refusal.sentence
    assert waiting(room, approval) == []


async def test_nobody_waits_for_a_source_that_does_not_matter(room: Office) -> None:
    approval = await asked(room, all_of(part(PAY, person(CAROL))))
    assert await room.click(approval, CAROL) is None
    assert (await room.kept(approval)).state is State.DECIDED


async def test_a_slow_group_keeps_a_click_too(room: Office) -> None:
    room.groups.members_of[DEV.name] = {CAROL}
    room.groups.late.add(DEV.name)
    approval = await asked(room, all_of(part(DEV)))
    assert await room.click(approval, CAROL) is None
    assert len(waiting(room, approval)) == 1
    await room.settle()
    assert (await room.kept(approval)).deciders == (CAROL,)


async def test_a_click_is_kept_where_it_cannot_be_told_in_time_whether_an_earlier_vote_stands(room: Office) -> None:
    room.groups.members_of[DEV.name] = {CAROL}
    approval = await asked(room, all_of(part(DEV), part(person(BOB))))
    await room.click(approval, CAROL)
    room.groups.late.add(DEV.name)
    assert await room.click(approval, BOB) is None
    assert len(waiting(room, approval)) == 1
    await room.settle()
    assert (await room.kept(approval)).state is State.DECIDED


async def test_facts_are_asked_once_of_each_source(room: Office) -> None:
    room.shifts.late.clear()
    room.groups.members_of[DEV.name] = {BOB, CAROL}
    approval = await asked(room, all_of(part(DEV, PAY, quorum=2), part(PAY, DEV)))
    await room.click(approval, CAROL)
    room.groups.asked.clear()
    room.shifts.asked.clear()
    await room.click(approval, BOB)
    assert room.groups.asked == [DEV.name]
    assert room.shifts.asked == [("pay", NOW)]


async def test_for_named_people_no_source_is_asked(room: Office) -> None:
    approval = await asked(room, all_of(part(person(BOB))))
    await room.click(approval, CAROL)
    await room.click(approval, BOB)
    assert (room.groups.asked, room.shifts.asked) == ([], [])


# What else a voter could fill -----------------------------------------------------------------------------------------


@pytest.fixture
def two_parts(room: Office) -> Office:
    """Bob and Carol are developers, and Bob is on call: the rule takes one of each."""
    room.groups.members_of[DEV.name] = {BOB, CAROL}
    return room


DEV_AND_PAY = all_of(part(DEV), part(PAY))


async def test_a_vote_that_counts_waits_for_the_source_that_may_let_it_fill_another_part(two_parts: Office) -> None:
    approval = await asked(two_parts, DEV_AND_PAY)
    assert await two_parts.click(approval, BOB) is None
    assert len(waiting(two_parts, approval)) == 1
    await two_parts.settle()
    two_parts.shifts.late.clear()
    assert await two_parts.click(approval, CAROL) is None
    assert (await two_parts.kept(approval)).deciders == (BOB, CAROL)


async def test_who_voted_while_a_schedule_was_down_can_vote_again_to_fill_its_part(two_parts: Office) -> None:
    two_parts.shifts.late.clear()
    two_parts.shifts.failing["pay"] = "it is down"
    approval = await asked(two_parts, DEV_AND_PAY)
    assert await two_parts.click(approval, BOB) is None
    assert await two_parts.click(approval, BOB) == AlreadyVoted()
    two_parts.shifts.failing.clear()
    assert await two_parts.click(approval, BOB) is None
    assert await two_parts.click(approval, BOB) == AlreadyVoted()
    assert await two_parts.click(approval, CAROL) is None
    assert (await two_parts.kept(approval)).deciders == (BOB, CAROL)


async def test_who_votes_again_after_their_shift_keeps_the_part_that_it_filled(two_parts: Office) -> None:
    two_parts.shifts.late.clear()
    two_parts.groups.members_of[DEV.name] = {CAROL}
    approval = await asked(two_parts, DEV_AND_PAY)
    assert await two_parts.click(approval, BOB) is None
    two_parts.shifts.shifts.clear()
    two_parts.groups.members_of[DEV.name] = {BOB, CAROL}
    assert await two_parts.click(approval, BOB) is None
    assert await two_parts.click(approval, CAROL) is None
    assert (await two_parts.kept(approval)).deciders == (BOB, CAROL)


@pytest.mark.promise("P2")
async def test_a_kept_approval_takes_no_later_rejection_back(room: Office) -> None:
    room.shifts.put("pay", CAROL)
    approval = await asked(room, all_of(part(PAY, quorum=2), reject_quorum=2))
    assert await room.click(approval, BOB) is None
    room.shifts.late.clear()
    room.clock.advance(2)
    assert await room.click(approval, BOB, Choice.REJECT) is None
    await room.settle()
    (vote,) = (await room.kept(approval)).reviews[0].votes
    assert vote.choice is Choice.REJECT
    assert any("your later click counts" in each for each in room.told(BOB))
