"""Subgraphs, as nodes and called as functions: what asks two levels below the root is answered like any other.

https://docs.langchain.com/oss/python/langgraph/use-subgraphs
"""

import pytest
from stories.world import World


@pytest.mark.promise("P3")
@pytest.mark.parametrize("choice", ["Approve", "Reject"])
async def test_a_subgraph_of_a_subgraph_asks_and_the_one_above_asks_after_it(world: World, choice: str) -> None:
    await world.start("team")
    card = await world.asked("invoice 7", containing="Pay this invoice?")
    assert "Requested by <@U0ALICE> via *finance*" in card.text
    if choice == "Approve":
        await card.click("Approve")
    else:
        await (await card.open_form("Reject")).submit({"Reason": "paid twice"})
    await card.becomes("by <@U0BOB>", buttons=[])
    question = await world.alice.expect_card("#deploys", containing="Which account does it belong to?")
    await world.at_rest()
    await world.alice.say("#deploys", "travel", thread=question)
    told = "It is paid." if choice == "Approve" else "It is not paid."
    await world.alice.expect_message("#deploys", containing=f"{told} It is booked on travel.")
    await question.becomes("Answered by <@U0ALICE>", buttons=[])
    await world.done(*(["paid invoice 7"] if choice == "Approve" else []), "booked on travel")
    await world.nothing_else()


@pytest.mark.promise("P3")
@pytest.mark.parametrize("restarted", [False, True], ids=["at once", "after a restart"])
async def test_subgraphs_that_nodes_call_ask_one_thing_after_the_other(world: World, restarted: bool) -> None:  # noqa: FBT001
    await world.start("called_team")
    card = await world.asked("invoice 7", containing="Pay this invoice?")
    if restarted:
        await world.restart()
    for _ in range(2):
        await card.click("Approve", stale=True)  # the second click is for nobody
    await card.becomes("Approved by <@U0BOB>", buttons=[])
    await world.bob.expect_message("#deploys", containing="already approved", ephemeral=True)
    question = await world.alice.expect_card("#deploys", containing="Which account does it belong to?")
    await world.at_rest()
    await world.done()
    if restarted:
        await world.restart()
    await world.alice.say("#deploys", "travel", thread=question)
    await world.alice.expect_message("#deploys", containing="Paid: True, on travel.")
    await question.becomes("Answered by <@U0ALICE>", buttons=[])
    await world.done("paid: True, account: travel")
    await world.nothing_else()
