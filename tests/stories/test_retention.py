"""What is finished is forgotten after `retention`; what waits for a person is not."""

import redis
from stories.world import World

from adapters.redis.keys import Keys

DAY = 24 * 3_600


def ttl_of_states(world: World) -> list[int]:
    """How long each thread's checkpoints are still kept, in seconds; -1 is for ever."""
    with redis.Redis.from_url(world.redis_url) as client:
        return [int(client.ttl(key)) for key in client.scan_iter(match=f"{Keys().prefix}:*:state")]


async def test_a_thread_is_kept_while_it_waits_and_then_as_long_as_retention_says(world: World) -> None:
    await world.start("yes_or_no")
    card = await world.asked("drop the old table")
    await world.at_rest()
    assert ttl_of_states(world) == [-1]
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="approved")
    await world.at_rest()
    (kept,) = ttl_of_states(world)
    assert 29 * DAY < kept <= 30 * DAY
