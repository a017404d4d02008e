"""The bot on a Redis Cluster of three nodes."""

import pytest
from fakes import servers
from fakes.servers import ring, whole_ring
from stories.world import World

__all__ = ["ring", "whole_ring"]


@pytest.mark.promise("P1")
async def test_a_card_is_decided(ring: servers.Cluster, world: World) -> None:
    world.redis_url = ring.url
    await world.start("yes_or_no")
    await world.alice.say("#deploys", "@signoff drop the old table")
    card = await world.bob.expect_card("#deploys", containing="drop the old table")
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="approved")
    await card.becomes("Approved by", buttons=[])
