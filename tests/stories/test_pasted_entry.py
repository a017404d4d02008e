"""Where it is not known what an answer means, the entry that `signoff check` prints gives the card buttons."""

import pytest
import yaml
from stories.world import World

from bot.config.load import load
from bot.wiring.probes import probes
from engine.ids import AgentName


async def _printed(world: World) -> str:
    environ = world.slack.environment() | {"REDIS_URL": world.redis_url}
    config = load(world.folder / "app.yaml", environ)
    (row,) = (await probes().graph(config, AgentName("unreadable"))).interrupts
    return row.entry


@pytest.mark.promise("P4")
@pytest.mark.promise("P10")
async def test_the_entry_that_check_prints_gives_the_card_its_buttons(world: World) -> None:
    await world.start("unreadable")
    card = await world.asked("the old cache", containing="signoff check")
    assert "Approve" not in card.buttons
    assert "Reject" in card.buttons
    await (await card.open_form("Reject")).submit({"Reason": "not yet"})
    await card.becomes("Rejected by", buttons=[])
    await world.alice.expect_message("#deploys", containing="not yet")
    await world.done()

    entry = await _printed(world)
    filled = entry.replace("$FILL_IN", "wipe it", 1).replace("$FILL_IN", "leave it")
    await world.stop()
    await world.start("unreadable", answers=yaml.safe_load(filled))
    again = await world.asked("the new cache", containing="the new cache")
    assert again.buttons == ["Approve", "Reject"]
    await again.click("Approve")
    await again.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="Wiped.")
    await world.done("wiped the new cache")
    await world.nothing_else()
