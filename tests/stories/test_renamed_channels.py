"""Channels are renamed, archived and deleted while the bot runs or not: it follows by id, and says what is wrong."""

from typing import Any

import pytest
from fakes.people import Person
from stories.world import TEAM, World, agent

from bot.config.problems import ConfigError
from engine.approvals.approval import Place
from engine.conversation import thread_id
from engine.ids import ChannelId, MessageTs

ELSEWHERE: dict[str, Any] = {"when": {"agent": "*"}, "approvers": {"users": ["bob"]}, "post_to": "#approvals"}
PLAIN = {"input": {"action_details": "$text"}, "reply": "status"}
TWO = {
    "first": agent("yes_or_no", **PLAIN),
    "second": agent("yes_or_no", **PLAIN, channels=["#refunds"]),
}


def metric(world: World, name: str) -> float | None:
    return world.bot.metrics.registry.get_sample_value(name)


@pytest.mark.promise("P10")
@pytest.mark.parametrize("when", ["while it runs", "while it is down"])
async def test_a_renamed_channel_is_followed(world: World, when: str) -> None:
    await world.start("yes_or_no", approvals=[ELSEWHERE])
    if when == "while it is down":
        await world.stop()
    await world.carol.renames("#deploys", "ship-it")
    await world.carol.renames("#approvals", "decisions")
    if when == "while it is down":
        await world.run()
    await world.alice.say("#ship-it", "@signoff drop the table")
    card = await world.bob.expect_card("#decisions", containing="drop the table")
    await world.signpost("#ship-it")
    await card.click("Approve")
    await world.alice.expect_message("#ship-it", containing="approved")
    await world.nothing_else()


@pytest.mark.promise("P6")
@pytest.mark.promise("P10")
async def test_a_new_channel_of_the_old_name_is_not_taken_for_it(world: World) -> None:
    """Approvals go to the people they went to before, and to nobody else."""
    await world.start("yes_or_no", approvals=[ELSEWHERE])
    await world.stop()
    await world.carol.renames("#approvals", "approvals-old")
    await world.carol.creates("#approvals")
    await world.carol.invites_bot("#approvals")
    await world.run()
    await world.alice.say("#deploys", "@signoff drop the table")
    await world.bob.expect_card("#approvals-old", containing="drop the table")
    await world.signpost()
    await world.at_rest()
    assert not [each for each in await world.bob.messages("#approvals") if each.from_bot]
    await world.nothing_else()


GONE = {"archived": Person.archives, "without the bot": Person.removes_bot, "deleted": Person.destroys}


@pytest.mark.promise("P10")
@pytest.mark.parametrize("how", list(GONE))
async def test_a_channel_that_is_gone_takes_down_its_own_agent_only(world: World, how: str) -> None:
    await world.start(agents=TWO)
    assert metric(world, "signoff_channels_closed") == 0
    await GONE[how](world.carol, "#refunds")
    assert metric(world, "signoff_channels_closed") == 1
    await world.restart()
    assert metric(world, "signoff_channels_closed") == 1
    card = await world.asked("drop the table")
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="approved")
    await world.nothing_else()


@pytest.mark.promise("P5")
@pytest.mark.promise("P10")
async def test_requests_of_a_rule_whose_channel_is_deleted_go_nowhere_else(world: World) -> None:
    await world.start("yes_or_no", approvals=[ELSEWHERE])
    await world.stop()
    world.slack.workspace.dispatcher._retry_after = ()  # nobody ever tells the bot
    await world.carol.destroys("#approvals")
    await world.carol.creates("#approvals")
    await world.carol.invites_bot("#approvals")
    await world.run()
    await world.alice.say("#deploys", "@signoff drop the table")
    told = await world.alice.expect_message("#deploys", containing="was deleted", ephemeral=True)
    assert "<#C0APPROVALS>" in told.text
    await world.at_rest()
    assert len(await world.bot.ports.backlog.all()) == 1
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P10")
async def test_a_channel_that_opens_again_has_its_agent_without_a_restart(world: World) -> None:
    await world.start(agents=TWO)
    await world.carol.archives("#refunds")
    await world.restart()
    await world.carol.unarchives("#refunds")
    assert metric(world, "signoff_channels_closed") == 0
    await world.asked("refund it", channel="#refunds")


@pytest.mark.promise("P10")
async def test_a_name_that_no_channel_has_does_not_start(world: World) -> None:
    with pytest.raises(ConfigError) as raised:
        await world.start(agents={"first": agent("yes_or_no", channels=["#deplyos"])})
    assert 'the bot sees no channel #deplyos. Did you mean "#deploys"?' in str(raised.value)


@pytest.mark.promise("P8")
@pytest.mark.promise("P9")
@pytest.mark.parametrize("posted", [True, False], ids=["its card was posted", "its card was not posted yet"])
async def test_a_request_whose_channel_is_deleted_ends_visibly(
    world: World,
    posted: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Nobody can ever see it there: it is withdrawn, audited, and whoever asked is told; what was held goes on."""
    await world.start("yes_or_no", approvals=[ELSEWHERE])
    if not posted:
        await world.carol.removes_bot("#approvals")
    said = await world.alice.say("#deploys", "@signoff drop the table")
    if posted:
        await world.bob.expect_card("#approvals", containing="drop the table")
        await world.signpost()
        await world.carol.destroys("#approvals")
        await world.at_rest()
        await world.alice.say("#deploys", "@signoff drop the view", thread=said.ts)
        await world.alice.expect_message("#deploys", containing="Queued", ephemeral=True)
    else:
        await world.alice.expect_message("#deploys", containing="I'm not a member of it", ephemeral=True)
        await world.carol.destroys("#approvals")
    told = await world.alice.expect_message("#deploys", containing="so I withdrew it", ephemeral=True)
    assert "<#C0APPROVALS>" in told.text
    await world.at_rest()
    rows = await world.bot.ports.audit.of_thread(thread_id(Place(TEAM, ChannelId("C0DEPLOYS"), MessageTs(said.ts))))
    assert ("withdrawn", "there is nobody who could see it") in [(row.what.value, row.detail) for row in rows]
    assert await world.bot.ports.backlog.all() == []
    await world.done()


@pytest.mark.promise("P8")
async def test_who_asked_in_a_channel_that_is_deleted_is_told_directly(world: World) -> None:
    await world.start("yes_or_no")
    await world.asked("drop the table")
    await world.carol.destroys("#deploys")
    await world.alice.expect_message("dm", containing="so I withdrew it")
    await world.at_rest()
    assert await world.bot.ports.backlog.all() == []
    await world.nothing_else()
