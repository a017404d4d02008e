"""The bot on a Redis behind Sentinels: a fail-over between card and click loses nothing."""

from collections.abc import Iterator

import pytest
from fakes import servers
from fakes.valkey import wait_until
from stories.world import World


@pytest.fixture
def service() -> Iterator[servers.Watched]:
    """A primary, a replica and a Sentinel."""
    with servers.watched() as service:
        yield service


@pytest.mark.promise("P1")
async def test_a_card_is_decided_after_the_primary_has_died(service: servers.Watched, world: World) -> None:
    world.redis_url = service.url
    await world.start("yes_or_no")
    await world.alice.say("#deploys", "@signoff drop the old table")
    card = await world.bob.expect_card("#deploys", containing="drop the old table")
    wait_until(lambda: service.primary.client.wait(1, 100) == 1, "the replica has it all")
    service.primary.kill()
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="approved")
    await card.becomes("Approved by", buttons=[])
