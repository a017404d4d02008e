"""Timers that fire early, late or twice, by clocks that differ: none is lost, and none acts before its time (P5)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from contracts.office import Office, office
from contracts.panel import DEV, OPS, PAY, all_of, part, rung
from contracts.samples import BOB, CAROL, NOW, an_approval

from adapters.memory import ManualClock, MemoryLanes
from engine.approvals.approval import State
from engine.approvals.audit import What
from engine.approvals.effects import Timer, TimerFired
from engine.approvals.events import Act, Doing
from engine.authority.policy import Deadlines, OnExpiry, Policy, person
from engine.ids import ApprovalId
from engine.ports import Work
from engine.rules.routing import Rule, Rulebook

HOUR = timedelta(hours=1)
BOBS = all_of(part(person(BOB)))
pytestmark = pytest.mark.promise("P5")


async def asked(room: Office, policy: Policy = BOBS, deadlines: Deadlines | None = None) -> ApprovalId:
    room.rules.book = Rulebook((Rule(policy.rule, policy),))
    due = deadlines or Deadlines(expires_after=HOUR)
    approval = await room.ask(replace(an_approval(policy=policy), deadlines=due))
    await room.settle()
    return approval


async def by_a_clock_behind(room: Office, seconds: float) -> None:
    """What the lanes hold is performed by a process whose clock is behind the one that fires the timers."""
    behind = ManualClock(room.clock.now() - timedelta(seconds=seconds))
    room.another(behind)

    async def perform(work: Work) -> None:
        await room.perform(work, outbox=-1)

    assert isinstance(room.lanes, MemoryLanes)
    await room.lanes.run_until_idle(perform)


async def test_a_timer_that_is_early_by_the_clock_of_who_handles_it_waits_and_blocks_nothing() -> None:
    room = office()
    approval = await asked(room)
    room.clock.advance(3600)
    await by_a_clock_behind(room, 1800)
    assert (await room.kept(approval)).state is State.PENDING
    assert isinstance(room.lanes, MemoryLanes)
    assert room.lanes.waiting == {}  # the card can be drawn meanwhile
    room.clock.advance(1799)
    await room.settle()
    assert (await room.kept(approval)).state is State.PENDING
    room.clock.advance(1)
    await room.settle()
    assert (await room.kept(approval)).state is State.DECIDED


async def test_a_timer_that_was_put_off_meanwhile_fires_at_its_new_time() -> None:
    room = office()
    approval = await asked(room)
    assert await room.desk.act(Act(approval, BOB, Doing.EXTEND, span=HOUR)) is None
    await room.lanes.put(TimerFired(approval, Timer.EXPIRE, NOW + HOUR), "of the time before")
    room.clock.advance(3600)
    await room.settle()
    assert (await room.kept(approval)).state is State.PENDING
    room.clock.advance(3600)
    await room.settle()
    assert (await room.kept(approval)).state is State.DECIDED


async def test_after_it_was_put_off_a_timer_is_not_lost_to_a_clock_that_is_behind() -> None:
    """It fires again at the very time at which it was early before: the lane must not take it for the same."""
    room = office()
    approval = await asked(room)
    await room.desk.act(Act(approval, BOB, Doing.EXTEND, span=HOUR))
    await room.settle()
    room.clock.advance(7200)
    await by_a_clock_behind(room, 2)
    assert (await room.kept(approval)).state is State.PENDING
    room.clock.advance(2)
    await room.settle()
    assert (await room.kept(approval)).state is State.DECIDED


async def test_a_timer_of_the_version_before_that_is_early_is_not_lost() -> None:
    room = office()
    approval = await asked(room)
    await room.lanes.clear_timer(approval, Timer.EXPIRE)
    await room.lanes.put(TimerFired(approval, Timer.EXPIRE), "timer of the version before")
    room.clock.advance(3590)
    await room.settle()
    assert (await room.kept(approval)).state is State.PENDING
    room.clock.advance(20)
    await room.settle()
    assert (await room.kept(approval)).state is State.DECIDED


async def test_a_ladder_that_came_due_while_the_bot_was_down_is_one_notice() -> None:
    room = office()
    ladder = (rung(10, person(CAROL)), rung(20, OPS), rung(30, DEV))
    approval = await asked(room, replace(BOBS, ladder=ladder), Deadlines())
    room.clock.advance(40 * 60)
    await room.settle()
    assert (await room.kept(approval)).reviews[0].escalated == 3
    rows = [row for row in room.audit.entries if row.what is What.ESCALATED]
    assert len(rows) == 1


async def test_a_step_with_nobody_on_it_is_passed_at_once_by_the_ladder_and_by_the_expiry() -> None:
    room = office()
    room.shifts.put("pay", CAROL)
    ladder = (rung(10, OPS), rung(60, PAY))
    by_time = await asked(room, replace(BOBS, ladder=ladder), Deadlines())
    room.clock.advance(10 * 60)
    await room.settle()
    assert (await room.kept(by_time)).reviews[0].escalated == 2

    room = office()
    room.shifts.put("pay", CAROL)
    due = Deadlines(expires_after=timedelta(minutes=5), on_expiry=OnExpiry.ESCALATE)
    by_expiry = await asked(room, replace(BOBS, ladder=ladder), due)
    room.clock.advance(5 * 60)
    await room.settle()
    assert (await room.kept(by_expiry)).reviews[0].escalated == 2
    assert await room.click(by_expiry, CAROL) is None


@pytest.mark.promise("P1")
async def test_an_extension_that_was_kept_and_delivered_twice_counts_once() -> None:
    room = office()
    room.shifts.put("pay", BOB)
    room.shifts.late.add("pay")
    approval = await asked(room, all_of(part(PAY)))
    act = Act(approval, BOB, Doing.EXTEND, span=HOUR)
    assert await room.desk.act(act) is None
    await room.settle()
    assert (await room.kept(approval)).extended == HOUR
    await room.decisions[0].consider(replace(act, at=NOW))
    assert (await room.kept(approval)).extended == HOUR
