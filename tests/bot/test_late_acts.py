"""What people do with a card besides deciding it, where a schedule is slow: kept, done as of its time, once."""

from datetime import timedelta

import pytest
from contracts.office import Office, office
from contracts.panel import PAY, all_of, part
from contracts.samples import BOB, CAROL, NOW, an_approval

from engine.approvals.effects import Consider, Lane
from engine.approvals.events import Act, Doing
from engine.authority.policy import Deadlines
from engine.ids import ApprovalId, thread_of
from engine.ports import Work
from engine.rules.routing import Rule, Rulebook

HOUR = timedelta(hours=1)
POLICY = all_of(part(PAY))

pytestmark = pytest.mark.promise("P1")


@pytest.fixture
def room() -> Office:
    """Bob is on call, Carol takes over in an hour, and the schedule is slow."""
    made = office()
    made.shifts.put("pay", BOB, NOW - HOUR, NOW + HOUR)
    made.shifts.late.add("pay")
    made.rules.book = Rulebook((Rule(POLICY.rule, POLICY),))
    return made


async def asked(room: Office) -> ApprovalId:
    approval = await room.ask(an_approval(policy=POLICY, deadlines=Deadlines((HOUR / 2,), HOUR)))
    await room.settle()
    room.chat.messages.clear()
    return approval


def kept(room: Office, approval: ApprovalId) -> Consider:
    lane = Lane(thread_of(approval), f"card/{approval.rpartition('#')[2]}")
    found = room.lanes.waiting.get(lane, ())  # type: ignore[attr-defined]
    (only,) = [each for each in found if isinstance(each, Consider)]
    return only


async def test_an_act_is_kept_and_done_as_of_its_own_time_once_however_often_it_is_delivered(room: Office) -> None:
    approval = await asked(room)
    assert await room.desk.act(Act(approval, BOB, Doing.EXTEND, span=4 * HOUR)) is None
    consider = kept(room, approval)
    assert consider.click.at == NOW
    assert (await room.kept(approval)).extended == timedelta()
    await room.settle()
    for attempt in (2, 3):
        await room.perform(Work("again", Lane(thread_of(approval), "card"), consider, attempt, 1))
    await room.settle()
    assert (await room.kept(approval)).expires_at == NOW + 5 * HOUR
    (said,) = room.told(BOB)
    assert "kept" in said


@pytest.mark.promise("P6")
async def test_who_is_not_on_call_hears_it_later_and_nothing_is_done(room: Office) -> None:
    approval = await asked(room)
    assert await room.desk.act(Act(approval, CAROL, Doing.LOOK)) is None
    await room.settle()
    assert (await room.kept(approval)).looking == ()
    assert any("not an approver" in each for each in room.told(CAROL))


@pytest.mark.promise("P6")
async def test_it_is_handed_over_to_who_is_on_call_at_that_time(room: Office) -> None:
    room.shifts.put("pay", CAROL, NOW - HOUR, NOW + timedelta(seconds=5))
    approval = await asked(room)
    await room.desk.act(Act(approval, BOB, Doing.HAND_OVER, to=CAROL))
    room.clock.advance(9)
    await room.settle()
    assert (await room.kept(approval)).handed_to == CAROL


@pytest.mark.promise("P6")
async def test_a_source_that_never_answers_does_nothing(room: Office) -> None:
    room.shifts.silent.add("pay")
    approval = await asked(room)
    await room.desk.act(Act(approval, BOB, Doing.LOOK))
    await room.settle()
    assert (await room.kept(approval)).looking == ()
    assert any("Couldn't check" in each for each in room.told(BOB))
