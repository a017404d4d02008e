"""Clicks: twice, at the same moment, on an old card, after a restart. One outcome, and everybody hears which (P2)."""

import asyncio

import pytest
from fakes.people import Message
from stories.world import World

BOTH_DECIDE = {"when": {"tool": "deploy"}, "approvers": {"users": ["bob", "carol"]}, "quorum": 2}


@pytest.mark.promise("P2")
async def test_a_double_click_counts_once_and_the_second_is_told(world: World) -> None:
    await world.start("yes_or_no")
    card = await world.asked("drop the table")
    clicks = await asyncio.gather(card.click("Approve", stale=True), card.click("Approve", stale=True))
    assert all(click.acked for click in clicks)

    await card.becomes("Approved by", buttons=[])
    await world.bob.expect_message("#deploys", containing="already approved by <@U0BOB>", ephemeral=True)
    await world.alice.expect_message("#deploys", containing="approved")
    await world.done("drop the table")
    rows = await world.audit(card)
    assert rows.count("decided by bob") == 1
    assert rows.count("refused by bob: already_decided") == 1
    await world.nothing_else()


@pytest.mark.promise("P2")
async def test_of_two_people_at_once_one_decides_and_the_other_is_told_who_did(world: World) -> None:
    await world.start("yes_or_no")
    card = await world.asked("drop the table")
    await asyncio.gather(
        card.click("Approve", by=world.bob, stale=True), card.click("Approve", by=world.carol, stale=True)
    )
    await card.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="approved")
    rows = await world.audit(card)
    winner, loser = ("bob", "carol") if "decided by bob" in rows else ("carol", "bob")
    assert f"decided by {loser}" not in rows
    told = await world.slack.person(loser).expect_message("#deploys", containing="already approved", ephemeral=True)
    assert f"<@U0{winner.upper()}>" in told.text
    await world.done("drop the table")
    await world.nothing_else()


@pytest.mark.promise("P2")
@pytest.mark.promise("P8")
async def test_a_click_on_an_old_card_changes_nothing(world: World) -> None:
    await world.start("yes_or_no")
    card = await world.asked("drop the table")
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="approved")
    await card.becomes("Approved by", buttons=[])

    await card.click("Approve", by=world.carol, stale=True)
    await world.carol.expect_message("#deploys", containing="already approved by <@U0BOB>", ephemeral=True)
    await world.done("drop the table")
    assert "refused by carol: already_decided" in await world.audit(card)
    await world.nothing_else()


@pytest.mark.promise("P1")
async def test_a_click_after_a_restart_counts(world: World) -> None:
    await world.start("yes_or_no")
    card = await world.asked("drop the table")
    await world.restart()
    await card.click("Approve")
    await card.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="approved")
    await world.done("drop the table")
    await world.nothing_else()


@pytest.mark.promise("P2")
async def test_a_click_that_was_decided_before_a_restart_is_told_after_it(world: World) -> None:
    await world.start("yes_or_no")
    card = await world.asked("drop the table")
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="approved")
    await world.restart()
    await card.click("Approve", by=world.carol, stale=True)
    await world.carol.expect_message("#deploys", containing="already approved by <@U0BOB>", ephemeral=True)
    await world.done("drop the table")
    await world.nothing_else()


@pytest.mark.promise("P2")
@pytest.mark.parametrize("choice", ["Reject", "Edit"])
async def test_a_form_submitted_after_the_decision_says_that_it_does_not_count(world: World, choice: str) -> None:
    await world.start("review_tool_call")
    card = await world.asked("billing")
    form = await card.open_form(choice, by=world.carol)
    await card.click("Approve", by=world.bob)
    await card.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="deployed x2")

    await form.submit({"Reason": "no"} if choice == "Reject" else {"replicas": "9"})
    told = await world.carol.expect_form(title="Too late")
    assert "already approved by <@U0BOB>" in told.text
    await world.carol.expect_message("#deploys", containing="already approved by <@U0BOB>", ephemeral=True)
    await world.done("deploy billing x2")
    await world.nothing_else()


# Quorum ---------------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P6")
async def test_a_quorum_of_two_needs_two_people(world: World) -> None:
    await world.start("review_tool_call", approvals=[BOTH_DECIDE])
    card = await world.asked("billing")
    await card.click("Approve", by=world.bob)
    await card.becomes("1 of 2 approvals: <@U0BOB>", buttons=["Approve", "Edit", "Reject"])
    await world.done()

    await card.click("Approve", by=world.bob)
    await world.bob.expect_message("#deploys", containing="already approved", ephemeral=True)
    await world.done()

    await card.click("Approve", by=world.carol)
    shown = await card.becomes("Approved by", buttons=[])
    assert "<@U0BOB>, <@U0CAROL>" in shown.text
    await world.alice.expect_message("#deploys", containing="deployed x2")
    await world.done("deploy billing x2")
    await world.audited(
        card,
        "asked",
        "voted by bob: approve",
        "refused by bob: already_voted",
        "voted by carol: approve",
        "decided by carol",
        "delivered",
    )
    await world.nothing_else()


