"""A copy of a card that was posted by an attempt which was cut off before it could be stored."""

from dataclasses import replace
from datetime import timedelta

import pytest
from contracts.office import Office, office
from contracts.panel import PAY, all_of, part
from contracts.samples import BOB, CAROL, NOW, an_approval

from bot.outbound.calling import LATER
from engine.approvals.approval import Calling, Copy, Notify
from engine.approvals.effects import Call, DrawCopies, lane_of
from engine.approvals.events import Called
from engine.ids import ApprovalId, UserId
from engine.machine import step
from engine.ports import Change, Work
from engine.rules.routing import Rule, Rulebook

POLICY = all_of(part(PAY))
DAY = timedelta(days=1)

pytestmark = pytest.mark.promise("P8")


@pytest.fixture
def room() -> Office:
    made = office()
    made.shifts.put("pay", BOB, NOW, NOW + DAY)
    made.rules.book = Rulebook((Rule(POLICY.rule, POLICY),))
    return made


async def cut_off(room: Office) -> ApprovalId:
    """Begin to post copies for Bob and Carol, and die."""
    asked = await room.ask(replace(an_approval(policy=POLICY), calling=Calling(Notify.DIRECT)))
    await room.settle()
    before = await room.kept(asked)
    begun = step(before, Called((), copying=(BOB, CAROL)), NOW)
    assert await room.approvals.save(Change(begun.approval, begun.effects, begun.entries))
    room.passed.clear()
    return asked


async def arrives(room: Office, asked: ApprovalId, user: UserId) -> Copy:
    """Slack posts what it was asked to post."""
    copy = await room.chat.copy((await room.kept(asked),), user, 1)
    assert copy is not None
    return copy


async def delivered(room: Office, asked: ApprovalId, name: str, attempt: int) -> None:
    call = Call(asked)
    await room.outboxes[0].perform(Work(name, lane_of(call), call, attempt, 1))
    await room.settle()


async def test_it_is_drawn_with_the_outcome_where_the_request_was_decided_meanwhile(room: Office) -> None:
    asked = await cut_off(room)
    copy = await arrives(room, asked, BOB)
    assert await room.click(asked, BOB) is None
    await delivered(room, asked, "call", 2)
    assert (await room.kept(asked)).copies == (copy,)
    assert DrawCopies(asked) in room.passed


async def test_it_is_kept_where_its_reader_would_not_be_called_any_more(room: Office) -> None:
    asked = await cut_off(room)
    copy = await arrives(room, asked, BOB)
    room.shifts.shifts["pay"] = [(CAROL, NOW, NOW + DAY)]
    await delivered(room, asked, "call", 2)
    kept = await room.kept(asked)
    assert copy in kept.copies
    assert kept.called == (BOB, CAROL)


async def test_one_that_slack_posts_late_is_found_by_a_last_look(room: Office) -> None:
    asked = await cut_off(room)
    assert await room.click(asked, BOB) is None
    await delivered(room, asked, "call", 2)
    assert not (await room.kept(asked)).copies
    late = await arrives(room, asked, CAROL)
    room.clock.advance(60)
    await room.settle()
    (call,) = [each for each in room.passed if isinstance(each, Call)]
    await delivered(room, asked, f"{LATER}timer", 1)
    kept = await room.kept(asked)
    assert call == Call(asked)
    assert kept.copies == (late,)
    assert not kept.copying
    assert DrawCopies(asked) in room.passed


async def test_copies_are_drawn_again_after_a_change_that_slack_did_not_answer(room: Office) -> None:
    asked = await cut_off(room)
    await arrives(room, asked, BOB)
    await delivered(room, asked, "call", 2)
    copies = DrawCopies(asked)
    await room.outboxes[0].perform(Work("copies", lane_of(copies), copies, 2, 1))
    room.passed.clear()
    room.clock.advance(60)
    await room.settle()
    assert copies in room.passed
