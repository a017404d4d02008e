"""A bot dies right after it posted a copy of a card, and the next one would not post that copy."""

import asyncio

import pytest
from crash.harness import World
from fakes.patience import PATIENCE

RULE = {"when": {"tool": "deploy"}, "approvers": {"users": ["bob", "carol"], "quorum": 1}}


async def put_out(world: World, *, member: bool) -> None:
    """Bob is a member of #deploys, or not."""
    state = world.slack.workspace.state
    found = next(each for each in state.channels.values() if each.name == "deploys")
    others = found.members - {"U0BOB"}
    state.put_channel(found, members=sorted(others | {"U0BOB"} if member else others))


@pytest.mark.promise("P8")
async def test_a_copy_that_nobody_knew_of_is_found_and_tells_the_outcome(world: World) -> None:
    world.configure("deploy", approvals=[RULE])
    await put_out(world, member=False)
    first = world.begin("after:chat.copy:1")
    await world.ask("billing")
    await asyncio.to_thread(first.join, PATIENCE)
    assert world.killed == 1
    copy = await world.bob.expect_card("dm", containing="billing")
    await put_out(world, member=True)  # so nobody would send him a copy now
    async with world.kept_alive():
        carol = world.slack.person("carol")
        card = await carol.expect_card("#deploys", containing="billing")
        await world.at_rest()
        await card.click("Approve", by=carol)
        await copy.becomes("Approved by", buttons=[])
        await world.alice.expect_message("#deploys", containing="Shipped billing x2")
        await world.nothing_else()
