"""A sentence that asks for a yes or no is a request for approval: the requester alone does not decide it."""

import pytest
from stories.world import World

ASKED = "HIGH risk on prod-db. Go on and delete it? (yes/no)"


@pytest.mark.promise("P6")
async def test_the_requester_cannot_say_yes_alone(world: World) -> None:
    await world.start("risky")
    card = await world.asked("prod-db", containing=ASKED)
    assert "Approval needed" in card.text
    assert card.buttons == ["Approve", "Reject", "Answer"]
    await world.alice.say("#deploys", "yes", thread=card)  # a comment
    await card.click("Approve", by=world.alice)
    await world.alice.expect_message("#deploys", containing="Somebody else", ephemeral=True)
    form = await card.open_form("Answer", by=world.bob)
    assert "This word is a decision here" in str((await form.submit({"Answer": "Yes"})).errors)
    await world.done()
    await card.click("Approve", by=world.bob)
    await card.becomes("Approved by <@U0BOB>", buttons=[])
    await world.alice.expect_message("#deploys", containing="prod-db is deleted.")
    await world.done("deleted prod-db")
    await world.nothing_else()


@pytest.mark.promise("P5")
async def test_a_rejection_reaches_the_node_as_a_no_with_its_reason(world: World) -> None:
    await world.start("risky")
    card = await world.asked("prod-db", containing=ASKED)
    form = await card.open_form("Reject")
    await form.submit({"Reason": "yes"})  # whatever is written there, it is no yes
    await card.becomes("Rejected by <@U0BOB>", buttons=[])
    await world.alice.expect_message("#deploys", containing="prod-db stays.")
    await world.done()
    await world.nothing_else()


async def test_in_a_direct_message_the_person_there_decides(world: World) -> None:
    await world.start("risky")
    await world.alice.say("dm", "prod-db")
    card = await world.alice.expect_card("dm", containing=ASKED)
    await card.click("Approve")
    await world.alice.expect_message("dm", containing="prod-db is deleted.")
    await world.done("deleted prod-db")
