"""Several questions of one thread at once. Each way to ask has a `test_pattern_` module of its own."""

import pytest
from stories.world import World


@pytest.mark.promise("P3")
@pytest.mark.promise("P8")
@pytest.mark.parametrize("first", ["legal", "finance"])
async def test_two_nodes_that_ask_at_once_are_answered_by_different_people_in_any_order(
    world: World, first: str
) -> None:
    second = "finance" if first == "legal" else "legal"
    await world.start("side_by_side")
    await world.alice.say("#deploys", "@signoff sign it")
    cards = {
        name: await world.bob.expect_card("#deploys", containing=f"Does {name} agree?") for name in (first, second)
    }
    await cards[first].click("Approve", by=world.bob)
    await cards[first].becomes("Approved by <@U0BOB>", buttons=[])
    await world.at_rest()
    assert (await cards[second].now()).buttons == ["Approve", "Reject"]
    await world.done(f"{first}: True")

    form = await cards[second].open_form("Reject", by=world.carol)
    await form.submit({"Reason": "clause 7"})
    await cards[second].becomes("Rejected by <@U0CAROL>", buttons=[])
    # The graph signs whatever it hears, so it cannot be told no: nothing is signed.
    await world.alice.expect_message("#deploys", containing="Reason: clause 7")
    await world.done(f"{first}: True")
    await world.nothing_else()


@pytest.mark.promise("P3")
async def test_words_that_may_answer_two_questions_answer_neither(world: World) -> None:
    await world.start("two_at_once")
    await world.alice.say("#deploys", "@signoff hello")
    name = await world.alice.expect_card("#deploys", containing="What is your name?")
    age = await world.alice.expect_card("#deploys", containing="How old are you?")
    await world.at_rest()
    await world.alice.say("#deploys", "Alice", thread=name)
    await world.alice.expect_message("#deploys", containing="Please use the Answer button", ephemeral=True)
    await world.done()

    await (await name.open_form("Answer")).submit({"Answer": "Alice"})
    await name.becomes("Answered by <@U0ALICE>", buttons=[])
    await world.done("name Alice")
    await world.at_rest()
    await world.alice.say("#deploys", "42", thread=name)  # now there is one question only
    await age.becomes("Answered by <@U0ALICE>", buttons=[])
    await world.alice.expect_message("#deploys", containing="Nice to meet you.")
    await world.done("name Alice", "age 42")
    await world.nothing_else()
