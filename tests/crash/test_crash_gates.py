"""The bot is killed (SIGKILL) around a gated tool call: one approval never runs a call twice (docs/gates.md)."""

import pytest
from crash.harness import World
from fakes.people import Message

pytestmark = [pytest.mark.promise("P3"), pytest.mark.promise("P4")]

MAY_HAVE_RUN = "It may have taken effect."
POINTS = {
    "between look_up and pay": 0,
    "before zoe is paid": 1,
    "after zoe is paid": 1,
    "between payments": 0,
    "before kim is paid": 1,
    "after kim is paid": 1,
    "after both": 0,
}
"""Where the process dies, and how often somebody is asked about the same payment once more."""


@pytest.mark.parametrize("point", POINTS)
async def test_a_death_around_a_gated_call_never_runs_it_on_the_same_approval(world: World, point: str) -> None:
    world.configure("payroll", gate_tools=["pay"])
    world.dies(point)
    asked = list[tuple[str, bool]]()
    async with world.kept_alive():
        await world.ask("pay them")
        for name in ("zoe", "kim"):
            while not (effects_tell(world, name) and not await open_card(world, name)):
                card = await world.bob.expect_card("#deploys", containing=name)
                asked.append((name, MAY_HAVE_RUN in card.text))
                await world.approve(card)
                await card.becomes("Approved by", buttons=[])
                await world.at_rest()
        await world.alice.expect_message("#deploys", containing="paid zoe; paid kim")
        await world.nothing_else()
    assert world.killed == 1
    again = [name for name, before in asked if before]
    assert len(again) == POINTS[point]
    effects = world.effects()
    for name in ("zoe", "kim"):
        assert effects.count(f"paid {name}") <= 1 + again.count(name)


async def test_a_death_after_an_automatic_approval_asks_a_person(world: World) -> None:
    """Nobody saw the call start, and nobody can tell whether it was done: a rule approves it once only."""
    rule = {"when": {"tool": "pay"}, "decide": "approve"}
    world.configure("payroll", gate_tools=["pay"], approvals=[rule])
    world.dies("after zoe is paid")
    async with world.kept_alive():
        await world.ask("pay them")
        card = await world.bob.expect_card("#deploys", containing=MAY_HAVE_RUN)
        assert world.effects().count("paid zoe") == 1
        await world.approve(card)
        await world.alice.expect_message("#deploys", containing="paid zoe; paid kim")
        await card.becomes("Approved by", buttons=[])
    assert world.killed == 1
    assert world.effects().count("paid zoe") == 2
    assert world.effects().count("paid kim") == 1


def effects_tell(world: World, name: str) -> bool:
    return f"paid {name}" in world.effects()


async def open_card(world: World, name: str) -> Message | None:
    cards = [each for each in await world.bob.messages("#deploys") if name in each.text and each.buttons]
    return cards[0] if cards else None
