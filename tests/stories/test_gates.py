"""Tools of a graph that asks nothing itself are decided by people: `gate_tools` (docs/gates.md)."""

import pytest
from stories.world import World, agent

pytestmark = pytest.mark.promise("P4")

GATES = ["refund_*", "delete_*"]
DONE = ("looked A7 up", "refunded A7 40 EUR", "looked B1 up", "deleted B2")


async def test_each_gated_call_is_decided_wherever_the_graph_makes_it(world: World) -> None:
    await world.start(agents={"shop": agent("gated_shop", gate_tools=GATES)})
    refund = await world.asked("refund A7", containing="Approve refund_order?")
    assert "40" in refund.text
    assert refund.buttons == ["Approve", "Edit", "Reject"]
    await world.done("looked A7 up")
    await refund.click("Approve")
    first = await world.bob.expect_card("#deploys", containing="Approve delete_order?")
    await refund.becomes("by <@U0BOB>", buttons=[])
    await world.restart()
    assert not (await (await first.open_form("Reject")).submit({"Reason": "B1 is still open"})).errors
    second = await world.bob.expect_card("#deploys", containing="B2")
    await first.becomes("Rejected by", buttons=[])
    await second.click("Approve")
    await world.alice.expect_message("#deploys", containing="I did what I could.")
    said = await world.alice.expect_message("#deploys", containing="Order B1 was paid, 40 EUR")
    assert "The tool delete_order was not run. Reason: B1 is still open; deleted" in said.text
    await second.becomes("by <@U0BOB>", buttons=[])
    await world.done(*DONE)
    await world.nothing_else()


async def test_an_edit_is_typed_by_the_tool_and_a_rule_says_who_decides(world: World) -> None:
    rules = [
        {"when": {"tool": "refund_*"}, "approvers": {"users": ["carol"]}},
        {"when": {"tool": "delete_*"}, "approvers": {"users": ["bob"]}},
    ]
    await world.start(agents={"shop": agent("gated_shop", gate_tools=GATES)}, approvals=rules)
    refund = await world.asked("refund A7", containing="Approve refund_order?")
    await refund.click("Approve", by=world.bob)
    await world.bob.expect_message("#deploys", containing="carol", ephemeral=True)
    form = await refund.open_form("Edit", by=world.carol)
    assert form.fields == ["order", "amount", "currency"]
    assert [each["type"] for each in form.values.values()] == ["plain_text_input", "number_input", "static_select"]
    assert list((await form.submit({"amount": "900"})).errors.values()) == ["This must be at most 500."]
    assert not (await form.submit({"amount": "30", "currency": "USD"})).errors
    for order in ("B1", "B2"):
        card = await world.bob.expect_card("#deploys", containing=order)
        await card.click("Approve")
        await card.becomes("by <@U0BOB>", buttons=[])
    await refund.becomes("by <@U0CAROL>", buttons=[])
    await world.alice.expect_message("#deploys", containing="I did what I could.")
    await world.alice.expect_message("#deploys", containing="deleted; deleted")
    await world.done("looked A7 up", "refunded A7 30 USD", "looked B1 up", "deleted B1", "deleted B2")
    await world.nothing_else()


FAILS = """    outside.do(f"refunded {order} {amount} {currency}")
    outside.try_step("the answer of the bank")
"""


@pytest.mark.promise("P5")
async def test_what_may_have_taken_effect_is_not_approved_again_by_a_rule(world: World) -> None:
    world.rewrite("gated_shop", ('    outside.do(f"refunded {order} {amount} {currency}")\n', FAILS))
    world.outside.broken.add("the answer of the bank")
    small = {"when": {"tool": "refund_*", "if": "args.amount < 100"}, "decide": "approve"}
    await world.start(agents={"shop": agent("gated_shop", gate_tools=["refund_*"])}, approvals=[small])
    await world.alice.say("#deploys", "@signoff refund A7")
    failed = await world.alice.expect_card("#deploys", containing="the answer of the bank does not work today")
    world.outside.broken.clear()
    await failed.click("Retry", by=world.alice)
    again = await world.bob.expect_card("#deploys", containing="It may have taken effect")
    await world.at_rest()
    assert world.outside.done.count("refunded A7 40 EUR") == 1
    assert not (await (await again.open_form("Reject")).submit({"Reason": "it is paid"})).errors
    await world.alice.expect_message("#deploys", containing="Order B1 was paid")
    assert world.outside.done.count("refunded A7 40 EUR") == 1
