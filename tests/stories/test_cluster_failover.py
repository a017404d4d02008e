"""The bot on a cluster whose slots move and whose nodes die while people click."""

import asyncio
from collections.abc import Iterator

import pytest
from fakes import servers
from fakes.people import Message
from fakes.servers import Move
from fakes.valkey import wait_until
from stories.world import World

from adapters.redis.keys import Keys
from adapters.redis.transport.slots import slot_of

REQUESTS = 24
AT_ONCE = 4


@pytest.fixture
def six() -> Iterator[servers.Cluster]:
    """Three primaries and a replica of each."""
    with servers.cluster(replicas=3) as six:
        yield six


async def many_asked(world: World) -> list[Message]:
    """The cards of many conversations."""
    for number in range(REQUESTS):
        await world.alice.say("#deploys", f"@signoff drop table {number:02}")
    return [await world.bob.expect_card("#deploys", containing=f"drop table {number:02}") for number in range(REQUESTS)]


def slot_of_card(world: World, card: Message) -> int:
    return slot_of(("GET", Keys().open(world.thread(card)))) or 0


@pytest.mark.promise("P1")
@pytest.mark.promise("P2")
@pytest.mark.promise("P8")
async def test_every_click_that_was_acked_counts_once_while_slots_move_and_a_primary_dies(
    six: servers.Cluster, world: World
) -> None:
    """With `?wait=1`, a click is acked once a replica has it, so the node is killed whenever it happens to be."""
    world.redis_url = f"{six.url}?wait=1"
    await world.start("yes_or_no")
    cards = await many_asked(world)
    dying = max(six.primaries, key=lambda node: sum(six.having(slot_of_card(world, card)) is node for card in cards))
    moving = [slot_of_card(world, card) for card in cards if six.having(slot_of_card(world, card)) is not dying][:6]
    clicked = asyncio.Semaphore(AT_ONCE)
    acked: list[Message] = []
    left: list[int] = []

    async def click(card: Message) -> None:
        async with clicked:
            assert (await card.click("Approve")).acked
            acked.append(card)

    def move_and_kill() -> None:
        wait_until(lambda: len(acked) > REQUESTS // 6, "some are decided")
        before, after = moving[:3], moving[3:]
        for slot in before:
            Move(six, slot, six.having(slot), next(n for n in six.living if n not in (dying, six.having(slot)))).whole()
        dying.kill()
        left.append(REQUESTS - len(acked))
        for slot in after:
            Move.of(six, slot).whole()

    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.to_thread(move_and_kill))
        for card in cards:
            group.create_task(click(card))
    for number, card in enumerate(cards):
        shown = await card.becomes("Approved by", buttons=[])
        assert f"drop table {number:02}" in shown.text
        rows = await world.audit(card)
        assert (rows.count("voted by bob: approve"), rows.count("decided by bob")) == (1, 1)
    assert left[0] > AT_ONCE, "clicks came after the node was dead, too"
    world.redis_url = f"redis+cluster://127.0.0.1:{six.living[0].port}"
    await world.at_rest()
    assert set(world.outside.done) == {f"drop table {number:02}" for number in range(REQUESTS)}
