"""A graph that changes its request when its node runs again: nothing runs that no card showed (P4)."""

import os

import pytest
from stories.outside import outside
from stories.world import World

pytestmark = pytest.mark.promise("P4")

ASK_AGAIN = "The agent changed its request after <@U0BOB> approved it"


async def start(world: World, name: str = "graph", **payloads: list[int]) -> None:
    outside.payload = payloads
    entry = {"graph": f"drifting.py:{name}", "channels": ["#deploys"], "input": {"wish": "$text"}, "reply": "said"}
    await world.start(agents={"drifting": entry})


async def test_a_request_that_changed_after_its_approval_is_asked_again_with_the_difference(world: World) -> None:
    await start(world, amount=[100, 200])
    card = await world.asked("go", containing="Pay?")
    assert "100" in card.text
    await card.click("Approve")
    again = await world.bob.expect_card("#deploys", containing=ASK_AGAIN)
    assert "100 → 200" in again.text
    await card.becomes("changed its request after that decision", buttons=[])
    await world.at_rest()
    assert outside.done == []
    await again.click("Approve")
    await world.alice.expect_message("#deploys", containing="Paid 200.")
    await world.done("paid 200")
    await again.becomes("Approved by", buttons=[])
    assert any(line.startswith("changed") for line in await world.audit(again))
    await world.nothing_else()


async def test_a_request_that_changes_each_time_is_not_approved_by_a_rule_for_ever(world: World) -> None:
    outside.payload = {"amount": list(range(100, 140))}
    entry = {"graph": "drifting.py:graph", "channels": ["#deploys"], "input": {"wish": "$text"}, "reply": "said"}
    await world.start(agents={"drifting": entry}, approvals=[{"decide": "approve"}])
    await world.alice.say("#deploys", "@signoff go")
    await world.alice.expect_card("#deploys", containing="it changed its request after each of 4 decisions")
    first = await world.alice.expect_message("#deploys", containing="Approved automatically, but not delivered")
    assert "The agent changed its request after that decision" in first.text
    await world.at_rest()
    await world.done()


async def test_a_rejected_request_that_changed_is_asked_again_too(world: World) -> None:
    await start(world, amount=[100, 200])
    card = await world.asked("go", containing="Pay?")
    await card.click("Reject")
    form = await world.bob.expect_form()
    await form.submit({"Reason": "too much"})
    again = await world.bob.expect_card("#deploys", containing="after <@U0BOB> rejected it")
    assert (await again.open_form("Reject")).view
    await (await world.bob.expect_form()).submit({"Reason": "still too much"})
    await world.alice.expect_message("#deploys", containing="Not paid.")
    await world.done()


async def test_of_two_requests_in_a_node_neither_answer_reaches_the_other(world: World) -> None:
    await start(world, "two", amount=[100, 100, 250], weight=[7])
    first = await world.asked("go", containing="Pay?")
    await first.click("Approve")
    second = await world.bob.expect_card("#deploys", containing="Ship?")
    await second.click("Approve")
    again = await world.bob.expect_card("#deploys", containing=ASK_AGAIN)
    assert "100 → 250" in again.text
    await first.becomes("changed its request", buttons=[])
    await second.becomes("changed its request", buttons=[])
    await world.at_rest()
    assert outside.done == []
    await again.click("Approve")
    ship = await world.bob.expect_card("#deploys", containing="Ship?")  # the very question, in a new message
    await second.taken_back()
    await ship.click("Approve")
    await world.done("paid 250, shipped 7")
    await world.alice.expect_message("#deploys", containing="Paid 250")


async def test_in_a_loop_the_answers_behind_the_change_are_dropped(world: World) -> None:
    await start(world, "loop", one=[100], two=[200, 200, 200, 250], three=[300])
    await (await world.asked("go", containing="amount: \n100")).click("Approve")
    await (await world.bob.expect_card("#deploys", containing="amount: \n200")).click("Approve")
    three = await world.bob.expect_card("#deploys", containing="amount: \n300")
    await three.click("Approve")
    again = await world.bob.expect_card("#deploys", containing="200 → 250")
    await again.click("Approve")
    await (await world.bob.expect_card("#deploys", containing="amount: \n300")).click("Approve")
    await three.taken_back()
    await world.alice.expect_message("#deploys", containing="Done with paying.")
    await world.done("paid [100, 250, 300]")


