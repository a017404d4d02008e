"""The first answer to a question counts, also while its message waits behind a run: nothing that came later passes it.

A message waits in its thread's lane, behind the run of another branch; a form and a deadline do not.
"""

import pytest
from fakes.people import Message, wait_until
from stories.world import World

from engine.approvals.effects import Timer, TimerFired


async def answered_during_work(world: World, text: str, **rule: object) -> Message:
    """Alice answers the question in words while another branch works; gives the question's card."""
    approvals = [{"when": {"kind": "question"}, **rule}] if rule else []
    await world.start("colour_beside_work", approvals=approvals)
    root = await world.alice.say("#deploys", "@signoff paint the wall")
    question = await world.alice.expect_card("#deploys", containing="Which colour?")
    request = await world.bob.expect_card("#deploys", containing="Go on?")
    await request.click("Approve")
    await world.done("work")
    await world.alice.say("#deploys", text, thread=root.ts)
    return question


@pytest.mark.promise("P1")
@pytest.mark.promise("P2")
async def test_a_form_does_not_pass_a_message_that_answers_the_question(world: World) -> None:
    question = await answered_during_work(world, "red")
    await (await question.open_form("Answer")).submit({"Answer": "blue"})
    await world.alice.expect_message("#deploys", containing="is handled first", ephemeral=True)
    world.outside.door("ready").set()
    await world.alice.expect_message("#deploys", containing="already answered", ephemeral=True)
    await question.becomes("red", buttons=[])
    await world.done("work", "heard: red")
    await world.alice.expect_message("#deploys", containing="painted")
    await world.nothing_else()


async def test_a_form_counts_where_the_message_before_it_answers_nothing(world: World) -> None:
    question = await answered_during_work(world, "<@U0BOB> what do you think?")
    await (await question.open_form("Answer")).submit({"Answer": "blue"})
    await world.alice.expect_message("#deploys", containing="is handled first", ephemeral=True)
    world.outside.door("ready").set()
    await question.becomes("blue", buttons=[])
    await world.done("work", "heard: blue")
    await world.alice.expect_message("#deploys", containing="painted")
    await world.nothing_else()


async def test_of_two_forms_behind_a_message_the_first_counts(world: World) -> None:
    question = await answered_during_work(world, "<@U0BOB> what do you think?")
    for colour in ("blue", "green"):
        await (await question.open_form("Answer")).submit({"Answer": colour})
        await world.alice.expect_message("#deploys", containing="is handled first", ephemeral=True)
    world.outside.door("ready").set()
    await world.alice.expect_message("#deploys", containing="already answered", ephemeral=True)
    await question.becomes("blue", buttons=[])
    await world.done("work", "heard: blue")
    await world.alice.expect_message("#deploys", containing="painted")
    await world.nothing_else()


@pytest.mark.promise("P5")
async def test_a_deadline_does_not_pass_a_message_that_came_before_it(world: World) -> None:
    question = await answered_during_work(world, "red", expires_after="1h")
    world.clock.advance(hours=2)
    asked = await world.approval(question)
    await world.bot.ports.lanes.put(TimerFired(asked.id, Timer.EXPIRE, asked.expires_at), "due")

    async def put_off() -> bool | None:
        return True if (await world.approval(question)).awaits else None

    await wait_until(put_off)
    world.outside.door("ready").set()
    await question.becomes("red", buttons=[])
    await world.done("work", "heard: red")
    await world.alice.expect_message("#deploys", containing="painted")
    await world.nothing_else()


@pytest.mark.promise("P1")
async def test_a_message_answers_a_card_whose_posting_is_not_known_yet_by_whatever_clock_it_is_asked(
    world: World,
) -> None:
    await world.start("colour_beside_work")
    await world.slack.people.fault(method="chat.postMessage", answer_after=2, times=2)
    root = await world.alice.say("#deploys", "@signoff paint the wall")
    question = await world.alice.expect_card("#deploys", containing="Which colour?")
    world.clock.advance(hours=1)
    await world.alice.say("#deploys", "red", thread=root.ts)
    await question.becomes("red", buttons=[])


@pytest.mark.promise("P3")
async def test_a_message_answers_also_where_its_card_is_deleted_before_it_is_read(world: World) -> None:
    question = await answered_during_work(world, "red")
    await question.delete()
    again = await world.alice.expect_card("#deploys", containing="Which colour?")
    world.outside.door("ready").set()
    await again.becomes("red", buttons=[])
    await world.done("work", "heard: red")
    await world.alice.expect_message("#deploys", containing="painted")
    await world.nothing_else()
