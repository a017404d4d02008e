"""Approve or reject: the node goes one way or the other by `Command(goto=...)`.

https://docs.langchain.com/oss/python/langgraph/interrupts#approve-or-reject
"""

from collections.abc import Mapping
from typing import Any

import pytest
from stories.world import World

OUTPUT: Mapping[str, Any] = {"input": {"llm_output": "$text"}, "reply": "decision"}
PLAIN: Mapping[str, Any] = {"input": {"action": "$text"}, "reply": "told"}


@pytest.mark.parametrize(("choice", "status", "done"), [("Approve", "approved", ["act"]), ("Reject", "rejected", [])])
async def test_each_outcome_goes_its_own_way(world: World, choice: str, status: str, done: list[str]) -> None:
    await world.start("yes_or_no")
    card = await world.asked("act")
    assert "Approve this action?" in card.text
    assert card.buttons == ["Approve", "Reject"]
    if choice == "Approve":
        await card.click("Approve")
    else:
        await (await card.open_form("Reject")).submit({"Reason": "not needed"})
    await world.alice.expect_message("#deploys", containing=status)
    shown = await card.becomes(status, buttons=[])
    assert ("not needed" in shown.text) == (choice == "Reject")
    await world.done(*done)
    await world.nothing_else()


@pytest.mark.parametrize(("choice", "path"), [("Approve", "Approved path"), ("Reject", "Rejected path")])
async def test_a_models_output_is_shown_and_each_outcome_updates_the_state(
    world: World, choice: str, path: str
) -> None:
    await world.start("llm_output", **OUTPUT)
    card = await world.asked("42 cats", containing="Do you approve the following output?")
    assert "This is the generated output: 42 cats" in card.text
    if choice == "Approve":
        await card.click("Approve")
    else:
        await (await card.open_form("Reject")).submit({"Reason": "too many"})
    await world.alice.expect_message("#deploys", containing=f"{path} taken: {choice.lower()}")
    await card.becomes("by <@U0BOB>", buttons=[])
    await world.nothing_else()


@pytest.mark.promise("P6")
@pytest.mark.parametrize("choice", ["Approve", "Reject"])
async def test_a_bare_sentence_that_asks_for_approval_is_decided_and_never_answered_in_words(
    world: World, choice: str
) -> None:
    await world.start("plain_approval", **PLAIN)
    card = await world.asked("drop the table", containing="Do you approve this action?")
    assert card.buttons == ["Approve", "Reject"]
    await world.alice.say("#deploys", "no", thread=card)  # a text is true to such a node, whatever it says
    await card.click("Approve", by=world.alice)
    await world.alice.expect_message("#deploys", containing="asked for this yourself", ephemeral=True)
    await world.done()
    if choice == "Approve":
        await card.click("Approve")
    else:
        await (await card.open_form("Reject")).submit({"Reason": "never"})
    await world.alice.expect_message("#deploys", containing=f"approved is {choice == 'Approve'}")
    await world.done(*(["drop the table"] if choice == "Approve" else []))
    await card.becomes("by <@U0BOB>", buttons=[])
    await world.nothing_else()
