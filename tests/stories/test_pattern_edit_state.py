"""Review and edit state: a text opens in a form, what it became is in the state, and the card shows what was changed.

https://docs.langchain.com/oss/python/langgraph/interrupts#review-and-edit-state
"""

from collections.abc import Mapping
from typing import Any

import pytest
from stories.world import World

REVIEW: Mapping[str, Any] = {"input": {"generated_text": "$text"}, "reply": "generated_text"}
SUMMARY: Mapping[str, Any] = {"input": {"summary": "$text"}, "reply": "summary"}


@pytest.mark.parametrize("edited", [False, True], ids=["as it is", "edited"])
async def test_a_text_is_published_as_it_is_or_edited(world: World, edited: bool) -> None:  # noqa: FBT001 - a parameter
    await world.start("text_to_revise")
    card = await world.asked("Hello wrld")
    assert card.buttons == ["Approve", "Edit", "Reject"]
    if edited:
        form = await card.open_form("Edit")
        (label,) = form.fields
        assert form.values[label]["value"] == "Hello wrld"
        assert (await form.submit({label: "  "})).errors
        assert not (await form.submit({label: "Hello world"})).errors
        assert "Hello wrld → Hello world" in (await card.becomes("Approved with changes", buttons=[])).text
    else:
        await card.click("Approve")
        await card.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing=f"published: Hello {'world' if edited else 'wrld'}")
    await world.nothing_else()


async def test_an_instruction_stands_over_the_text_and_a_long_edit_is_shown_line_by_line(world: World) -> None:
    draft = "\n".join(f"Line {number} of the letter, which goes on for a while." for number in range(12))
    await world.start("review_content", **REVIEW)
    card = await world.asked(draft, containing="Review and edit this content")
    form = await card.open_form("Edit")
    improved = draft.replace("Line 7 of", "The seventh line of")
    assert not (await form.submit({form.fields[0]: improved})).errors
    shown = await card.becomes("Approved with changes by <@U0BOB>", buttons=[])
    assert "- Line 7 of the letter" in shown.text
    assert "+ The seventh line of the letter" in shown.text
    said = await world.alice.expect_message("#deploys", containing="The seventh line of the letter")
    assert "Line 7 of" not in said.text
    await world.nothing_else()


@pytest.mark.parametrize("edited", [False, True], ids=["as it is", "edited"])
async def test_a_task_gets_the_text_back_under_its_name(world: World, edited: bool) -> None:  # noqa: FBT001
    await world.start("summary_to_edit", **SUMMARY)
    card = await world.asked("mat", containing="Please review and edit the generated summary")
    assert "The cat sat on the mat." in card.text
    if edited:
        form = await card.open_form("Edit")
        assert not (await form.submit({form.fields[0]: "The cat lay on the rug."})).errors
    else:
        await card.click("Approve")
    text = "The cat lay on the rug." if edited else "The cat sat on the mat."
    await world.alice.expect_message("#deploys", containing=f"Using edited summary: {text}")
    await card.becomes("Approved", buttons=[])
    await world.nothing_else()
