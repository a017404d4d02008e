"""What a model found out is confirmed, or corrected in a form, as LangGraph's tutorial on custom state has it."""

import pytest
from stories.world import World


@pytest.mark.promise("P4")
@pytest.mark.parametrize(
    ("correction", "known"),
    [(None, "LangGraph, Jan 17, 2024"), ({"birthday": "Jan 18, 2024"}, "LangGraph, Jan 18, 2024")],
)
async def test_it_is_confirmed_or_corrected(world: World, correction: dict[str, str] | None, known: str) -> None:
    await world.start("looked_up")
    card = await world.asked("when?", containing="Is this correct?")
    assert card.buttons == ["Approve", "Edit", "Reject"]
    if correction is None:
        await card.click("Approve")
        await card.becomes("Approved by <@U0BOB>", buttons=[])
    else:
        form = await card.open_form("Edit")
        assert sorted(form.fields) == ["birthday", "name"]
        await form.submit(correction)
        await card.becomes("Approved with changes by <@U0BOB>", buttons=[])
    await world.alice.expect_message("#deploys", containing="was released on")
    await world.done(known)
    await world.nothing_else()


@pytest.mark.promise("P5")
async def test_a_rejection_is_not_taken_for_a_correction(world: World) -> None:
    await world.start("looked_up")
    card = await world.asked("when?", containing="Is this correct?")
    await (await card.open_form("Reject")).submit({"Reason": "no idea"})
    await card.becomes("Rejected by <@U0BOB>", buttons=[])
    await world.alice.expect_message("#deploys", containing="no idea")
    await world.done()
    await world.nothing_else()
