"""What people do with a card besides deciding it: each is refused to whom it is not for, and the card tells of it."""

import pytest
from fakes.people import Message, Person
from stories.world import World

RULE = {"when": {"agent": "*"}, "approvers": {"users": ["bob", "carol"]}}
FOUR_HOURS = {**RULE, "remind_after": "2h", "expires_after": "4h"}
ASKED = "drop the table"


async def said_to(who: Person, *words: str) -> None:
    """Only this person is told, and in these words."""
    told = await who.expect_message("#deploys", ephemeral=True)
    for each in words:
        assert each in told.text


async def forms_answer(card: Message, option: str, who: Person, values: dict[str, str]) -> dict[str, str]:
    form = await card.open_form(option, by=who)
    return (await form.submit(values)).errors or {}


async def test_a_card_offers_the_same_to_everybody(world: World) -> None:
    await world.start("yes_or_no", approvals=[FOUR_HOURS])
    card = await world.asked(ASKED)
    assert card.more == [
        "Nudge",
        "Withdraw",
        "Who can approve?",
        "I'm looking",
        "Hand over…",
        "Extend deadline…",
        "History",
    ]
    await card.click("Approve")
    decided = await card.becomes("Approved by", buttons=[])
    assert decided.more == ["History"]
    await world.alice.expect_message("#deploys", containing="approved")
    await world.nothing_else()


@pytest.mark.promise("P11")
async def test_anybody_sees_who_can_approve_right_now_and_why(world: World) -> None:
    await world.start("yes_or_no", approvals=[RULE])
    card = await world.asked(ASKED)
    form = await card.open_form("Who can approve?", by=world.alice)
    assert "<@U0BOB>" in form.text
    assert "<@U0CAROL>" in form.text
    assert "<@U0ALICE> made the request and can't approve it." in form.text
    await world.nothing_else()


@pytest.mark.promise("P6")
async def test_who_looks_pauses_the_reminders_once_and_only_an_approver_does(world: World) -> None:
    await world.start("yes_or_no", approvals=[FOUR_HOURS])
    card = await world.asked(ASKED)
    await card.click("I'm looking", by=world.alice)
    await said_to(world.alice, "You are not an approver of this request.")
    await card.click("I'm looking", by=world.bob)
    await card.becomes("<@U0BOB> is looking at this: no reminders until", buttons=["Approve", "Reject"])
    await card.click("I'm looking", by=world.bob)
    await said_to(world.bob, "You already said that you are looking at this.")
    approval = await world.approval(card)
    assert approval.remind_at is not None
    assert (approval.remind_at - approval.created_at).total_seconds() == pytest.approx(2 * 3600 + 15 * 60, abs=60)
    await world.audited(
        card, "asked", "refused by alice: not_an_approver", "looking by bob", "refused by bob: looked_already"
    )
    await world.nothing_else()


@pytest.mark.promise("P6")
async def test_a_request_is_handed_over_to_an_approver_and_to_nobody_else(world: World) -> None:
    await world.start("yes_or_no", approvals=[RULE])
    card = await world.asked(ASKED)
    for taker in ("gina", "alice", "eve"):
        errors = await forms_answer(card, "Hand over…", world.bob, {"value": f"U0{taker.upper()}"})
        assert "can't decide this request" in errors["value"]
        await said_to(world.bob, "so it was not handed over")
    assert await forms_answer(card, "Hand over…", world.bob, {"value": "U0CAROL"}) == {}
    await card.becomes("Handed over to <@U0CAROL>")
    await world.carol.expect_message("#deploys", containing="<@U0CAROL>: this request needs your decision")
    form = await card.open_form("Hand over…", by=world.alice)
    assert not (await form.submit({"value": "U0CAROL"})).errors
    assert "You are not an approver" in (await world.alice.expect_form()).text
    await said_to(world.alice, "You are not an approver")
    await world.nothing_else()


@pytest.mark.promise("P5")
async def test_an_approver_puts_off_the_deadline(world: World) -> None:
    await world.start("yes_or_no", approvals=[FOUR_HOURS])
    card = await world.asked(ASKED)
    assert await forms_answer(card, "Extend deadline…", world.bob, {"value": "24"}) == {}
    before = await world.approval(card)
    assert before.expires_at is not None
    assert (before.expires_at - before.created_at).total_seconds() == 28 * 3600
    world.clock.advance(hours=5)
    await card.click("Approve")
    await card.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="approved")
    await world.done(ASKED)
    await world.nothing_else()


@pytest.mark.promise("P6")
@pytest.mark.promise("P8")
async def test_only_the_requester_withdraws_and_the_run_stops(world: World) -> None:
    await world.start("yes_or_no", approvals=[RULE])
    card = await world.asked(ASKED)
    await card.click("Withdraw", by=world.bob)
    await said_to(world.bob, "Only <@U0ALICE>, who asked for this, can do that.")
    await card.click("Withdraw", by=world.alice)
    closed = await card.becomes("Withdrawn by <@U0ALICE>", buttons=[])
    assert "no way to hear a rejection" not in closed.text
    await world.alice.expect_message("#deploys", containing="withdrew the request, so the run was stopped")
    await card.click("Approve", by=world.bob, stale=True)
    await said_to(world.bob, "its requester withdrew it", "Your click had no effect")
    await world.done()
    await world.alice.say("#deploys", "@signoff drop the view", thread=card)
    again = await world.bob.expect_card("#deploys", containing="drop the view")
    await again.click("Approve")
    await world.alice.expect_message("#deploys", containing="approved")
    await world.done("drop the view")
    await world.nothing_else()


@pytest.mark.promise("P2")
async def test_a_withdrawal_that_comes_after_the_approval_changes_nothing_and_says_so(world: World) -> None:
    await world.start("yes_or_no", approvals=[RULE])
    card = await world.asked(ASKED)
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="approved")
    await card.click("Withdraw", by=world.alice, stale=True)
    await said_to(world.alice, "This was already approved by <@U0BOB>")
    await world.done(ASKED)
    await world.nothing_else()


async def test_the_requester_nudges_and_not_again_within_the_hour(world: World) -> None:
    await world.start("yes_or_no", approvals=[RULE])
    card = await world.asked(ASKED)
    await card.click("Nudge", by=world.bob)
    await said_to(world.bob, "Only <@U0ALICE>")
    await card.click("Nudge", by=world.alice)
    nudge = await world.bob.expect_message("#deploys", containing="still needs your decision")
    assert "<@U0BOB>" in nudge.text
    await card.click("Nudge", by=world.alice)
    await said_to(world.alice, "You nudged them already.")
    world.clock.advance(minutes=61)
    await card.click("Nudge", by=world.alice)
    await world.bob.expect_message("#deploys", containing="still needs your decision")
    await world.nothing_else()
