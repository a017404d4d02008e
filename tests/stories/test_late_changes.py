"""Slack answers too late, and still does what it was asked to do: the last word on a card is the truth (P8)."""

import pytest
from fakes.people import held_calls
from stories.world import World

from engine.approvals.effects import Timer

BOTH = {"when": {"tool": "deploy"}, "approvers": {"users": ["bob", "carol"]}, "quorum": 2}
TIMEOUT = 2.0


@pytest.fixture
def slack_timeout() -> float:
    """The bot soon gives up waiting."""
    return TIMEOUT


async def held(world: World) -> None:
    """Slack has what it was asked to do, and has not done it."""
    await held_calls(world.slack.workspace.faults, 1)


@pytest.mark.promise("P8")
@pytest.mark.parametrize("restarted", [False, True], ids=["", "over a restart"])
async def test_a_change_that_slack_makes_late_leaves_no_live_buttons(
    world: World,
    restarted: bool,  # noqa: FBT001 - a parameter
) -> None:
    await world.start("review_tool_call", approvals=[BOTH])
    card = await world.asked("billing")
    await world.slack.people.fault(method="chat.update", hold=True)
    await card.click("Approve", by=world.bob)  # its redraw is made late: with buttons
    await held(world)
    await card.click("Approve", by=world.carol)
    await card.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="deployed x2")
    await world.at_rest()
    if restarted:
        await world.stop()
    await world.slack.people.fault(release=True)
    await card.becomes("1 of 2 approvals")
    assert "Approve" in (await card.now()).buttons, "Slack made the earlier change late"
    if restarted:
        await world.run()
    await world.falls_due(Timer.REDRAW, card)
    await card.becomes("Approved by", buttons=[])
    await world.done("deploy billing x2")
    await world.nothing_else()


@pytest.mark.promise("P8")
async def test_a_card_that_slack_posts_late_is_there_once_in_the_end(world: World) -> None:
    await world.start("yes_or_no")
    await world.slack.people.fault(method="chat.postMessage", hold=True)
    await world.alice.say("#deploys", "@signoff drop the table")
    await held(world)
    card = await world.bob.expect_card("#deploys", containing="drop the table")
    await world.at_rest()
    await world.slack.people.fault(release=True)
    copy = await world.bob.expect_card("#deploys", containing="drop the table")
    assert copy.ts != card.ts
    await world.falls_due(Timer.REDRAW, card)
    await copy.taken_back()
    assert [each.ts for each in await world.bob.messages("#deploys") if each.buttons] == [card.ts]
    await card.click("Approve")
    await card.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="approved")
    await world.done("drop the table")
    await world.nothing_else()


@pytest.mark.promise("P8")
async def test_a_card_that_was_drawn_at_once_is_not_drawn_again(world: World) -> None:
    await world.start("yes_or_no")
    card = await world.asked("drop the table")
    await card.click("Approve")
    shown = await card.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="approved")
    await world.slack.people.fault(method="chat.update", error="message_not_found")
    await world.restart()
    await world.at_rest()
    assert (await card.now()).shown == shown.shown
    await world.slack.people.fault(reset=True)
    await world.nothing_else()
