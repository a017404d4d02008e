"""What goes wrong in graphs: they raise, hang, loop, are poisoned, grow, or change under a question."""

from collections.abc import Mapping
from typing import Any

import pytest
from fakes.people import Message
from stories.graphs import trouble
from stories.world import World

from adapters.redis.checkpointer.saver import AsyncRedisSaver
from engine.approvals.audit import What

STATE: Mapping[str, Any] = {"input": {"task": "$text"}, "reply": "log[2]"}


async def failed(world: World, containing: str) -> Message:
    """The card that tells alice what failed."""
    card = await world.alice.expect_card("#deploys", containing=containing)
    assert card.buttons[0] == "Retry"
    return card


# It raises ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["prepare", "before asking"])
async def test_a_graph_that_raises_before_it_asks_is_run_again_on_retry(world: World, step: str) -> None:
    await world.start("trouble", **STATE)
    world.outside.broken.add(step)
    await world.alice.say("#deploys", "@signoff the move")
    card = await failed(world, f"RuntimeError: {step} does not work today")
    assert card.buttons == ["Retry", "Dismiss"]
    world.outside.broken.clear()
    await card.click("Retry")
    await card.becomes("Retried by <@U0ALICE>", buttons=[])
    await (await world.bob.expect_card("#deploys", containing="Do the move?")).click("Approve")
    await world.alice.expect_message("#deploys", containing="done")
    assert [each.split(" with")[0] for each in world.outside.done] == ["prepare the move", "act on the move"]


@pytest.mark.promise("P3")
@pytest.mark.parametrize("step", ["after the answer", "act"])
async def test_a_decision_is_not_asked_for_again_when_what_follows_it_fails(world: World, step: str) -> None:
    await world.start("trouble", **STATE)
    card = await world.asked("the move")
    world.outside.broken.add(step)
    await card.click("Approve")
    failure = await failed(world, f"RuntimeError: {step} does not work today")
    await card.becomes("Approved by <@U0BOB>", buttons=[])
    world.outside.broken.clear()
    await failure.click("Retry")
    await world.alice.expect_message("#deploys", containing="done")
    key = (await world.approval(card)).id[-16:]
    await world.done("prepare the move", f"act on the move with {key}")
    await failure.becomes("Retried", buttons=[])
    await world.nothing_else()


@pytest.mark.promise("P3")
async def test_an_answer_that_the_graph_lost_when_it_failed_is_asked_for_again(world: World) -> None:
    """The node asks two things side by side, and fails before it comes to the first, which was answered."""
    await world.start("gathered", input={"task": "$text"}, reply="join(', ', log)")
    said = await world.alice.say("#deploys", "@signoff the party")
    room = await world.alice.expect_card("#deploys", containing="Which room for the party?")
    first = await world.approval(room)
    await world.alice.say("#deploys", "the red one", thread=said.ts)
    await world.alice.expect_card("#deploys", containing="Which food for the party?")
    world.outside.broken.add("look the room up")
    await world.alice.say("#deploys", "cake", thread=said.ts)
    failure = await failed(world, "RuntimeError: look the room up does not work today")
    world.outside.broken.clear()
    await failure.click("Retry")
    for question, answer in (("Which room", "the blue one"), ("Which food", "soup")):
        await world.alice.expect_card("#deploys", containing=question)
        await world.at_rest()
        await world.alice.say("#deploys", answer, thread=said.ts)
    await world.alice.expect_message("#deploys", containing="the blue one, soup")
    await world.done("book the blue one and soup")
    rows = [each.what for each in await world.bot.ports.audit.of_thread(first.thread) if each.approval == first.id]
    lost = [What.ASKED, What.ANSWERED, What.DELIVERED, What.UNDELIVERABLE]
    assert rows == [*lost, What.ASKED, What.ANSWERED, What.DELIVERED]


async def test_each_failure_is_told_anew_and_can_be_left(world: World) -> None:
    await world.start("trouble", **STATE)
    world.outside.broken.add("prepare")
    await world.alice.say("#deploys", "@signoff the move")
    first = await failed(world, "prepare does not work today")
    await first.click("Retry")
    await first.becomes("Retried", buttons=[])
    second = await failed(world, "prepare does not work today")
    assert second.ts != first.ts
    await second.click("Dismiss")
    await second.becomes("Dismissed by <@U0ALICE>", buttons=[])
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P6")
async def test_only_who_asked_retries(world: World) -> None:
    await world.start("trouble", **STATE)
    world.outside.broken.add("prepare")
    await world.alice.say("#deploys", "@signoff the move")
    card = await failed(world, "prepare does not work today")
    await card.click("Retry", by=world.bob)
    await world.bob.expect_message("#deploys", containing="<@U0ALICE>", ephemeral=True)
    assert (await card.now()).buttons == ["Retry", "Dismiss"]


async def test_a_new_message_mends_a_failure(world: World) -> None:
    await world.start("trouble", **STATE)
    world.outside.broken.add("prepare")
    await world.alice.say("#deploys", "@signoff the move")
    card = await failed(world, "prepare does not work today")
    world.outside.broken.clear()
    await world.alice.say("#deploys", "@signoff the other move", thread=card)
    await world.bob.expect_card("#deploys", containing="Do the other move?")
    await card.becomes("Withdrawn", buttons=[])
    await world.done("prepare the other move")


