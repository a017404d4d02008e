"""Several agents whose graphs stand in one file are run from one module, so that they share its classes."""

from stories.world import World

PARCELS = {"input": {"text": "$text"}, "reply": "status"}


async def test_each_of_two_agents_of_one_file_gets_its_state_back_as_it_stored_it(world: World) -> None:
    await world.start(
        agents={
            "letters": {"graph": "parcels.py:letters", "channels": ["#deploys"], **PARCELS},
            "freight": {"graph": "parcels.py:freight", "channels": ["#refunds"], **PARCELS},
        }
    )
    for channel, size in (("#deploys", "small"), ("#refunds", "large")):
        card = await world.asked("to Rome", channel=channel, containing=f"Send the {size} parcel?")
        await world.restart()
        await card.click("Approve", by=world.bob)
        await card.becomes("Approved by", buttons=[])
        await world.alice.expect_message(channel, containing="sent")
    await world.done("small to Rome", "large to Rome")
    await world.nothing_else()
