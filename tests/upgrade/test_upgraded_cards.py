"""Cards that an earlier version posted are decided under this one, by the buttons that stand in Slack."""

import pytest
from upgrade.upgraded import Upgraded


@pytest.mark.promise("P3")
@pytest.mark.promise("P4")
async def test_a_yes_or_no_is_approved(upgraded: Upgraded) -> None:
    await upgraded.begin()
    card = await upgraded.message("plain")
    await card.click("Approve")
    await card.becomes("Approved by <@U0BOB>", buttons=[])
    await upgraded.world.alice.expect_message("#deploys", containing="Done: drop the table.")
    await upgraded.did("did drop the table")


@pytest.mark.promise("P4")
async def test_a_tool_call_is_edited_and_its_run_still_has_the_classes_of_its_state(upgraded: Upgraded) -> None:
    await upgraded.begin()
    card = await upgraded.message("review")
    assert not (await (await card.open_form("Edit")).submit({"replicas": "7"})).errors
    await card.becomes("Approved with changes by <@U0BOB>", buttons=[])
    told = await upgraded.world.alice.expect_message("#deploys", containing="billing runs x7")
    assert "large for 12.50 EUR on 2030-05-17" in told.text
    await upgraded.did("deployed billing x7")
