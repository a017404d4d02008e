"""What waited under the version before is decided by this one."""

from datetime import timedelta

import pytest
import redis
from contracts.lanes_contract import served
from contracts.office import office
from contracts.samples import BOB, CAROL, EVE, NOW, OF_THE_VERSION_BEFORE, THREAD, a_policy, an_approval
from contracts.waiting import wait_until
from fakes.valkey import redis_server, redis_url

from adapters.memory import ManualClock
from adapters.redis.keys import Keys
from adapters.redis.lanes.lanes import RedisLanes
from adapters.redis.stores.approvals import RedisApprovals
from adapters.redis.transport.multiplexed import Multiplexed
from engine.approvals.approval import State
from engine.asks.ask import Choice, Decision
from engine.rules.routing import Rule, Rulebook
from engine.sentences.refusals import AlreadyVoted, Expired, NotAnApprover

__all__ = ["redis_server", "redis_url"]
KEYS = Keys()
APPROVAL = an_approval().id


@pytest.mark.promise("P1")
@pytest.mark.promise("P6")
@pytest.mark.parametrize("hours", [1, 5])
async def test_a_request_that_waits_when_the_bot_is_upgraded_keeps_its_vote_and_its_deadline(
    redis_url: str, hours: int
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set(KEYS.approval(THREAD, APPROVAL), b"4 write\n" + OF_THE_VERSION_BEFORE)
        client.sadd(KEYS.open(THREAD), APPROVAL.rpartition("#")[2])
    async with Multiplexed.from_url(redis_url) as database:
        clock = ManualClock(NOW + timedelta(hours=hours))
        lanes = RedisLanes(database, KEYS, redis_url, now=clock.now)
        room = office(RedisApprovals(database, KEYS), lanes, clock)
        room.rules.book = Rulebook((Rule("approvals[0]", a_policy(BOB, CAROL, quorum=2)),))
        async with served(lanes, room.perform):
            if hours > 4:  # its deadline passed while the bot was upgraded
                await wait_until(lambda: room.resumed == 1)
                refusal = await room.click(APPROVAL, CAROL, revision=3)
                assert refusal == Expired(NOW + timedelta(hours=5))
                assert (await room.kept(APPROVAL)).decisions[0].choice is Choice.REJECT
                return
            assert await room.click(APPROVAL, EVE) == NotAnApprover(a_policy(BOB, CAROL).sources)
            assert await room.click(APPROVAL, BOB) == AlreadyVoted()
            assert await room.click(APPROVAL, CAROL) is None
            await wait_until(lambda: room.resumed == 1)
        decided = await room.kept(APPROVAL)
    assert decided.state is State.DECIDED
    assert decided.decisions == (Decision(Choice.EDIT, {"of": "less"}),)
    assert decided.deciders == (BOB, CAROL)