@pytest.mark.promise("P2")
async def test_one_rejection_ends_a_quorum(world: World) -> None:
    await world.start("review_tool_call", approvals=[BOTH_DECIDE])
    card = await world.asked("billing")
    await card.click("Approve", by=world.bob)
    form = await (await card.becomes("1 of 2")).open_form("Reject", by=world.carol)
    await form.submit({"Reason": "not today"})
    await card.becomes("Rejected by <@U0CAROL>", buttons=[])
    await world.alice.expect_message("#deploys", containing="not today")
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P4")
async def test_an_edit_clears_the_votes_that_were_given_to_other_arguments(world: World) -> None:
    await world.start("review_tool_call", approvals=[BOTH_DECIDE])
    card = await world.asked("billing")
    await card.click("Approve", by=world.bob)
    await _edit(card, world)
    changed = await card.becomes("1 of 2 approvals: <@U0CAROL>", buttons=["Approve", "Edit", "Reject"])
    assert "2 → 4" in changed.text
    await world.bob.expect_message("#deploys", containing="your vote no longer counts", ephemeral=True)
    await world.done()

    await changed.click("Approve", by=world.bob)
    await world.done("deploy billing x4")
    await world.alice.expect_message("#deploys", containing="deployed x4")
    await world.nothing_else()


@pytest.mark.promise("P2")
@pytest.mark.promise("P4")
async def test_an_approval_of_what_was_edited_meanwhile_is_refused(world: World) -> None:
    await world.start("review_tool_call", approvals=[BOTH_DECIDE])
    card = await world.asked("billing")
    await _edit(card, world)
    changed = await card.becomes("1 of 2 approvals: <@U0CAROL>")
    await card.click("Approve", by=world.bob, stale=True)  # the card as it stood before the edit
    await world.bob.expect_message("#deploys", containing="<@U0CAROL> changed this request", ephemeral=True)
    assert "refused by bob: changed" in await world.audit(card)
    await world.done()

    await changed.click("Approve", by=world.bob)
    await world.done("deploy billing x4")
    await world.alice.expect_message("#deploys", containing="deployed x4")
    await world.nothing_else()


@pytest.mark.promise("P2")
@pytest.mark.promise("P4")
async def test_an_edit_and_an_approval_at_the_same_moment_never_approve_unseen_arguments(world: World) -> None:
    await world.start("review_tool_call", approvals=[BOTH_DECIDE])
    card = await world.asked("billing")
    form = await card.open_form("Edit", by=world.carol)
    await asyncio.gather(form.submit({"replicas": "4"}), card.click("Approve", by=world.bob, stale=True))

    # Whoever came first: what stands is the edit, and only its author has voted for it.
    changed = await card.becomes("1 of 2 approvals: <@U0CAROL>", buttons=["Approve", "Edit", "Reject"])
    await world.at_rest()
    # He came too late, or his vote fell: either way he hears of it.
    await world.bob.expect_message("#deploys", containing="<@U0CAROL> changed th", ephemeral=True)
    await world.done()
    await changed.click("Approve", by=world.bob)
    await world.done("deploy billing x4")
    await world.alice.expect_message("#deploys", containing="deployed x4")
    await world.nothing_else()


async def _edit(card: Message, world: World) -> None:
    form = await card.open_form("Edit", by=world.carol)
    assert not (await form.submit({"replicas": "4"})).errors


@pytest.mark.promise("P4")
async def test_an_edit_that_changes_nothing_is_an_approval_and_voids_no_vote(world: World) -> None:
    await world.start("review_tool_call", approvals=[BOTH_DECIDE])
    card = await world.asked("billing")
    await card.click("Approve", by=world.bob)
    form = await (await card.becomes("1 of 2")).open_form("Edit", by=world.carol)
    assert not (await form.submit()).errors
    shown = await card.becomes("Approved by <@U0BOB>, <@U0CAROL>", buttons=[])
    assert "with changes" not in shown.text
    await world.alice.expect_message("#deploys", containing="deployed x2")
    await world.done("deploy billing x2")
    await world.audited(
        card, "asked", "voted by bob: approve", "voted by carol: approve", "decided by carol", "delivered"
    )
    await world.nothing_else()
