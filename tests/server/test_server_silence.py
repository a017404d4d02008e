"""A thread never goes silent, with the graphs on a LangGraph Server."""

from server.conftest import LangGraphServer
from server.test_server_patterns import done, start
from stories.world import World

BOUNDED = {"input": {"task": "$text"}, "reply": "status"}


async def test_a_state_beyond_its_schema_is_told_at_once_and_so_is_each_message_after_it(
    world: World, server: LangGraphServer
) -> None:
    await start(world, "bounded", server.url, **BOUNDED)
    await world.alice.say("#deploys", "@signoff too many")
    failure = await world.alice.expect_card("#deploys", containing="number: at most 100 can be ordered")
    await failure.click("Retry")
    await failure.becomes("Retried", buttons=[])
    failure = await world.alice.expect_card("#deploys", containing="number: at most 100 can be ordered")
    await world.alice.say("#deploys", "@signoff hello?", thread=failure)
    await world.alice.expect_message("#deploys", containing="Your message was not passed on")
    await world.nothing_else()


async def test_an_edit_that_the_schema_refuses_changes_nothing_and_is_asked_again(
    world: World, server: LangGraphServer
) -> None:
    await start(world, "bounded", server.url, **BOUNDED, interrupt_before=["order"])
    card = await world.asked("tables", containing="number")
    await (await card.open_form("Edit state")).submit({"number": "500"})
    await card.becomes("at most 100 can be ordered", buttons=[])
    again = await world.bob.expect_card("#deploys", containing="number")
    await (await again.open_form("Edit state")).submit({"number": "50"})
    asked = await world.bob.expect_card("#deploys", containing="Order 50 for porto?")
    await asked.click("Approve")
    await world.alice.expect_message("#deploys", containing="ordered 50")
    await done(server, "order 50 for porto")


async def test_a_turn_without_words_ends_with_the_tools_answer_the_fields_or_done(
    world: World, server: LangGraphServer
) -> None:
    await start(world, "endings", server.url)
    for told, said in (("use the tool", "It rains."), ("give me the fields", "Porto"), ("say nothing", "Done.")):
        await world.alice.say("dm", told)
        await world.alice.expect_message("dm", containing=said)
    await world.nothing_else()


async def test_tool_calls_that_were_left_open_are_closed(world: World, server: LangGraphServer) -> None:
    await start(world, "endings", server.url)
    await world.alice.say("dm", "fail in the call")
    await world.alice.expect_card("dm", containing="the call does not work today")
    await world.alice.say("dm", "what happened?")
    await world.alice.expect_message("dm", containing="Failed: RuntimeError: the call does not work today")
