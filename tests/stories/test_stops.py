"""A text review can be rejected: its graph knows no answer that means no, so that the run stops (P5)."""

from typing import Any

import pytest
from fakes.people import Message
from stories.world import World, agent

SENTENCE = "rejected this request, so the run was stopped. The agent was not told"


async def reject(card: Message, reason: str = "not like this") -> None:
    form = await card.open_form("Reject")
    assert not (await form.submit({"Reason": reason})).errors


async def together(world: World, **more: Any) -> tuple[Message, Message]:
    """A letter to review, and beside it an approval: two cards of one run."""
    entry = agent("letter_and_legal", input={"letter": "$text"}, reply="told", **more)
    await world.start(agents={"letters": entry})
    await world.alice.say("#deploys", "@signoff Dear Bob")
    letter = await world.bob.expect_card("#deploys", containing="Dear Bob")
    return letter, await world.bob.expect_card("#deploys", containing="Does legal agree?")


@pytest.mark.promise("P5")
@pytest.mark.promise("P9")
async def test_a_rejected_text_stops_the_run_and_the_next_message_begins_anew(world: World) -> None:
    await world.start("text_to_revise")
    card = await world.asked("Hello wrld")
    assert card.buttons == ["Approve", "Edit", "Reject"]
    await reject(card)
    shown = await card.becomes("Rejected by <@U0BOB>", buttons=[])
    assert "The run was stopped." in shown.text
    assert "not like this" in shown.text
    told = await world.alice.expect_message("#deploys", containing=SENTENCE)
    assert told.notification.startswith("<@U0BOB> rejected")
    assert told.text.endswith("send a new message.\nReason: not like this")
    await world.audited(card, "asked", "voted by bob: reject", "decided by bob", "stopped")

    await world.alice.say("#deploys", "@signoff Hello again", thread=card)
    again = await world.bob.expect_card("#deploys", containing="Hello again")
    await again.click("Approve")
    await world.alice.expect_message("#deploys", containing="published: Hello again")
    await world.nothing_else()


@pytest.mark.promise("P2")
async def test_who_comes_after_a_stop_is_told_who_rejected(world: World) -> None:
    await world.start("text_to_revise")
    card = await world.asked("Hello wrld")
    await reject(card)
    await card.becomes("Rejected by <@U0BOB>", buttons=[])
    await card.click("Approve", by=world.carol, stale=True)
    await world.carol.expect_message("#deploys", containing="already rejected by <@U0BOB>", ephemeral=True)
    await world.alice.expect_message("#deploys", containing=SENTENCE)
    await world.nothing_else()


@pytest.mark.promise("P5")
async def test_silence_stops_the_run_where_the_rule_rejects(world: World) -> None:
    rule = {"approvers": {"users": ["bob"]}, "expires_after": "1s"}
    await world.start("text_to_revise", approvals=[rule])
    card = await world.asked("Hello wrld")
    shown = await card.becomes("The run was stopped.", buttons=[])
    assert "rejected" in shown.text
    await world.alice.expect_message("#deploys", containing="Nobody decided this in time, so it was rejected")
    await world.audited(card, "asked", "expired: reject", "stopped")
    await world.nothing_else()


async def test_what_was_written_meanwhile_is_passed_on_after_a_stop(world: World) -> None:
    await world.start("text_to_revise")
    card = await world.asked("Hello wrld")
    await world.alice.say("#deploys", "@signoff Hello world", thread=card)
    await world.alice.expect_message("#deploys", ephemeral=True)
    await reject(card)
    await world.alice.expect_message("#deploys", containing=SENTENCE)
    await world.bob.expect_card("#deploys", containing="Hello world")
    await card.becomes("Rejected by <@U0BOB>", buttons=[])
    await world.nothing_else()


@pytest.mark.promise("P5")
@pytest.mark.promise("P8")
async def test_what_waits_beside_a_stop_ends_with_it(world: World) -> None:
    letter, legal = await together(world)
    await reject(letter)
    await letter.becomes("Rejected by <@U0BOB>", buttons=[])
    shown = await legal.becomes("Withdrawn", buttons=[])
    assert "another request of this run was rejected" in shown.text.lower()
    await world.alice.expect_message("#deploys", containing=SENTENCE)
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P5")
async def test_an_approval_that_waited_for_the_others_is_not_sent_after_a_stop(world: World) -> None:
    letter, legal = await together(world, resume="together")
    await legal.click("Approve")
    await legal.becomes("Approved by", buttons=[])
    await reject(letter)
    await letter.becomes("Rejected by <@U0BOB>", buttons=[])
    await legal.becomes("not delivered", buttons=[])
    await world.alice.expect_message("#deploys", containing=SENTENCE)
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P5")
async def test_a_sibling_that_was_answered_before_the_stop_has_run_and_nothing_after_it(world: World) -> None:
    letter, legal = await together(world)
    await legal.click("Approve")
    await world.done("legal: True")
    await reject(letter)
    await letter.becomes("Rejected by <@U0BOB>", buttons=[])
    await world.alice.expect_message("#deploys", containing=SENTENCE)
    await world.nothing_else()

    await world.alice.say("#deploys", "@signoff Dear Carol", thread=letter)
    again = await world.bob.expect_card("#deploys", containing="Dear Carol")
    beside = await world.bob.expect_card("#deploys", containing="Does legal agree?")
    await again.click("Approve")
    await beside.click("Approve")
    await world.alice.expect_message("#deploys", containing="Sent: Dear Carol")
    await world.done("legal: True", "letter: Dear Carol", "legal: True", "sent Dear Carol", in_any_order=True)
    await world.nothing_else()


@pytest.mark.promise("P5")
async def test_a_restart_after_a_stop_asks_nothing_again(world: World) -> None:
    letter, legal = await together(world)
    await reject(letter)
    await legal.becomes("Withdrawn", buttons=[])
    await world.restart()
    await world.alice.expect_message("#deploys", containing=SENTENCE)
    await world.nothing_else()


@pytest.mark.promise("P5")
async def test_what_a_stopped_run_still_came_to_ask_is_not_asked_and_does_not_block_the_thread(world: World) -> None:
    await world.start(agents={"letters": agent("letter_and_board", input={"letter": "$text"}, reply="letter")})
    await world.alice.say("#deploys", "@signoff Dear Bob")
    letter = await world.bob.expect_card("#deploys", containing="Dear Bob")
    legal = await world.bob.expect_card("#deploys", containing="Does legal agree?")
    await legal.click("Approve")
    await legal.becomes("Approved by", buttons=[])
    await reject(letter)
    await world.alice.expect_message("#deploys", containing=SENTENCE)
    world.outside.door("board").set()
    await world.nothing_else()

    await world.alice.say("#deploys", "@signoff Dear Carol", thread=letter)
    await world.bob.expect_card("#deploys", containing="Dear Carol")
    await world.bob.expect_card("#deploys", containing="Does legal agree?")
    await world.nothing_else()
