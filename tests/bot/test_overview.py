"""Whom requests wait for: those that are alike get one answer, and what differs in what counts gets its own."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from contracts.samples import ALICE, BOB, CAROL, GINA, NOW, a_policy, an_approval, an_ask

from bot.inbound import overview
from bot.inbound.overview import Overviews
from bot.rules.facts import Authority
from engine.approvals.approval import Approval, Place, Vote
from engine.approvals.electorate import stage_for
from engine.asks.ask import Choice, Kind
from engine.authority.eligibility import AccountType, Facts
from engine.authority.parts import Part
from engine.authority.policy import CHANNEL, REQUESTER, Policy, one_part, person
from engine.ids import ChannelId, ThreadId, UserId
from engine.ports import Clock, Grants, Listing

PEOPLE = (ALICE, BOB, CAROL, GINA)


class Stored:
    """What is stored."""

    def __init__(self, *approvals: Approval) -> None:
        self.approvals = approvals

    async def pending(self, most: int = 0) -> Sequence[Approval]:
        return self.approvals[:most]


class Known:
    """Bob is in C1 and carol in C2; gina is a guest."""

    async def facts(self, user: UserId, place: Place, sources: Sequence[Any], *, patience: float = 0.0) -> Facts:
        del sources, patience
        account = AccountType.GUEST if user == GINA else AccountType.MEMBER
        return Facts(account, in_channel=(user, place.channel) in {(BOB, "C1"), (CAROL, "C2")})


def shown(*approvals: Approval) -> Overviews:
    return overviews(Stored(*approvals))


def overviews(stored: Stored) -> Overviews:
    listing, authority = cast("Listing", stored), cast("Authority", Known())
    grants, clock = cast("Grants", None), cast("Clock", None)

    async def revoke(*_: Any) -> bool:
        return False

    return Overviews(listing=listing, grants=grants, revoke=revoke, authority=authority, clock=clock)


def one(number: int, policy: Policy | None = None, *, kind: Kind = Kind.TOOL_CALL, by: UserId = ALICE) -> Approval:
    thread = ThreadId(f"T1:C1:100.{number:06}")
    return replace(an_approval(thread=thread, ask=an_ask(kind=kind), policy=policy), requester=by)


def voted(approval: Approval, user: UserId, choice: Choice = Choice.APPROVE) -> Approval:
    (review,) = approval.reviews
    return replace(approval, reviews=(replace(review, votes=(Vote(user, choice, NOW),)),))


def in_channel(approval: Approval, channel: str) -> Approval:
    return replace(approval, home=replace(approval.home, channel=ChannelId(channel)))


IN_TURN = Policy("approvals[1]", ((Part((person(BOB),)),), (Part((person(CAROL),)),)))
OF_CHANNEL, OWN = one_part("approvals[2]", CHANNEL), one_part("questions", REQUESTER)
DIFFERENT = (
    one(1),
    one(2, by=BOB),
    one(3, a_policy(BOB, CAROL, own_requests=True), by=BOB),
    voted(one(4, a_policy(BOB, CAROL, quorum=2)), BOB),
    one(5, a_policy(BOB, CAROL, quorum=2)),
    one(6, IN_TURN),
    one(7, OF_CHANNEL),
    in_channel(one(8, OF_CHANNEL), "C2"),
    in_channel(one(9), "C2"),
    one(10, OWN, kind=Kind.QUESTION),
    one(11, OWN, kind=Kind.QUESTION, by=BOB),
    one(12, OWN, kind=Kind.FAILURE, by=GINA),
    one(13, OWN, kind=Kind.NOTICE, by=GINA),
    one(14, kind=Kind.NOTICE),
)


@pytest.mark.parametrize("user", PEOPLE)
async def test_a_list_has_exactly_those_that_would_wait_for_the_person_alone(user: UserId) -> None:
    alone = [each for each in DIFFERENT if (await shown(each).waiting_for(user)).approvals]
    assert 0 < len(alone) < len(DIFFERENT)
    together = await shown(*DIFFERENT).waiting_for(user)
    assert [each.id for each in together.approvals] == [each.id for each in alone]
    assert together.unsure == 0


async def test_who_voted_on_one_of_two_that_were_alike_is_waited_for_by_the_other() -> None:
    stored = Stored(one(1, IN_TURN), one(2, IN_TURN))
    made = overviews(stored)
    assert [len((await made.waiting_for(each)).approvals) for each in (BOB, CAROL)] == [2, 0]
    stored.approvals = (voted(one(1, IN_TURN), BOB), stored.approvals[1])
    assert [each.id for each in (await made.waiting_for(BOB)).approvals] == [one(2).id]


async def test_the_rules_are_asked_once_for_requests_that_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    def counting(*given: Any) -> int | None:
        nonlocal asked
        asked += 1
        return stage_for(*given)

    monkeypatch.setattr(overview, "stage_for", counting)
    made = shown(
        *(one(number) for number in range(300)), *(in_channel(one(number), "C2") for number in range(300, 310))
    )
    assert len((await made.waiting_for(BOB)).approvals) == 310
    assert asked == 1
