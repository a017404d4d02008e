"""A card decides where it stands: its blocks in another message decide nothing (P6)."""

import pytest
from fakes.people import Message
from stories.world import World, agent

from adapters.slack.workspace.client import web_client


async def copied(world: World, card: Message, channel: str, *, containing: str) -> Message:
    """Whoever has the bot's token posts the card's blocks once more."""
    environment = world.slack.environment()
    async with web_client(environment["SLACK_BOT_TOKEN"], environment["SLACK_API_URL"]) as client:
        await client.chat_postMessage(channel=channel, text="a copy", blocks=card.shown["blocks"])
    return await world.bob.expect_card(channel, containing=containing)


@pytest.mark.promise("P6")
@pytest.mark.promise("P9")
async def test_a_copy_in_another_channel_decides_nothing_and_says_so(world: World) -> None:
    await world.start("yes_or_no")
    card = await world.asked("drop the table")
    copy = await copied(world, card, "#general", containing="drop the table")
    assert (await copy.click("Approve", by=world.bob)).acked
    told = await world.bob.expect_message("#general", containing="This is a copy of the request", ephemeral=True)
    assert "<#C0DEPLOYS>" in told.text
    await world.audited(card, "asked", "refused by bob: not_the_card")
    await world.done()

    await card.click("Approve", by=world.bob)
    await world.alice.expect_message("#deploys", containing="approved")
    await world.done("drop the table")
    await world.nothing_else()


@pytest.mark.promise("P6")
@pytest.mark.parametrize("button", ["Edit", "Reject"])
async def test_a_copy_opens_no_form(world: World, button: str) -> None:
    await world.start("review_tool_call")
    card = await world.asked("billing")
    copy = await copied(world, card, "#general", containing="billing")
    await copy.click(button, by=world.bob)
    await world.bob.expect_message("#general", containing="This is a copy of the request", ephemeral=True)
    assert (await world.bob.state())["view"] is None
    await world.audited(card, "asked", "refused by bob: not_the_card")
    await world.nothing_else()


@pytest.mark.promise("P6")
async def test_approve_all_on_a_copy_approves_nothing(world: World) -> None:
    await world.start(agents={"many": agent("many_asks", input={"task": "$text"}, reply="told")})
    await world.alice.say("#deploys", "@signoff the move")
    sheet = await world.bob.expect_card("#deploys", containing="May I do step 1")
    copy = await copied(world, sheet, "#general", containing="May I do step 1")
    await copy.click("Approve all 6", by=world.bob)
    await world.bob.expect_message("#general", containing="This is a copy of the request", ephemeral=True)
    await world.at_rest()
    assert (await sheet.now()).buttons == sheet.buttons
    await world.done()
    await world.nothing_else()
