"""Grants at work: used at the same time, after a revocation, by somebody who is no longer on call."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from contracts.office import Office, office
from contracts.samples import BOB, CAROL, NOW, PLACE, THREAD, a_conversation, a_grant, an_approval, an_ask

from adapters.memory import MemoryGrants
from bot.rules.facts import Authority
from bot.rules.granting import Granting
from engine.approvals.approval import Calling, State
from engine.approvals.effects import GiveGrant
from engine.approvals.events import Automatic, Click
from engine.asks.ask import Choice
from engine.authority.policy import Deadlines, GrantTerms, Policy, one_part, person
from engine.ids import ApprovalId, InterruptId
from engine.ports import Asked
from engine.rules.grants import Grant
from engine.rules.routing import Route, Rule, Rulebook, Ruled
from engine.sources import Origin, Source

HOUR = timedelta(hours=1)
PAY, SRE = Source(Origin.ON_CALL, "pay"), Source(Origin.GROUP, "S0SRE")
POLICY = replace(one_part("approvals[0]", person(BOB), PAY, SRE), grants=GrantTerms(HOUR))
ARGS = {"of": "deploy"}

pytestmark = pytest.mark.promise("P6")


def route(policy: Policy = POLICY, **more: Any) -> Route:
    ruled = replace(Ruled(policy, Rule(policy.rule, policy)), **more)
    return Route((ruled,), Deadlines(), PLACE, Calling())


class Desks:
    """What a desk would ask of grants."""

    def __init__(self) -> None:
        self.office = office()
        room = self.office
        self.grants = MemoryGrants(room.audit)
        authority = Authority(roster=room.roster, groups=room.groups, on_call=room.shifts, clock=room.clock)
        self.granting = Granting(grants=self.grants, authority=authority, clock=room.clock)

    async def given(self, **more: Any) -> Grant:
        grant = replace(a_grant(0, args=ARGS, policy=POLICY), **more)
        assert await self.grants.give(grant)
        return grant

    async def decide(self, *, number: int = 1, route: Route | None = None, **asked: Any) -> Automatic | None:
        each = replace(Asked(InterruptId("i1"), an_ask(), "digest"), **asked)
        found = await self.granting.automatic(
            ApprovalId(f"{THREAD}#{number}"), each, a_conversation(), route or route_of()
        )
        return found[0] if found else None


def route_of() -> Route:
    return route()


@pytest.fixture
def desks() -> Desks:
    return Desks()


async def test_it_decides_the_same_call_and_says_whose_it_is(desks: Desks) -> None:
    grant = await desks.given()
    decided = await desks.decide()
    assert decided is not None
    assert (decided.decision.choice, decided.via, decided.by, decided.grant) == (Choice.APPROVE, "grant", BOB, grant.id)


async def test_only_where_the_rule_is_known_to_apply_and_asks_people(desks: Desks) -> None:
    await desks.given()
    assert await desks.decide(route=route(why="the condition failed")) is None
    assert await desks.decide(route=route(rule=None)) is None
    assert await desks.decide(route=route(replace(POLICY, grants=None))) is None
    assert await desks.decide(route=route(one_part("approvals[1]", person(BOB)))) is None


@pytest.mark.promise("P4")
async def test_what_was_decided_before_and_is_asked_again_is_looked_at_by_people(desks: Desks) -> None:
    await desks.given()
    assert await desks.decide(instead_of="an older digest") is None
    assert await desks.decide(ask=replace(an_ask(), caught=True)) is None


async def test_no_use_follows_a_revocation_however_many_ask_at_once(desks: Desks) -> None:
    grant = await desks.given()
    uses = [desks.decide(number=number) for number in range(10)]
    revoking = desks.granting.revoke(grant, CAROL)
    *used, revoked, after = await asyncio.gather(*uses, revoking, desks.decide(number=99))
    assert revoked
    assert await desks.decide() is None
    rows = [each.what.value for each in await desks.office.audit.of_thread(THREAD)]
    granted = [row for row in rows if row.startswith("grant_")]
    assert granted[-1] == "grant_revoked"
    assert granted.count("grant_used") == len([each for each in (*used, after) if each])


async def test_a_shift_that_ended_since_takes_nothing_back(desks: Desks) -> None:
    desks.office.shifts.put("pay", CAROL, NOW - HOUR, NOW + timedelta(minutes=1))
    room = desks.office
    room.rules.book = Rulebook((Rule(POLICY.rule, POLICY),))
    approval = await room.ask(an_approval(policy=POLICY))
    click = Click(approval, 0, 1, CAROL, Choice.APPROVE, allows=True)
    assert await room.desk.choose(click) is None
    decided = await room.kept(approval)
    assert decided.state is State.DECIDED
    await desks.granting.give(decided, 0)
    room.clock.advance(600)
    room.shifts.failing["pay"] = "the schedule is gone"
    found = await desks.decide()
    assert found is not None
    assert found.by == CAROL


async def test_who_left_their_group_or_is_no_member_allows_nothing(desks: Desks) -> None:
    await desks.given(by=(CAROL,))
    desks.office.groups.members_of["S0SRE"] = {CAROL}
    assert await desks.decide() is not None
    desks.office.groups.failing.add("S0SRE")
    assert await desks.decide() is None, "nobody can tell"
    desks.office.groups.failing.clear()
    desks.office.groups.members_of["S0SRE"] = set()
    assert await desks.decide() is None


@pytest.mark.promise("P1")
async def test_the_grant_of_a_click_is_kept_from_its_lane(desks: Desks) -> None:
    room: Office = desks.office
    room.rules.book = Rulebook((Rule(POLICY.rule, POLICY),))
    approval = await room.ask(an_approval(policy=POLICY))
    await room.desk.choose(Click(approval, 0, 1, BOB, Choice.APPROVE, allows=True))
    lanes: Any = room.lanes
    assert GiveGrant(approval, 0) in [each for lane in lanes.waiting.values() for each in lane]
    await room.settle()
    assert "granted" in [each.what.value for each in await room.audit.of_thread(THREAD)]
