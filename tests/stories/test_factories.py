"""A graph that a factory makes for each run: people wait for it, Slack does not, and no decision is lost."""

import pytest
from fakes.people import Message
from stories.world import World

from bot.config.problems import ProblemsError


async def asked(world: World) -> Message:
    entry = {"graph": "made_for_each.py:graph", "channels": ["#deploys"], "input": {"task": "$text"}, "reply": "told"}
    await world.start(agents={"made": entry})
    return await world.asked("the migration")


@pytest.mark.promise("P1")
async def test_a_click_is_taken_at_once_while_the_factory_takes_its_time(world: World) -> None:
    card = await asked(world)
    world.outside.broken.add("held")
    await card.click("Approve")
    await card.becomes("Approved by", buttons=[])
    await world.done()
    world.outside.broken.clear()
    world.outside.door("factory").set()
    await world.alice.expect_message("#deploys", containing="the migration is done")
    await world.done("the migration for U0ALICE")
    await world.nothing_else()


@pytest.mark.promise("P1")
@pytest.mark.promise("P3")
async def test_a_decision_outlives_a_factory_that_fails(world: World) -> None:
    """What it connects to is down: the decision is delivered when it is back, also by another process."""
    card = await asked(world)
    world.outside.broken.add("factory")
    await card.click("Approve")
    await card.becomes("Approved by", buttons=[])
    await world.done()
    world.outside.broken.clear()
    await world.restart()
    await world.alice.expect_message("#deploys", containing="the migration is done")
    await world.done("the migration for U0ALICE")
    await world.nothing_else()


@pytest.mark.promise("P1")
async def test_a_bot_that_stops_while_a_factory_opens_leaves_the_decision_to_the_next_process(world: World) -> None:
    card = await asked(world)
    world.outside.broken.add("held")
    await card.click("Approve")
    await card.becomes("Approved by", buttons=[])
    await world.stop()
    world.outside.broken.clear()
    await world.run()
    await world.alice.expect_message("#deploys", containing="the migration is done")
    await world.done("the migration for U0ALICE")
    await world.nothing_else()


async def test_a_bot_whose_graph_lost_its_connection_ends_with_the_cause(world: World) -> None:
    """It would serve on with what is closed; a supervisor starts it again."""
    entry = {"graph": "keeps_open.py:graph", "channels": ["#deploys"], "input": {"task": "$text"}, "reply": "task"}
    await world.start(agents={"keeps": entry})
    world.outside.door("connection").set()
    with pytest.raises(ProblemsError, match="keeps open failed: ConnectionError: the MCP server went away"):
        await world.fails()
    world.outside.door("connection").clear()
    await world.run()
