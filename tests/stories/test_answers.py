"""An answer reaches the very question it was given to, never the next one, whatever happens in between (P3, P4)."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from fakes.people import Message
from stories.world import World

from bot.wiring.ports import Ports
from engine.approvals.effects import Resume
from engine.ports import UNWATCHED, Answer, Graphs, Held, Resumed, Stale, Watcher


async def _first_question(world: World) -> Message:
    await world.alice.say("#deploys", "@signoff clean up")
    return await world.bob.expect_card("#deploys", containing="Delete the logs?")


@pytest.mark.promise("P3")
async def test_an_answer_delivered_three_times_never_answers_the_next_question(world: World) -> None:
    await world.start("two_questions")
    card = await _first_question(world)
    first = (await world.approval(card)).id
    await card.click("Approve")
    second = await world.bob.expect_card("#deploys", containing="Delete the production database?")
    await world.at_rest()
    for number in range(3):
        await world.bot.ports.lanes.put(Resume(first), f"again/{number}")
    await world.at_rest()
    assert (await second.now()).buttons == ["Approve", "Reject"]
    await world.done()

    await (await second.open_form("Reject")).submit({"Reason": "never"})
    await world.alice.expect_message("#deploys", containing="logs True, database False")
    await world.done("logs: True, database: False")
    await world.nothing_else()


@pytest.mark.promise("P3")
async def test_a_click_repeated_on_the_first_question_never_answers_the_second(world: World) -> None:
    await world.start("two_questions")
    card = await _first_question(world)
    for _ in range(3):
        await card.click("Approve", stale=True)
    second = await world.bob.expect_card("#deploys", containing="Delete the production database?")
    for _ in range(2):
        await world.bob.expect_message("#deploys", containing="already approved", ephemeral=True)
    await world.at_rest()
    assert (await second.now()).buttons == ["Approve", "Reject"]
    await world.done()
    await world.nothing_else()


class ThreeTimes:
    """Graphs that get each answer three times, as when a process dies before it can say that it was delivered."""

    def __init__(self, graphs: Graphs, between: Callable[[], None] = lambda: None) -> None:
        self._graphs = graphs
        self._between = between

    def __getattr__(self, name: str) -> Any:
        return getattr(self._graphs, name)

    async def resume_if_pending(
        self, answer: Answer, fence: int, watcher: Watcher = UNWATCHED
    ) -> Resumed | Stale | Held:
        del watcher  # nobody watches
        await self._graphs.resume_if_pending(answer, fence)
        self._between()
        await self._graphs.resume_if_pending(answer, fence)
        return await self._graphs.resume_if_pending(answer, fence)


@pytest.mark.promise("P3")
async def test_an_answer_that_reaches_the_graph_three_times_is_taken_once(world: World) -> None:
    def three_times(ports: Ports) -> None:
        ports.graphs = ThreeTimes(ports.graphs)

    world.alter = three_times
    await world.start("two_questions")
    card = await _first_question(world)
    await card.click("Approve")
    second = await world.bob.expect_card("#deploys", containing="Delete the production database?")
    await world.at_rest()
    assert (await second.now()).buttons == ["Approve", "Reject"]
    await world.done()
    await (await second.open_form("Reject")).submit({"Reason": "never"})
    await world.alice.expect_message("#deploys", containing="logs True, database False")
    await world.done("logs: True, database: False")
    await world.nothing_else()


@pytest.mark.promise("P3")
async def test_a_node_that_raises_after_its_first_answer_is_run_again_and_never_answered_again(world: World) -> None:
    def three_times(ports: Ports) -> None:
        ports.graphs = ThreeTimes(ports.graphs, world.outside.broken.clear)

    world.alter = three_times
    await world.start("two_questions")
    card = await _first_question(world)
    world.outside.broken.add("after the first answer")
    await card.click("Approve")
    second = await world.bob.expect_card("#deploys", containing="Delete the production database?")
    await world.at_rest()
    assert (await second.now()).buttons == ["Approve", "Reject"]
    await world.done()
    await (await second.open_form("Reject")).submit({"Reason": "never"})
    await world.alice.expect_message("#deploys", containing="logs True, database False")
    await world.done("logs: True, database: False")
    await world.nothing_else()


async def test_a_node_that_goes_on_raising_is_told_once_and_a_new_message_starts_again(world: World) -> None:
    await world.start("two_questions")
    card = await _first_question(world)
    world.outside.broken.add("after the first answer")
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="The agent failed: RuntimeError: after the first answer")
    await card.becomes("Approved by", buttons=[])
    await world.nothing_else()

    world.outside.broken.clear()
    await world.alice.say("#deploys", "@signoff once more", thread=card)
    await world.bob.expect_card("#deploys", containing="Delete the logs?")
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P2")
@pytest.mark.parametrize("times", [2, 5])
async def test_a_decision_delivered_many_times_at_once_resumes_once(world: World, times: int) -> None:
    await world.start("yes_or_no")
    card = await world.asked("drop the table")
    approval = (await world.approval(card)).id
    await card.click("Approve")
    await asyncio.gather(*(world.bot.ports.lanes.put(Resume(approval), f"again/{each}") for each in range(times)))
    await world.alice.expect_message("#deploys", containing="approved")
    await world.at_rest()
    await world.done("drop the table")
    await world.nothing_else()


# The code changes while somebody thinks -------------------------------------------------------------------------------

Changes = Sequence[tuple[str, str]]
GREW: Changes = (("    logs = interrupt", '    interrupt({"question": "Delete the backups?"})\n    logs = interrupt'),)
REWORDED: Changes = (('"Delete the logs?"', '"Delete the logs of all customers?"'),)
RENAMED: Changes = (("clean_up", "wipe"),)


@pytest.mark.promise("P4")
@pytest.mark.parametrize(
    ("changes", "asked_now"),
    [(GREW, "Delete the backups?"), (REWORDED, "Delete the logs of all customers?")],
    ids=["grew an interrupt", "asks something else"],
)
async def test_where_the_graph_changed_while_it_waited_it_is_asked_again(
    world: World, changes: Changes, asked_now: str
) -> None:
    await world.start("two_questions")
    card = await _first_question(world)
    await world.stop()
    world.rewrite("two_questions", *changes)
    await world.run()
    await card.click("Approve", stale=True)
    again = await world.bob.expect_card("#deploys", containing=asked_now)
    await card.becomes("code changed", buttons=[])
    await world.done()
    assert again.buttons == ["Approve", "Reject"]
    rows = await world.audit(card)
    assert "delivered" not in rows
    assert any(row.startswith(("undeliverable", "withdrawn")) for row in rows)

    await again.click("Approve")
    await again.becomes("Approved by", buttons=[])
    await world.bob.expect_card("#deploys", containing="Delete the")  # the next question, of the new code
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P4")
async def test_where_the_node_is_gone_its_question_is_refused_with_a_sentence(world: World) -> None:
    await world.start("two_questions")
    card = await _first_question(world)
    await world.stop()
    world.rewrite("two_questions", *RENAMED)
    await world.run()
    await card.click("Approve", stale=True)
    await card.becomes("nothing was sent", buttons=[])
    await world.at_rest()
    await world.done()
    assert not [row for row in await world.audit(card) if row == "delivered"]

    await world.alice.say("#deploys", "@signoff clean up", thread=card)
    again = await world.bob.expect_card("#deploys", containing="Delete the logs?")
    assert again.buttons == ["Approve", "Reject"]
    await world.done()


@pytest.mark.promise("P3")
async def test_where_the_code_did_not_change_a_restart_asks_nothing_again(world: World) -> None:
    await world.start("two_questions")
    card = await _first_question(world)
    await world.restart()
    await card.click("Approve")
    second = await world.bob.expect_card("#deploys", containing="Delete the production database?")
    await world.restart()
    await second.click("Approve")
    await world.alice.expect_message("#deploys", containing="logs True, database True")
    await world.done("logs: True, database: True")
    await world.nothing_else()


# Under a card ---------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P3")
async def test_a_reply_in_the_thread_under_a_question_answers_it(world: World) -> None:
    await world.start("advisers")
    await world.alice.say("dm", "Lisbon")
    await world.alice.expect_message("dm", containing="heard: Lisbon")
    card = await world.alice.expect_card("dm", containing="Ready for user input.")
    await world.alice.say("dm", "and quickly please", thread=card.ts)
    await card.becomes("and quickly please", buttons=[])
    await world.alice.expect_message("dm", containing="heard: and quickly please")
    await world.alice.expect_card("dm", containing="Ready for user input.")
    await world.nothing_else()


# Draining -------------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P1")
async def test_a_run_that_is_drained_between_two_steps_goes_on_after_the_restart(world: World) -> None:
    await world.start("slow")
    await world.alice.say("#deploys", "@signoff one")
    await world.done("began one")
    stopping = await world.stopping()
    world.outside.door("first").set()
    await stopping
    await world.done("began one", "first one")

    world.outside.door("second").set()
    await world.run()
    await world.alice.expect_message("#deploys", containing="one is done")
    await world.done("began one", "first one", "second one")
    await world.nothing_else()


@pytest.mark.promise("P1")
async def test_a_message_that_comes_while_the_bot_is_away_is_taken_when_it_is_back(world: World) -> None:
    world.slack.workspace.dispatcher._retry_after = (0.0, 0.3, 2.0)
    await world.start("echo")
    await world.stop()
    said = await world.alice.say("#deploys", "@signoff hello")
    assert not said.acked
    await world.run()
    await world.alice.expect_message("#deploys", containing="1: hello")
    await world.nothing_else()
