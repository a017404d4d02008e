"""Two bots on one Redis: one dies or stands still in the middle of its work, and the other goes on (P7).

Who stands still is worse than who is dead: it wakes and goes on where it stood, with what it knew. Its lane has another
holder by then, so its fence is old: it can write no checkpoint, and what it does besides changes nothing.
"""

import os
import signal

import pytest
from crash.harness import LATE, NOT_SAVED, World
from crash.sweep import chosen
from crash.tales import ANSWERED, APPROVED, CLEANED, Tale
from crash.test_crash_everywhere import HOPS

NOT_FENCED = {
    "before:chat.draw:1",
    "after:approvals.get:1",
    "after:approvals.open:2",
    "before:chat.say:1",
}
"""At these hops something is about to be posted. Slack knows no fence: who stands still there posts when it wakes.

What then becomes of the second card is told in the last tests.
"""


def hops() -> list[tuple[Tale, str]]:
    every = [
        (tale, f"{when}:{what}:{number}:stop")
        for tale in (APPROVED, ANSWERED, CLEANED)
        for when in ("before", "after")
        for what, number in HOPS
        if f"{when}:{what}:{number}" not in NOT_FENCED
    ]
    some = [
        (APPROVED, "before:graphs.start:1:stop"),
        (APPROVED, "before:graphs.resume_if_pending:1:stop"),
        (APPROVED, "after:chat.draw:1:stop"),
        (CLEANED, "after:graphs.resume_if_pending:1:stop"),
        (CLEANED, "after:approvals.open:1:stop"),
        (ANSWERED, "before:approvals.save:2:stop"),
    ]
    return chosen(every, some)


@pytest.mark.promise("P7")
@pytest.mark.parametrize(("tale", "hop"), hops(), ids=str)
async def test_who_stands_still_and_wakes_changes_nothing(world: World, tale: Tale, hop: str) -> None:
    tale.begin(world)
    async with world.two(hop) as wake:
        await tale.tell(world)
        await world.at_rest()
        await wake()
        await tale.is_true(world, LATE, NOT_SAVED)
    assert world.stood_still or tale is not APPROVED, "the hop was never come to"


@pytest.mark.promise("P7")
async def test_a_run_that_stood_still_is_finished_by_another_and_fenced(world: World) -> None:
    """It stands still in the middle of a node, and wakes inside of it when the other has finished the run."""
    world.configure("slow")
    first = world.begin()
    await world.ask("the release")
    card = await world.bob.expect_card("#deploys", containing="Shall I begin?")
    await world.approve(card)
    await world.begun("begun 1")
    world.stop(first)
    world.begin()
    await world.until(lambda: world.effects().count("begun 1") == 2, "the other begins the step again")
    for number in (1, 2, 3):
        world.open_door(number)
    await world.alice.expect_message("#deploys", containing="All steps are done.")
    await world.at_rest()
    os.kill(first.pid or 0, signal.SIGCONT)
    await world.until(lambda: world.effects().count("done 1") == 2, "the first wakes inside of its step")
    await world.end_all()
    await world.nothing_else()
    await card.becomes("Approved by", buttons=[])
    done = world.effects()
    assert [each for each in done if each != "begun 1"] == [
        *("approved True", "done 1", "begun 2", "done 2", "begun 3", "done 3", "done 1")
    ]
    (await world.kept()).decided_once(*APPROVED.rows)


@pytest.mark.promise("P7")
async def test_a_run_whose_process_died_is_finished_by_another(world: World) -> None:
    world.configure("slow")
    first = world.begin()
    await world.ask("the release")
    card = await world.bob.expect_card("#deploys", containing="Shall I begin?")
    await world.approve(card)
    await world.begun("begun 1")
    world.begin()
    await world.ready(2)
    first.kill()
    for number in (1, 2, 3):
        world.open_door(number)
    await world.alice.expect_message("#deploys", containing="All steps are done.")
    await world.nothing_else()
    await card.becomes("Approved by", buttons=[])
    world.did("approved True", *(f"{what} {number}" for number in (1, 2, 3) for what in ("begun", "done")), at_most=1)
    (await world.kept()).decided_once(*APPROVED.rows)
    await world.end_all()


@pytest.mark.promise("P8")
async def test_a_card_that_was_posted_late_tells_the_truth(world: World) -> None:
    APPROVED.begin(world)
    async with world.two("before:chat.draw:1:stop") as wake:
        await APPROVED.tell(world)
        await world.at_rest()
        await wake()
        await world.at_rest()
        (card,) = [each for each in await world.bob.messages("#deploys") if "Is this right?" in each.text]
        assert not card.buttons


@pytest.mark.promise("P8")
async def test_of_two_cards_of_one_question_one_is_left(world: World) -> None:
    """The second is posted by who stood still, while the first still waits for a decision."""
    APPROVED.begin(world)
    async with world.two("before:chat.draw:1:stop") as wake:
        await world.ask("billing")
        card = await world.bob.expect_card("#deploys", containing="Is this right?")
        await world.at_rest()
        await wake()
        await world.at_rest()
        await world.one_card("Is this right?", card)
        await world.approve(card)
        await world.alice.expect_message("#deploys", containing="Shipped billing x2")
        await world.at_rest()
        await card.becomes("Approved by", buttons=[])
        await world.one_card("Is this right?", card)
