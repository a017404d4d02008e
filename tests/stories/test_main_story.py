"""The main story: somebody asks an agent, the agent asks for approval, somebody else decides, the agent goes on."""

import pytest
from stories.world import World

from bot.config.entries import Mode

both = pytest.mark.parametrize("mode", list(Mode))


@both
@pytest.mark.promise("P1")
@pytest.mark.promise("P9")
async def test_an_approved_action_is_done_once(world: World) -> None:
    await world.start("yes_or_no")
    await world.alice.say("#deploys", "@signoff drop the old table")
    card = await world.bob.expect_card("#deploys", containing="drop the old table")
    assert card.buttons == ["Approve", "Reject"]
    assert (await card.click("Approve")).acked

    await card.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="approved")
    await world.done("drop the old table")
    await world.audited(card, "asked", "voted by bob: approve", "decided by bob", "delivered")
    await world.nothing_else()


@both
@pytest.mark.promise("P4")
async def test_an_edited_call_runs_with_what_the_card_shows(world: World) -> None:
    await world.start("review_tool_call")
    card = await world.asked("billing")
    form = await card.open_form("Edit")
    assert (await form.submit({"replicas": "four"})).errors
    assert not (await form.submit({"replicas": "4"})).errors

    shown = await card.becomes("Approved with changes by", buttons=[])
    assert "2 → 4" in shown.text
    await world.alice.expect_message("#deploys", containing="deployed x4")
    await world.done("deploy billing x4")
    await world.nothing_else()


@both
@pytest.mark.promise("P9")
async def test_the_reason_of_a_rejection_reaches_the_agent(world: World) -> None:
    await world.start("review_tool_call")
    card = await world.asked("billing")
    form = await card.open_form("Reject")
    await form.submit({"Reason": "there is a freeze"})

    await card.becomes("Rejected by", buttons=[])
    await world.alice.expect_message("#deploys", containing="there is a freeze")
    await world.done()
    await world.audited(card, "asked", "voted by bob: reject", "decided by bob", "delivered")
    await world.nothing_else()
