"""Every run has an idempotency key in its config, the same however often one decision makes a node run."""

from typing import Any

from stories.world import World

STATE: dict[str, Any] = {"input": {"order": "$text"}, "reply": "told"}


def keys(world: World) -> list[str]:
    """Under which key the service was asked to pay, each time."""
    return [done.rpartition(" ")[2] for done in world.outside.done]


async def test_a_node_that_runs_again_for_one_decision_pays_under_the_same_key(world: World) -> None:
    """The service was asked and its answer was lost: what the node does again is the same payment."""
    await world.start("payment", **STATE)
    world.outside.broken.add("the service's answer")
    await (await world.asked("7", containing="order 7")).click("Approve")
    failed = await world.alice.expect_card("#deploys", containing="does not work today")
    world.outside.broken.clear()
    await failed.click("Retry")
    await world.alice.expect_message("#deploys", containing="paid")
    first, again = keys(world)
    assert first == again


async def test_another_decision_pays_under_another_key(world: World) -> None:
    await world.start("payment", **STATE)
    for order in ("7", "8"):
        await (await world.asked(order, containing=f"order {order}")).click("Approve")
        await world.alice.expect_message("#deploys", containing="paid")
        await world.at_rest()
    assert len(set(keys(world))) == 2


async def test_a_bot_that_was_started_again_in_between_gives_the_same_key(world: World) -> None:
    """The key is the decision's, not the process's."""
    await world.start("payment", **STATE)
    world.outside.broken.add("the service's answer")
    await (await world.asked("7", containing="order 7")).click("Approve")
    failed = await world.alice.expect_card("#deploys", containing="does not work today")
    await world.restart()
    world.outside.broken.clear()
    await failed.click("Retry")
    await world.alice.expect_message("#deploys", containing="paid")
    assert len(keys(world)) == 2
    assert len(set(keys(world))) == 1