# It is poisoned -------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P3")
async def test_an_answer_that_always_fails_is_forgotten_and_asked_again(world: World) -> None:
    await world.start("number_please", input={"task": "$text"}, reply="result")
    await world.alice.say("#deploys", "@signoff apples")
    question = await world.alice.expect_card("#deploys", containing="How many?")
    await world.alice.say("#deploys", "a few", thread=question)
    failure = await failed(world, "ValueError")
    assert failure.buttons == ["Retry", "Ask again", "Dismiss"]
    await failure.click("Retry")
    failure = await failed(world, "ValueError")
    await failure.click("Ask again")
    await failure.becomes("Asked again by <@U0ALICE>", buttons=[])
    anew = await world.alice.expect_card("#deploys", containing="How many?")
    assert anew.ts != question.ts
    await world.alice.say("#deploys", "3", thread=anew)
    await world.alice.expect_message("#deploys", containing="took 3")
    await world.done("take 3")


# It never ends --------------------------------------------------------------------------------------------------------


async def test_a_run_that_hangs_is_stopped_by_its_time_limit_and_can_be_retried(world: World) -> None:
    await world.start("trouble", **STATE, time_limit="1s")
    card = await world.asked("hang")
    await card.click("Approve")
    failure = await failed(world, "it took longer than 1 second (time_limit in app.yaml)")
    await card.becomes("Approved", buttons=[])
    await world.restart()
    assert (await failure.now()).buttons == ["Retry", "Dismiss"]
    world.outside.door("hang").set()
    await failure.click("Retry")
    await world.alice.expect_message("#deploys", containing="done")
    assert [each.split(" with")[0] for each in world.outside.done] == ["prepare hang", "act on hang"]


async def test_what_a_blocked_thread_does_after_the_limit_is_not_stored(world: World) -> None:
    await world.start("trouble", **STATE, time_limit="1s")
    await (await world.asked("block")).click("Approve")
    failure = await failed(world, "it took longer than 1 second")
    world.outside.door("block").set()
    await world.done("prepare block", "the blocked thread ended")
    await world.at_rest()
    assert (await failure.now()).buttons == ["Retry", "Dismiss"], "nothing came of it"


async def test_a_loop_is_stopped_by_its_limit_and_goes_on_only_by_retry(world: World) -> None:
    await world.start("same_question", input={"task": "$text"}, reply="task", recursion_limit=10)
    await world.alice.say("#deploys", "@signoff run")
    failure = await failed(world, "more steps than one run may (recursion_limit in app.yaml)")
    steps = len(world.outside.done)
    assert 5 <= steps <= 11
    await world.restart()
    await world.at_rest()
    assert len(world.outside.done) == steps, "nothing runs it on by itself"
    await failure.click("Retry")
    await failed(world, "more steps than one run may")
    assert steps < len(world.outside.done) <= 2 * 11


async def test_the_same_question_asked_in_a_loop_is_a_new_question_each_time(world: World) -> None:
    await world.start("same_question", input={"task": "$text"}, reply="task")
    await world.alice.say("#deploys", "@signoff ask")
    seen: list[str] = []
    for _ in range(4):
        card = await world.bob.expect_card("#deploys", containing="Once more?")
        seen.append(card.ts)
        await card.click("Approve")
        await card.becomes("Approved", buttons=[])
    card = await world.bob.expect_card("#deploys", containing="Once more?")
    await (await card.open_form("Reject")).submit({"Reason": "enough"})
    await card.becomes("Rejected", buttons=[])
    assert len({*seen, card.ts}) == 5
    # Either answer does something there, so the code does not say which one refuses: the node hears nothing, and stops.
    await world.done(*(f"round {number}: True" for number in range(4)))


# It is large, or changes ----------------------------------------------------------------------------------------------


async def test_a_state_of_five_megabytes_waits_and_goes_on(world: World) -> None:
    await world.start("trouble", **STATE)
    card = await world.asked("big", containing="Do big?")
    await world.restart()
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="done")


async def test_a_breakpoint_on_a_state_of_five_megabytes_shows_what_can_be_read(world: World) -> None:
    await world.start("trouble", **STATE, interrupt_before=["ask"])
    card = await world.asked("big", containing='Run the step "ask"?')
    assert "big: 5,000,002 characters, which are not shown" in card.text
    approval = await world.approval(card)
    assert len(str(approval)) < 20_000
    await (await card.open_form("Edit state")).submit({"task": "small"})
    await world.bob.expect_card("#deploys", containing="Do small?")


@pytest.mark.promise("P4")
async def test_a_state_that_was_changed_from_outside_is_asked_again(world: World) -> None:
    await world.start("trouble", **STATE)
    card = await world.asked("the move")
    await world.at_rest()  # else the write outside takes the lane from the very run that asks
    saver = AsyncRedisSaver(world.bot.storage.database, keys=world.bot.storage.keys)
    graph = trouble.builder.compile(checkpointer=saver)
    config: Any = {"configurable": {"thread_id": world.thread(card), "signoff_fence": 10**9}}
    await graph.aupdate_state(config, {"task": "another move"})
    await card.click("Approve")
    await card.becomes("not delivered", buttons=[])
    await world.bob.expect_card("#deploys", containing="Do another move?")
    await world.done("prepare the move")


@pytest.mark.promise("P3")
async def test_a_click_and_a_new_message_at_once_are_taken_in_turn(world: World) -> None:
    await world.start("trouble", **STATE)
    card = await world.asked("the move")
    await world.alice.say("#deploys", "@signoff the other move", thread=card)
    await card.click("Approve")
    await world.bob.expect_card("#deploys", containing="Do the other move?")
    key = (await world.approval(card)).id[-16:]
    await world.done("prepare the move", f"act on the move with {key}", "prepare the other move")
