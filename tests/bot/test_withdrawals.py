"""A withdrawal in words and an approval at the same time: one outcome, and both hear the truth (P2)."""

import asyncio

import pytest
from contracts.office import Office, office
from contracts.samples import ALICE, BOB, THREAD, a_policy, an_approval

from engine.approvals.approval import State
from engine.approvals.effects import Withdraw
from engine.ids import ApprovalId
from engine.rules.routing import Rule, Rulebook

pytestmark = pytest.mark.promise("P2")


@pytest.fixture
def room() -> Office:
    made = office()
    policy = a_policy(BOB)
    made.rules.book = Rulebook((Rule(policy.rule, policy),))
    return made


async def asked(room: Office, number: int = 1) -> ApprovalId:
    return await room.ask(an_approval(interrupt=f"i{number}", policy=a_policy(BOB)))


async def test_who_withdraws_what_was_approved_hears_that(room: Office) -> None:
    approval = await asked(room)
    await room.click(approval, BOB)
    await room.decisions[0].withdraw_all(Withdraw(THREAD, (approval,), ALICE))
    await room.settle()
    assert (await room.kept(approval)).state is State.DECIDED
    (said,) = room.told(ALICE)
    assert f"already approved by <@{BOB}>" in said


@pytest.mark.parametrize("first", ["click", "words"])
async def test_at_the_same_time_one_of_them_counts(room: Office, first: str) -> None:
    approval = await asked(room)
    both = [room.click(approval, BOB), room.decisions[0].withdraw_all(Withdraw(THREAD, (approval,), ALICE))]
    await asyncio.gather(*(both if first == "click" else reversed(both)))
    await room.settle()
    known = await room.kept(approval)
    assert known.state in (State.DECIDED, State.STOPPED)
    loser = ALICE if known.state is State.DECIDED else BOB
    (said,) = room.told(loser)
    assert "Your click had no effect" in said
    assert not room.told(BOB if loser == ALICE else ALICE)


async def test_several_are_withdrawn_and_doing_it_again_tells_nobody_anything(room: Office) -> None:
    approvals = tuple([await asked(room, number) for number in range(3)])
    await room.click(approvals[1], BOB)
    for _ in range(2):
        await room.decisions[0].withdraw_all(Withdraw(THREAD, approvals, ALICE))
    await room.settle()
    states = [(await room.kept(each)).state for each in approvals]
    assert states == [State.STOPPED, State.DECIDED, State.STOPPED]
    rows = [each.what.value for each in await room.audit.of_thread(THREAD)]
    assert rows.count("withdrawn") == 2
