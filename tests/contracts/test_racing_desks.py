"""Two processes over one Redis take clicks on the same request at the same time: one outcome, by those who may."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import permutations

import pytest
import redis
from contracts.lanes_contract import served
from contracts.office import Office, office
from contracts.panel import DEV, PAY, all_of, part, rung, stages
from contracts.samples import ALICE, BOB, CAROL, EVE, GINA, NOW, an_approval
from contracts.waiting import wait_until
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.redis.keys import Keys
from adapters.redis.lanes.lanes import RedisLanes
from adapters.redis.stores.approvals import RedisApprovals
from adapters.redis.stores.audit import RedisAudit
from adapters.redis.transport.multiplexed import Multiplexed
from engine.approvals.approval import Approval, State
from engine.approvals.audit import What
from engine.approvals.events import Act, Doing
from engine.asks.ask import Choice
from engine.authority.parts import Part
from engine.authority.policy import Policy, person
from engine.ids import ApprovalId, UserId
from engine.rules.routing import Rule, Rulebook
from engine.sources import Source

KEYS = Keys()
PEOPLE = (ALICE, BOB, CAROL, EVE, GINA)
POLICIES = (
    all_of(part(DEV, quorum=2), reject_quorum=2),
    all_of(part(DEV), part(PAY)),
    stages(part(DEV), part(PAY, person(EVE))),
    all_of(part(DEV, quorum=3), ladder=(rung(15, person(EVE)),)),
)
any_click = st.tuples(
    st.integers(0, 1),
    st.sampled_from(PEOPLE),
    st.sampled_from([Choice.APPROVE, Choice.APPROVE, Choice.APPROVE, Choice.REJECT, Choice.EDIT, "withdraw"]),
)
Clicks = Sequence[tuple[int, UserId, Choice | str]]


async def clicked(room: Office, approval: ApprovalId, click: tuple[int, UserId, Choice | str]) -> bool:
    """Whether a click counted, or was kept."""
    desk, by, choice = room.desks[click[0]], click[1], click[2]
    if isinstance(choice, Choice):
        value = {"of": "less"} if choice is Choice.EDIT else None
        return await room.click(approval, by, choice, value=value, at_desk=desk) is None
    return await desk.act(Act(approval, by, Doing.WITHDRAW)) is None


def seated(places: Sequence[Part], voters: Sequence[UserId], members: dict[Source, set[UserId]]) -> bool:
    """Whether these people fill all places, each one: every order is tried."""

    def fits(user: UserId, place: Part) -> bool:
        return any(user == each.name or user in members.get(each, set()) for each in place.sources)

    return any(
        all(fits(user, place) for user, place in zip(order, places, strict=True))
        for order in permutations(voters, len(places))
    )


def is_rightly_decided(approval: Approval, members: dict[Source, set[UserId]]) -> bool:
    """Whether enough distinct people who may have decided it."""
    (review,) = approval.reviews
    assert review.decision is not None
    assert ALICE not in review.deciders
    assert len(set(review.deciders)) == len(review.deciders)
    if review.decision.choice is Choice.REJECT:
        return len(review.deciders) >= review.policy.reject_quorum
    places = [each for each in review.policy.parts for _ in range(each.quorum)]
    return seated(places, review.deciders, members)


async def raced(url: str, policy: Policy, dev: set[UserId], pay: UserId, slow: bool, rounds: Sequence[Clicks]) -> None:  # noqa: FBT001
    async with Multiplexed.from_url(url) as database:
        lanes = RedisLanes(database, KEYS, url)
        room = office(RedisApprovals(database, KEYS), lanes)
        room.another(approvals=RedisApprovals(database, KEYS))
        room.rules.book = Rulebook((Rule(policy.rule, policy),))
        room.groups.members_of[DEV.name] = dev
        room.shifts.put("pay", pay)
        room.shifts.late |= {"pay"} if slow else set()
        async with served(lanes, room.perform):
            approval = await room.ask(an_approval(policy=policy))
            for clicks in rounds:
                await asyncio.gather(*(clicked(room, approval, each) for each in clicks))
            with redis.Redis.from_url(url) as client:
                await wait_until(lambda: not client.keys("*:mail:*"))
        kept = await room.kept(approval)
        rows = [row.what for row in await RedisAudit(database, KEYS).of_thread(kept.thread)]
    assert room.resumed == rows.count(What.DECIDED) == int(kept.state is State.DECIDED)
    assert rows.count(What.WITHDRAWN) == int(kept.withdrawn_by == ALICE)
    assert kept.state in (State.PENDING, State.DECIDED, State.STOPPED)
    if kept.state is State.DECIDED:
        assert is_rightly_decided(kept, {DEV: dev, PAY: {pay}})
    assert kept.created_at == NOW


@pytest.fixture
def url(redis_url: str) -> Iterator[str]:
    yield redis_url
    with suppress(redis.RedisError), redis.Redis.from_url(redis_url) as client:
        client.flushall()


@pytest.mark.promise("P2")
@pytest.mark.promise("P6")
def test_two_processes_that_take_clicks_at_once_have_one_outcome(url: str) -> None:
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(
        policy=st.sampled_from(POLICIES),
        dev=st.sets(st.sampled_from(PEOPLE), min_size=2),
        pay=st.sampled_from(PEOPLE),
        slow=st.booleans(),
        rounds=st.lists(st.lists(any_click, min_size=2, max_size=6), min_size=1, max_size=3),
    )
    def race(*, policy: Policy, dev: set[UserId], pay: UserId, slow: bool, rounds: list[Clicks]) -> None:
        with redis.Redis.from_url(url) as client:
            client.flushall()
        asyncio.run(raced(url, policy, dev, pay, slow, rounds))

    race()
