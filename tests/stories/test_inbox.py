"""Agent Inbox asks for more than approvals: it asks questions, gives notice, and asks for several things at once."""

import pytest
from stories.world import World


@pytest.mark.promise("P6")
async def test_a_question_is_for_the_requester_who_answers_by_replying(world: World) -> None:
    await world.start("mail_inbox")
    await world.alice.say("#deploys", "@signoff ask")
    card = await world.alice.expect_card("#deploys", containing="Which day suits Ada?")
    assert "Approve" not in card.text
    assert card.text.startswith("Question\nWhich day suits Ada?")
    assert card.buttons == ["Answer", "Ignore"]
    await card.click("Ignore", by=world.bob)
    await world.bob.expect_message("#deploys", containing="This question is for <@U0ALICE>", ephemeral=True)
    await world.alice.say("#deploys", "Monday", thread=card)
    await card.becomes("Answered by <@U0ALICE>", buttons=[])
    await world.alice.expect_message("#deploys", containing="I had 1 of my requests back.")
    await world.done("response: Monday")
    await world.nothing_else()


async def test_a_question_can_be_ignored(world: World) -> None:
    await world.start("mail_inbox")
    await world.alice.say("#deploys", "@signoff ask")
    card = await world.alice.expect_card("#deploys", containing="Which day suits Ada?")
    await card.click("Ignore", by=world.alice)
    await card.becomes("Ignored by <@U0ALICE>", buttons=[])
    await world.alice.expect_message("#deploys", containing="I had 1 of my requests back.")
    await world.done("ignore: None")
    await world.nothing_else()


@pytest.mark.promise("P6")
@pytest.mark.parametrize("name", ["alice", "bob", "gina"])
async def test_a_notice_is_seen_by_whoever_is_there(world: World, name: str) -> None:
    """No rule governs it, since it decides nothing; a guest may say so only of what was told to them."""
    person = world.slack.person(name)
    await world.start(
        "mail_inbox", approvals=[{"when": {"agent": "mail_inbox"}, "approvers": {"users": ["carol"]}, "quorum": 1}]
    )
    asking = world.gina if name == "gina" else world.alice
    await asking.say("#deploys", "@signoff notify")
    card = await world.bob.expect_card("#deploys", containing="Lunch is at")
    assert "Mail from Ada" in card.text
    assert card.buttons == ["Got it"]
    await card.click("Got it", by=person)
    await card.becomes(f"Seen by <@U0{name.upper()}>", buttons=[])
    await asking.expect_message("#deploys", containing="I had 1 of my requests back.")
    await world.done("ignore: None")
    await world.nothing_else()


@pytest.mark.promise("P6")
async def test_a_guest_cannot_take_note_of_what_somebody_else_is_told(world: World) -> None:
    await world.start("mail_inbox")
    await world.alice.say("#deploys", "@signoff notify")
    card = await world.bob.expect_card("#deploys", containing="Lunch is at")
    await card.click("Got it", by=world.gina)
    await world.gina.expect_message("#deploys", containing="guest", ephemeral=True)
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P3")
async def test_a_list_of_requests_is_one_card_and_each_is_decided_alone(world: World) -> None:
    await world.start("mail_inbox")
    await world.alice.say("#deploys", "@signoff several")
    card = await world.bob.expect_card("#deploys", containing="Approve 3 actions?")
    assert card.buttons == ["Approve", "Reject", "Approve", "Edit", "Reject", "Answer", "Reject"]
    await (await card.open_form("Edit")).submit({"seats": "6"})
    card = await card.becomes(
        "2. book_table: ✅ Approved with changes", buttons=["Approve", "Reject", "Answer", "Reject"]
    )
    await (await card.open_form("Answer")).submit({"Answer": "Monday"})
    card = await card.becomes("3. Question: 💬 Answered", buttons=["Approve", "Reject"])
    await world.done()  # the graph waits for all three
    await card.click("Approve")
    await card.becomes("by <@U0BOB>", buttons=[])
    await world.alice.expect_message("#deploys", containing="I had 3 of my requests back.")
    await world.done("accept: None", "edit: {'action': 'book_table', 'args': {'seats': 6}}", "response: Monday")
    await world.nothing_else()


@pytest.mark.promise("P3")
async def test_words_that_may_answer_several_questions_of_one_card_answer_none(world: World) -> None:
    await world.start("mail_inbox")
    await world.alice.say("#deploys", "@signoff questions")
    card = await world.alice.expect_card("#deploys", containing="Which place?")
    await world.alice.say("#deploys", "Monday", thread=card)
    await world.alice.expect_message("#deploys", containing="Please use the Answer button", ephemeral=True)
    assert card.buttons == ["Answer", "Ignore"] * 2
    await world.done()
    await world.nothing_else()
