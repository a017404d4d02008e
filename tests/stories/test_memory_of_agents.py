"""What an agent puts into its store is there in another conversation, also after a restart."""

from stories.world import World


async def test_a_note_of_one_conversation_is_read_in_the_next_after_a_restart(world: World) -> None:
    notes = {"graph": "memory.py:graph", "channels": ["#deploys"], "input": {"text": "$text"}, "reply": "reply"}
    await world.start(agents={"notes": notes})
    for text, said in (("milk", "noted beside nothing, 1 in all"), ("eggs", "noted beside milk, 2 in all")):
        card = await world.asked(text, channel="#deploys", containing=f"Note {text}?")
        await world.restart()
        await card.click("Approve", by=world.bob)
        await world.alice.expect_message("#deploys", containing=said)
    await world.nothing_else()
