"""Words beside a card: a requester takes back what they asked for, and no word of anybody decides."""

import pytest
from stories.world import World, agent

RULE = {"when": {"agent": "*"}, "approvers": {"users": ["bob", "carol"]}}
ASKED = "drop the table"
PRESS = "Words don't count as a decision. To decide, use the buttons on the card"


@pytest.mark.promise("P8")
@pytest.mark.parametrize("words", ["@signoff cancel", "cancel", "Withdraw it, please.", "please cancel my request!"])
async def test_the_requester_takes_it_back_in_words(world: World, words: str) -> None:
    await world.start("yes_or_no", approvals=[RULE])
    card = await world.asked(ASKED)
    await world.alice.say("#deploys", words.replace(",", ""), thread=card)
    await card.becomes("Withdrawn by <@U0ALICE>", buttons=[])
    await world.alice.expect_message("#deploys", containing="withdrew the request, so the run was stopped")
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P8")
async def test_all_requests_of_the_conversation_end_and_it_is_said_once(world: World) -> None:
    reviews = {"input": {"contract": "$text"}, "reply": "told"}
    await world.start(agents={"contracts": agent("three_reviews", **reviews)}, approvals=[RULE])
    await world.alice.say("#deploys", "@signoff the lease")
    cards = [
        await world.bob.expect_card("#deploys", containing=f"Does {team} agree?")
        for team in ("legal", "finance", "security")
    ]
    await world.alice.say("#deploys", "@signoff cancel", thread=cards[0])
    for card in cards:
        await card.becomes("Withdrawn by <@U0ALICE>", buttons=[])
    await world.alice.expect_message("#deploys", containing="withdrew the request, so the run was stopped")
    await world.nothing_else()


@pytest.mark.promise("P6")
async def test_nobody_else_cancels(world: World) -> None:
    await world.start("yes_or_no", approvals=[RULE])
    card = await world.asked(ASKED)
    await world.bob.say("#deploys", "cancel", thread=card)
    await world.bob.say("#deploys", "@signoff cancel", thread=card)
    await world.bob.expect_message("#deploys", containing="This conversation is <@U0ALICE>'s", ephemeral=True)
    await card.becomes("Approve", buttons=["Approve", "Reject"])
    await world.nothing_else()


@pytest.mark.promise("P6")
@pytest.mark.parametrize("words", ["approve", "Yes!", "ok", "LGTM", "reject", ":+1:", "@signoff approve it please"])
async def test_an_approver_who_decides_in_words_hears_where_to_press(world: World, words: str) -> None:
    await world.start("yes_or_no", approvals=[RULE])
    card = await world.asked(ASKED)
    await world.bob.say("#deploys", words, thread=card)
    await world.bob.expect_message("#deploys", containing=PRESS, ephemeral=True)
    await card.becomes("Approve", buttons=["Approve", "Reject"])
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P6")
async def test_others_talk_among_themselves(world: World) -> None:
    await world.start("yes_or_no", approvals=[{**RULE, "approvers": {"users": ["carol"]}}])
    card = await world.asked(ASKED)
    await world.bob.say("#deploys", "ok", thread=card)
    await world.alice.say("#deploys", "yes", thread=card)
    await world.bob.say("#deploys", "approve what they say, I would", thread=card)
    await world.alice.say("#deploys", "@signoff yes", thread=card)
    await world.alice.expect_message("#deploys", containing="for others to decide", ephemeral=True)
    await world.nothing_else()


@pytest.mark.promise("P6")
async def test_in_a_direct_message_a_yes_is_neither_counted_nor_kept_for_later(world: World) -> None:
    await world.start("yes_or_no")
    await world.alice.say("dm", ASKED)
    card = await world.alice.expect_card("dm", containing=ASKED)
    await world.alice.say("dm", "yes")
    await world.alice.expect_message("dm", containing=PRESS, ephemeral=True)
    await card.click("Approve")
    await world.alice.expect_message("dm", containing="approved")
    await world.done(ASKED)
    await world.nothing_else()


@pytest.mark.promise("P3")
async def test_a_question_is_answered_by_the_same_words(world: World) -> None:
    await world.start("query")
    await world.alice.say("#deploys", "@signoff which colour")
    card = await world.alice.expect_message("#deploys", containing="")
    await world.alice.say("#deploys", "cancel", thread=card)
    await card.becomes("Answered by <@U0ALICE>", buttons=[])
