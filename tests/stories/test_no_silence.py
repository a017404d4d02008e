"""A thread never goes silent: every turn ends with something that its people can read."""

import pytest
from stories.world import World


@pytest.mark.parametrize("where", ["#deploys", "dm"])
async def test_a_turn_without_words_ends_with_the_tools_answer_the_fields_or_done(world: World, where: str) -> None:
    await world.start("endings")
    mention = "@signoff " if where == "#deploys" else ""
    root = await world.alice.say(where, f"{mention}use the tool")
    thread = root.ts if where == "#deploys" else None
    await world.alice.expect_message(where, containing="It rains.")
    await world.alice.say(where, f"{mention}give me the fields", thread=thread)
    said = await world.alice.expect_message(where, containing="Porto")
    assert said.text.split() == ["place:", "Porto", "days:", "3"]
    for told in ("say nothing", "an empty message", "an empty message once more"):
        await world.alice.say(where, f"{mention}{told}", thread=thread)
        done = await world.alice.expect_message(where, containing="Done.")
        assert done.text == "Done."
    await world.nothing_else()


async def test_a_decision_after_which_the_agent_says_nothing_ends_with_done(world: World) -> None:
    await world.start("endings")
    card = await world.asked("ask somebody", containing="Go on?")
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="Done.")
    await card.becomes("Approved by <@U0BOB>", buttons=[])
    await world.restart()
    await world.nothing_else()


async def test_a_reply_that_picks_nothing_is_done(world: World) -> None:
    await world.start("echo", reply="no_such_field")
    await world.alice.say("dm", "hello")
    await world.alice.expect_message("dm", containing="Done.")
    await world.nothing_else()
