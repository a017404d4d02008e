"""Who may decide, told through the bot: groups, parts and stages, conditions, and rules that decide by themselves."""

from datetime import timedelta
from typing import Any

import pytest
from stories.world import World, agent

from bot.config.problems import ProblemsError
from engine.approvals.audit import What
from engine.ids import ThreadId

BOB, CAROL = {"users": ["bob"]}, {"users": ["carol"]}


def a_rule(**more: Any) -> dict[str, Any]:
    return {"when": {"tool": "*"}, **more}


async def _ends_well(world: World, *, replicas: int = 2) -> None:
    await world.done(f"deploy billing x{replicas}")
    await world.alice.expect_message("#deploys", containing=f"deployed x{replicas}")
    await world.nothing_else()


@pytest.mark.promise("P6")
@pytest.mark.promise("P9")
async def test_a_member_of_the_group_decides_and_nobody_else(world: World) -> None:
    await world.start("review_tool_call", approvals=[a_rule(approvers={"groups": ["sre"]})])
    card = await world.asked("billing")
    await card.click("Approve", by=world.carol)
    await world.carol.expect_message("#deploys", containing="not an approver of this request", ephemeral=True)
    await card.click("Approve", by=world.bob)
    await card.becomes("Approved by <@U0BOB>", buttons=[])
    await _ends_well(world)


@pytest.mark.promise("P6")
async def test_who_left_the_group_before_the_quorum_was_full_does_not_count(world: World) -> None:
    await world.start("review_tool_call", approvals=[a_rule(approvers={"groups": ["payments"]}, quorum=2)])
    card = await world.asked("billing")
    await card.click("Approve", by=world.bob)
    await card.becomes("1 of 2 approvals: <@U0BOB>")
    await world.slack.people.post("/people/group", {"handle": "payments", "members": ["carol"]})
    await world.at_rest()
    await card.click("Approve", by=world.carol)
    await world.bob.expect_message("#deploys", containing="so your vote no longer counts", ephemeral=True)
    await card.becomes("1 of 2 approvals: <@U0CAROL>")
    await world.done()
    await world.slack.people.post("/people/group", {"handle": "payments", "members": ["bob", "carol"]})
    await card.click("Approve", by=world.bob)
    await _ends_well(world)


@pytest.mark.promise("P6")
async def test_each_part_of_all_of_takes_another_person(world: World) -> None:
    parts = {"all_of": [{"groups": ["payments"]}, BOB]}
    await world.start("review_tool_call", approvals=[a_rule(approvers=parts)])
    card = await world.asked("billing")
    await card.click("Approve", by=world.bob)
    await card.becomes("1 of 2 approvals: <@U0BOB>")
    await card.click("Approve", by=world.bob, stale=True)
    await world.bob.expect_message("#deploys", containing="You already approved", ephemeral=True)
    await world.done()
    await card.click("Approve", by=world.carol)
    await card.becomes("Approved by <@U0BOB>, <@U0CAROL>", buttons=[])
    await _ends_well(world)


@pytest.mark.promise("P6")
async def test_stages_come_in_their_order(world: World) -> None:
    await world.start("review_tool_call", approvals=[a_rule(stages=[BOB, CAROL])])
    card = await world.asked("billing")
    await card.click("Approve", by=world.carol)
    await world.carol.expect_message("#deploys", containing="<@U0BOB> must approve this first", ephemeral=True)
    await card.click("Approve", by=world.bob)
    await card.becomes("1 of 2 approvals: <@U0BOB>")
    await world.carol.expect_message("#deploys", containing="<@U0CAROL>: this request needs your decision")
    await card.click("Approve", by=world.carol)
    await _ends_well(world)


@pytest.mark.promise("P6")
async def test_an_edit_is_matched_to_the_rules_anew(world: World) -> None:
    large = {"when": {"tool": "*", "if": "args.replicas > 3"}, "approvers": CAROL}
    await world.start("review_tool_call", approvals=[large, a_rule(approvers=BOB)])
    card = await world.asked("billing")
    form = await card.open_form("Edit", by=world.bob)
    assert not (await form.submit({"replicas": "4"})).errors
    changed = await card.becomes("Approvers: <@U0CAROL>", buttons=["Approve", "Edit", "Reject"])
    await world.carol.expect_message("#deploys", containing="<@U0CAROL>: this request needs your decision")
    await world.done()
    await changed.click("Approve", by=world.bob)
    await world.bob.expect_message("#deploys", containing="not an approver of this request", ephemeral=True)
    await changed.click("Approve", by=world.carol)
    await _ends_well(world, replicas=4)


@pytest.mark.promise("P6")
async def test_an_edit_is_matched_to_the_rules_as_of_the_edit(world: World) -> None:
    """The rule that it was asked under is for an hour, and for less than what becomes of it."""
    until = f"{world.clock.now() + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    small = {"when": {"tool": "*", "if": f"args.replicas <= 3 && now < timestamp('{until}')"}, "approvers": BOB}
    await world.start("review_tool_call", approvals=[small, a_rule(approvers=CAROL)])
    card = await world.asked("billing")
    world.clock.advance(hours=2)
    form = await card.open_form("Edit", by=world.bob)
    assert not (await form.submit({"replicas": "4000"})).errors
    changed = await card.becomes("Approvers: <@U0CAROL>", buttons=["Approve", "Edit", "Reject"])
    await world.alice.expect_message("#deploys", containing="<@U0CAROL>: this request needs your decision")
    await world.done()
    await changed.click("Approve", by=world.carol)
    await _ends_well(world, replicas=4000)


@pytest.mark.promise("P9")
async def test_a_rule_approves_by_itself_and_the_audit_says_so(world: World) -> None:
    small = {"when": {"tool": "*", "if": "args.replicas < 3"}, "decide": "approve"}
    await world.start("review_tool_call", approvals=[small, a_rule(approvers=BOB)])
    await world.alice.say("#deploys", "@signoff billing")
    card = await world.alice.expect_message("#deploys", containing="Approved automatically by approvals[0]")
    assert not card.buttons
    await _ends_well(world)
    thread = ThreadId(f"T0LOCAL:C0DEPLOYS:{card.shown['thread_ts']}")
    (decided,) = (row for row in await world.bot.ports.audit.of_thread(thread) if row.what is What.DECIDED)
    assert (decided.who, decided.rule) == (None, "approvals[0]")
    assert decided.detail == {"action": 0, "choice": "approve", "via": "rule"}


@pytest.mark.promise("P5")
async def test_a_condition_that_nobody_can_judge_asks_a_person(world: World) -> None:
    odd = {"when": {"tool": "*", "if": "args.replcas < 3"}, "decide": "approve"}
    await world.start(
        "review_tool_call", approvals=[odd, {"when": {"tool": "dep*"}, "decide": "approve"}, a_rule(approvers=BOB)]
    )
    card = await world.asked("billing")
    await card.click("Approve", by=world.bob)
    await card.becomes("Approved by <@U0BOB>", buttons=[])
    await _ends_well(world)


@pytest.mark.promise("P10")
async def test_a_condition_that_no_tool_of_the_graph_suits_does_not_start(world: World) -> None:
    odd = {"when": {"tool": "refund_*", "if": "args.amuont < 3"}, "decide": "approve"}
    shop = agent("gated_shop", gate_tools=["refund_*"])
    with pytest.raises(ProblemsError) as refused:
        await world.start(agents={"shop": shop}, approvals=[odd])
    assert 'line 1, column 1: refund_order has no argument "amuont". Did you mean args.amount?' in str(refused.value)
    assert "approvals[0].when.if" in str(refused.value)