async def test_one_of_several_that_wait_side_by_side_changes_and_its_sibling_goes_on(world: World) -> None:
    await start(world, "fanned", left=[1, 10], right=[5])
    await world.alice.say("#deploys", "@signoff go")
    left = await world.bob.expect_card("#deploys", containing="Pay left?")
    right = await world.bob.expect_card("#deploys", containing="Pay right?")
    outside.payload["left"] = [10]
    await left.click("Approve")
    again = await world.bob.expect_card("#deploys", containing="1 → 10")
    await right.click("Approve")
    await again.click("Approve")
    await world.done("paid right 5", "paid left 10", in_any_order=True)


@pytest.mark.parametrize("name", ["outer", "functional"])
async def test_subgraphs_and_tasks_are_guarded(world: World, name: str) -> None:
    await start(world, name, amount=[100, 200])
    card = await world.asked("go", containing="Pay?")
    await card.click("Approve")
    again = await world.bob.expect_card("#deploys", containing=ASK_AGAIN)
    await world.at_rest()
    assert outside.done == []
    await again.click("Approve")
    await world.alice.expect_message("#deploys", containing="Paid")
    assert len(outside.done) == 1


async def test_what_means_the_same_has_not_changed(world: World) -> None:
    await start(world, "sets", names=["ann", "ben", "cy"])  # type: ignore[list-item]
    card = await world.asked("go", containing="Pay?")
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="Paid.")
    await world.done("paid: True")


async def test_a_request_that_always_changes_ends_with_what_to_do(world: World) -> None:
    await start(world, amount=list(range(100, 900, 100)))
    card = await world.asked("go", containing="Pay?")
    await card.click("Approve")
    for _ in range(3):
        card = await world.bob.expect_card("#deploys", containing=ASK_AGAIN)
        await card.click("Approve")
    failed = await world.alice.expect_card("#deploys", containing="changed its request after each of 4 decisions")
    assert "(amount)" in failed.text
    assert "in a step before the one that asks" in failed.text
    outside.payload = {"amount": [5]}
    await failed.click("Ask again")
    fresh = await world.bob.expect_card("#deploys", containing="amount: \n5")
    assert ASK_AGAIN not in fresh.text
    await fresh.click("Approve")
    await world.done("paid 5")


async def test_the_change_is_told_after_a_restart_too(world: World) -> None:
    await start(world, amount=[100, 200])
    card = await world.asked("go", containing="Pay?")
    await card.click("Approve")
    again = await world.bob.expect_card("#deploys", containing=ASK_AGAIN)
    await world.restart()
    await again.click("Approve")
    await world.done("paid 200")


@pytest.mark.parametrize("interrupts", ["batched", "per_call"])
async def test_a_tool_does_not_start_with_other_arguments_than_were_approved(world: World, interrupts: str) -> None:
    world.rewrite("changed_call", ('interrupt_mode="batched"', f'interrupt_mode="{interrupts}"'))
    await world.start("changed_call")
    outside.payload = 200
    card = await world.asked("refund it", containing="Approve refund_order?")
    await card.click("Approve")
    stopped = "The tool refund_order was about to run with amount 200 (approved: 100). It was not run."
    failed = await world.alice.expect_card("#deploys", containing=stopped)
    assert (await world.audit(failed))[0] == "changed"
    await world.restart()
    await failed.click("Retry")
    again = await world.alice.expect_card("#deploys", containing=stopped)
    await world.at_rest()
    assert outside.done == []
    outside.payload = 100
    await again.click("Retry")
    await world.done("refunded 100")
    await world.alice.expect_message("#deploys", containing="Refunded.")


DRIFTS = int(os.environ.get("SIGNOFF_DRIFTS", "4"))
"""How often a request changes in the two stories below; `SIGNOFF_DRIFTS=1000` looks longer."""


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", ["graph", "two"])
async def test_however_often_a_request_changes_nothing_runs_that_no_card_showed(world: World, name: str) -> None:
    await start(world, name, amount=[0], weight=[7])
    steps = 2 if name == "two" else 1
    done: list[str] = []
    for begin in range(0, DRIFTS, 2):
        amounts = [10_000 + begin, 10_001 + begin, 10_002 + begin]
        outside.payload["amount"] = [each for each in amounts for _ in range(steps)]
        await world.alice.say("#deploys", "@signoff go")
        for number, amount in enumerate(amounts):
            card = await world.bob.expect_card("#deploys", containing=str(amount))
            assert (ASK_AGAIN in card.text) == (number > 0)
            assert outside.done == done
            await card.click("Approve")
            if steps == 2:
                await (await world.bob.expect_card("#deploys", containing="Ship?")).click("Approve")
        done.append(f"paid {amounts[-1]}" if steps == 1 else f"paid {amounts[-1]}, shipped 7")
        await world.done(*done)
        await world.alice.expect_message("#deploys", containing=f"Paid {amounts[-1]}")
