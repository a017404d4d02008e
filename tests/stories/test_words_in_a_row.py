"""People write two or three messages in a row: what the agent cannot take yet is held, offered, and never dropped."""

import pytest
from fakes.people import Message
from stories.world import World

SEND = "Send as my answer"


async def early(world: World, where: str, first: str, *later: str) -> str | None:
    """Alice writes several messages while the agent still works on the first; gives their thread."""
    await world.start("asks_when_ready")
    mention = "@signoff " if where == "#deploys" else ""
    root = await world.alice.say(where, f"{mention}{first}")
    thread = root.ts if where == "#deploys" else None
    await world.done(f"work on {first}")
    for text in later:
        await world.alice.say(where, f"{mention}{text}", thread=thread)
    world.outside.door("ready").set()
    return thread


def offered(card: Message) -> str:
    """What the card says that was written before it."""
    _, _, words = card.text.partition("Written before this question:")
    return words.strip()


@pytest.mark.promise("P3")
@pytest.mark.parametrize("where", ["#deploys", "dm"])
async def test_words_from_before_the_question_are_offered_whole_and_sent_by_one_button(
    world: World, where: str
) -> None:
    long = "green " * 400
    await early(world, where, "paint the wall", "red or", long, "*blue* <!channel>")
    card = await world.alice.expect_card(where, containing="Which colour?")
    card = await card.becomes("*blue*", buttons=["Answer", SEND])
    assert " ".join(offered(card).split()).startswith(f"red or {long.strip()} ")
    assert "<!" not in card.text
    await world.at_rest()
    await card.click(SEND)
    await card.becomes("Answered by <@U0ALICE>", buttons=[])
    await world.alice.expect_message(where, containing="heard: red or")
    again = await world.alice.expect_card(where, containing="Which colour?")
    assert again.buttons == ["Answer"], "nothing is left to offer"
    await world.done("work on paint the wall")
    await world.nothing_else()


@pytest.mark.promise("P3")
async def test_words_held_behind_a_request_are_offered_when_the_question_comes(world: World) -> None:
    thread = await early(world, "#deploys", "paint the gate")
    request = await world.bob.expect_card("#deploys", containing="Go on?")
    for text in ("red", "or blue"):
        await world.alice.say("#deploys", f"@signoff {text}", thread=thread)
        await world.alice.expect_message(
            "#deploys", containing="Queued until the request above is decided", ephemeral=True
        )
    await world.restart()
    await request.click("Approve")
    card = await world.alice.expect_card("#deploys", containing="Which colour?")
    card = await card.becomes("or blue", buttons=["Answer", SEND])
    await card.click(SEND)
    heard = await world.alice.expect_message("#deploys", containing="heard: red")
    assert "or blue" in heard.text
    await world.alice.expect_card("#deploys", containing="Which colour?")
    await world.nothing_else()


@pytest.mark.promise("P1")
async def test_who_answers_otherwise_loses_nothing(world: World) -> None:
    thread = await early(world, "#deploys", "paint the wall", "red")
    card = await world.alice.expect_card("#deploys", containing="Which colour?")
    card = await card.becomes("red", buttons=["Answer", SEND])
    await world.at_rest()
    await world.alice.say("#deploys", "green", thread=thread)
    await world.alice.expect_message("#deploys", containing="heard: green")
    second = await world.alice.expect_card("#deploys", containing="Which colour?")
    second = await second.becomes("red", buttons=["Answer", SEND])
    await (await second.open_form("Answer")).submit({"Answer": "the end"})
    await world.alice.expect_message("#deploys", containing="heard: the end")
    third = await world.alice.expect_card("#deploys", containing="Which colour?")
    assert third.buttons == ["Answer"]
    await world.done("work on paint the wall", "work on red")
    await world.nothing_else()


@pytest.mark.promise("P6")
async def test_only_who_wrote_the_words_sends_them(world: World) -> None:
    rule = {"when": {"kind": "question"}, "approvers": {"users": ["alice", "bob"]}, "own_requests": True}
    await world.start("asks_when_ready", approvals=[rule])
    root = await world.alice.say("#deploys", "@signoff paint the wall")
    await world.alice.say("#deploys", "@signoff red", thread=root.ts)
    world.outside.door("ready").set()
    card = await world.alice.expect_card("#deploys", containing="Which colour?")
    card = await card.becomes("red", buttons=["Answer", SEND])
    await card.click(SEND, by=world.bob)
    await world.bob.expect_message("#deploys", containing="only they can send them", ephemeral=True)
    assert (await card.now()).buttons == ["Answer", SEND]
    await card.click(SEND)
    await world.alice.expect_message("#deploys", containing="heard: red")
    await world.alice.expect_card("#deploys", containing="Which colour?")
    await world.nothing_else()


@pytest.mark.promise("P3")
async def test_the_button_sends_what_the_card_showed_and_later_words_stay_held(world: World) -> None:
    thread = await early(world, "#deploys", "paint the gate")
    request = await world.bob.expect_card("#deploys", containing="Go on?")
    await world.alice.say("#deploys", "@signoff red", thread=thread)
    await world.alice.expect_message("#deploys", containing="Queued until", ephemeral=True)
    await request.click("Approve")
    card = await world.alice.expect_card("#deploys", containing="Which colour?")
    card = await card.becomes("red", buttons=["Answer", SEND])
    await world.at_rest()
    await card.click(SEND)
    await card.click(SEND, stale=True)
    await world.alice.expect_message("#deploys", containing="This was already answered", ephemeral=True)
    await world.alice.expect_message("#deploys", containing="heard: red")
    await world.alice.expect_card("#deploys", containing="Which colour?")
    await world.nothing_else()


@pytest.mark.promise("P3")
async def test_a_remark_between_people_that_came_too_early_is_offered_and_otherwise_falls_away(world: World) -> None:
    await world.start("asks_when_ready")
    root = await world.alice.say("#deploys", "@signoff paint the wall")
    await world.done("work on paint the wall")
    await world.alice.say("#deploys", "let us see", thread=root.ts)
    await world.alice.say("#deploys", "<@U0BOB> what do you think?", thread=root.ts)
    world.outside.door("ready").set()
    card = await world.alice.expect_card("#deploys", containing="Which colour?")
    card = await card.becomes("let us see", buttons=["Answer", SEND])
    assert offered(card).splitlines()[0] == "let us see"
    assert "what do you think" not in card.text
    await world.alice.say("#deploys", "the end", thread=root.ts)
    await world.alice.expect_message("#deploys", containing="heard: the end")
    await world.done("work on paint the wall")
    await world.nothing_else()


@pytest.mark.promise("P1")
async def test_a_second_answer_behind_the_first_waits_for_the_next_question(world: World) -> None:
    thread = await early(world, "#deploys", "paint the wall")
    await world.alice.expect_card("#deploys", containing="Which colour?")
    await world.at_rest()
    for text in ("red", "no, blue"):
        await world.alice.say("#deploys", text, thread=thread)
    await world.alice.expect_message("#deploys", containing="heard: red")
    card = await world.alice.expect_card("#deploys", containing="Which colour?")
    await card.becomes("no, blue", buttons=["Answer", SEND])
    await world.nothing_else()
