"""Deadlines: silence never approves (P5), a reminder comes once, and a click that is too late counts for nothing."""

import pytest
from stories.world import World

RULE = {"when": {"agent": "*"}, "approvers": {"users": ["bob", "carol"]}}
FOUR_HOURS = {**RULE, "expires_after": "4h"}
SOON = {**RULE, "expires_after": "1s"}


@pytest.mark.promise("P2")
@pytest.mark.promise("P5")
async def test_a_click_after_the_deadline_rejects_even_where_the_timer_is_late(world: World) -> None:
    await world.start("yes_or_no", approvals=[FOUR_HOURS])
    card = await world.asked("drop the table")
    world.clock.advance(hours=5)
    await card.click("Approve")
    await world.bob.expect_message("#deploys", containing="This request expired", ephemeral=True)
    await card.becomes("Nobody decided by", buttons=[])
    await world.alice.expect_message("#deploys", containing="rejected")
    await world.done()
    await world.audited(card, "asked", "expired: reject", "refused by bob: expired", "delivered")
    await world.nothing_else()


@pytest.mark.promise("P5")
async def test_silence_rejects_and_the_agent_hears_it(world: World) -> None:
    await world.start("review_tool_call", approvals=[SOON])
    card = await world.asked("billing")
    shown = await card.becomes("Nobody decided by", buttons=[])
    assert "rejected automatically" in shown.text
    await world.alice.expect_message("#deploys", containing="The tool says: Nobody decided this in time.")
    await world.done()
    await world.audited(card, "asked", "expired: reject", "delivered")
    await world.nothing_else()


@pytest.mark.promise("P5")
@pytest.mark.promise("P8")
async def test_silence_ends_the_run_where_the_rule_says_so(world: World) -> None:
    await world.start("yes_or_no", approvals=[{**SOON, "on_expiry": "fail"}])
    card = await world.asked("drop the table")
    await card.becomes("Nobody decided by", buttons=[])
    await world.alice.expect_message("#deploys", containing="Nobody decided this in time, so the agent was stopped")
    await card.click("Approve", stale=True)
    await world.bob.expect_message("#deploys", containing="This request expired", ephemeral=True)
    await world.done()
    await world.audited(card, "asked", "expired: fail", "refused by bob: expired")
    await world.nothing_else()


@pytest.mark.promise("P5")
async def test_a_new_message_starts_again_after_an_expiry_that_ended_the_run(world: World) -> None:
    await world.start("yes_or_no", approvals=[{**FOUR_HOURS, "on_expiry": "fail"}])
    card = await world.asked("drop the table")
    world.clock.advance(hours=5)
    await card.click("Approve")
    await world.bob.expect_message("#deploys", containing="expired", ephemeral=True)
    await world.alice.expect_message("#deploys", containing="Nobody decided this in time")

    await world.alice.say("#deploys", "@signoff drop the view", thread=card)
    again = await world.bob.expect_card("#deploys", containing="drop the view")
    await again.click("Approve")
    await world.alice.expect_message("#deploys", containing="approved")
    await world.done("drop the view")
    await world.nothing_else()


@pytest.mark.promise("P5")
async def test_what_the_agent_cannot_be_told_stops_the_run_when_it_expires(world: World) -> None:
    answers = [{"approve": {"resume": "$value"}}]
    await world.start("text_to_revise", approvals=[FOUR_HOURS], answers=answers)
    card = await world.asked("a draft")
    assert card.buttons == ["Approve", "Reject"]
    world.clock.advance(hours=5)
    await card.click("Approve")
    await world.bob.expect_message("#deploys", containing="expired", ephemeral=True)
    await world.alice.expect_message("#deploys", containing="so it was rejected and the run was stopped")
    await card.becomes("Nobody decided by", buttons=[])
    await world.nothing_else()


@pytest.mark.promise("P9")
async def test_a_reminder_comes_once_beside_the_card(world: World) -> None:
    await world.start("yes_or_no", approvals=[{**RULE, "remind_after": "1s", "expires_after": "4h"}])
    card = await world.asked("drop the table")
    reminder = await world.alice.expect_message("#deploys", containing="this request still needs your decision")
    assert "<@U0BOB>, <@U0CAROL>" in reminder.text
    assert reminder.thread_ts == card.thread_ts
    assert reminder.buttons == []

    await world.restart()
    await world.audited(card, "asked", "reminded")
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="approved")
    await world.nothing_else()


async def test_what_was_decided_is_neither_reminded_of_nor_expired(world: World) -> None:
    await world.start("yes_or_no", approvals=[{**RULE, "remind_after": "1s", "expires_after": "2s"}])
    card = await world.asked("drop the table")
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="approved")
    world.clock.advance(hours=1)
    await world.restart()
    await world.audited(card, "asked", "voted by bob: approve", "decided by bob", "delivered")
    await world.nothing_else()
