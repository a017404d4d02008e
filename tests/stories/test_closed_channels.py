"""Slack takes nothing in a channel for a while: the bot is out of it, or it is archived. Nothing is lost by that."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from fakes.people import Message, Person
from stories.world import TEAM, World

from adapters.localslack.state.roster import BUILT_IN, ChannelEntry
from bot.outbound import posting
from engine.approvals.approval import Place
from engine.conversation import thread_id
from engine.ids import ChannelId, MessageTs

ELSEWHERE: dict[str, Any] = {"when": {"agent": "*"}, "approvers": {"users": ["bob"]}, "post_to": "#approvals"}
Act = Callable[[Person, str], Awaitable[Any]]

CLOSINGS: dict[str, tuple[Act, Act, str]] = {
    "the bot is removed": (Person.removes_bot, Person.invites_bot, "I'm not a member of it. Invite me there"),
    "it is archived": (Person.archives, Person.unarchives, "it is archived"),
}


@pytest.fixture(params=list(CLOSINGS))
def closing(request: pytest.FixtureRequest) -> tuple[Act, Act, str]:
    """How a channel closes, how it opens again, and what is said of it."""
    return CLOSINGS[request.param]


async def waits(world: World, count: int) -> None:
    """The lanes are at rest, and so much waits for its channel."""
    await world.at_rest()
    assert len(await world.bot.ports.backlog.all()) == count


async def told_directly(world: World, containing: str) -> Message:
    return await world.alice.expect_message("dm", containing=containing)


@pytest.mark.promise("P8")
async def test_a_card_comes_when_its_channel_opens_again(world: World, closing: tuple[Act, Act, str]) -> None:
    closes, opens, why = closing
    await world.start("yes_or_no", approvals=[ELSEWHERE])
    await closes(world.carol, "#approvals")
    await world.alice.say("#deploys", "@signoff drop the table")
    told = await world.alice.expect_message("#deploys", containing=why, ephemeral=True)
    assert "<#C0APPROVALS>" in told.text
    await waits(world, 1)
    await opens(world.carol, "#approvals")
    card = await world.bob.expect_card("#approvals", containing="drop the table")
    await world.signpost()
    await card.click("Approve")
    await card.becomes("Approved by <@U0BOB>", buttons=[])
    await world.alice.expect_message("#deploys", containing="approved")
    await world.done("drop the table")
    await waits(world, 0)
    await world.nothing_else()


async def test_a_channel_that_opens_while_the_bot_is_down_has_its_cards_at_the_next_start(world: World) -> None:
    await world.start("yes_or_no", approvals=[ELSEWHERE])
    await world.carol.removes_bot("#approvals")
    for text in ("drop the table", "drop the view"):
        await world.alice.say("#deploys", f"@signoff {text}")
        await world.alice.expect_message("#deploys", containing="I'm not a member of it", ephemeral=True)
    await waits(world, 2)
    await world.stop()
    await world.carol.invites_bot("#approvals")
    await world.run()
    for text in ("drop the table", "drop the view"):
        await world.bob.expect_card("#approvals", containing=text)
        await world.signpost()
    await waits(world, 0)
    await world.nothing_else()


async def test_what_nobody_tells_the_bot_of_is_found_out_slowly(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "SLOWLY", timedelta(seconds=1))
    await world.start("yes_or_no", approvals=[ELSEWHERE])
    await world.slack.people.fault(method="chat.postMessage", error="restricted_action", times=2)
    await world.alice.say("#deploys", "@signoff drop the table")
    await world.alice.expect_message("#deploys", containing="its settings don't let me write there", ephemeral=True)
    card = await world.bob.expect_card("#approvals", containing="drop the table")
    await world.signpost()
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="approved")
    await world.nothing_else()


async def test_who_writes_meanwhile_hears_what_to_do_and_it_is_tried_again(world: World) -> None:
    await world.start("yes_or_no", approvals=[ELSEWHERE])
    await world.slack.people.fault(method="chat.postMessage", error="is_archived")
    said = await world.alice.say("#deploys", "@signoff drop the table")
    await world.alice.expect_message("#deploys", containing="it is archived", ephemeral=True)
    await waits(world, 1)
    await world.alice.say("#deploys", "@signoff and the view", thread=said.ts)
    told = await world.alice.expect_message("#deploys", containing="nobody can decide your request", ephemeral=True)
    assert "<#C0APPROVALS>: it is archived" in told.text
    card = await world.bob.expect_card("#approvals", containing="drop the table")
    await world.signpost()
    await card.click("Approve")
    await world.bob.expect_card("#approvals", containing="and the view")
    await world.done("drop the table")


async def test_a_question_that_could_not_be_posted_is_posted_when_its_person_writes(world: World) -> None:
    await world.start("number_please", input={"task": "$text"}, reply="result")
    await world.slack.people.fault(method="chat.postMessage", error="restricted_action")
    said = await world.alice.say("#deploys", "@signoff apples")
    await world.alice.expect_message("#deploys", containing="its settings don't let me", ephemeral=True)
    await waits(world, 1)
    await world.alice.say("#deploys", "3", thread=said.ts)
    await world.alice.expect_message("#deploys", containing="I have a question for you", ephemeral=True)
    await world.alice.expect_card("#deploys", containing="How many?")
    await world.alice.say("#deploys", "4", thread=said.ts)
    await world.alice.expect_message("#deploys", containing="took 4")
    await world.done("take 4")


@pytest.mark.promise("P5")
async def test_a_deadline_passes_although_the_card_cannot_be_posted(world: World) -> None:
    await world.start("yes_or_no", approvals=[{**ELSEWHERE, "expires_after": "1s"}])
    await world.carol.removes_bot("#approvals")
    await world.alice.say("#deploys", "@signoff drop the table")
    await world.alice.expect_message("#deploys", containing="I'm not a member of it", ephemeral=True)
    await world.alice.expect_message("#deploys", containing="rejected")
    await world.done()
    await waits(world, 1)
    await world.carol.invites_bot("#approvals")
    card = await world.bob.expect_message("#approvals", containing="Nobody decided by")
    assert not card.buttons
    await waits(world, 0)
    await world.nothing_else()


@pytest.mark.promise("P8")
async def test_what_is_decided_while_the_bot_is_out_is_answered_and_drawn_when_it_is_back(
    world: World, closing: tuple[Act, Act, str]
) -> None:
    closes, opens, why = closing
    await world.start("yes_or_no", approvals=[{**ELSEWHERE, "post_to": "#approvals", "expires_after": "4h"}])
    await world.alice.say("#deploys", "@signoff drop the table")
    card = await world.bob.expect_card("#approvals", containing="drop the table")
    sign = await world.signpost()
    await closes(world.carol, "#deploys")
    await card.click("Approve")
    await card.becomes("Approved by <@U0BOB>", buttons=[])
    await world.done("drop the table")
    told = await told_directly(world, why)
    assert "<#C0DEPLOYS>" in told.text
    assert "The agent has an answer for you" in told.text
    await waits(world, 2)  # and that message says what became of it
    await opens(world.carol, "#deploys")
    await world.alice.expect_message("#deploys", containing="approved")
    await sign.becomes("Approved by <@U0BOB>")
    await waits(world, 0)
    await world.nothing_else()


@pytest.mark.promise("P8")
async def test_a_card_that_was_decided_meanwhile_loses_its_buttons_when_the_bot_is_back(
    world: World, closing: tuple[Act, Act, str]
) -> None:
    closes, opens, _ = closing
    await world.start("yes_or_no", approvals=[{**ELSEWHERE, "expires_after": "2s"}])
    await world.alice.say("#deploys", "@signoff drop the table")
    card = await world.bob.expect_card("#approvals", containing="drop the table")
    await world.signpost()
    await closes(world.carol, "#approvals")
    await world.alice.expect_message("#deploys", containing="rejected")
    await world.at_rest()
    await world.restart()
    await world.at_rest()
    assert "Approve" in (await card.now()).buttons
    await opens(world.carol, "#approvals")
    await card.becomes("Nobody decided by", buttons=[])
    await waits(world, 0)
    await world.nothing_else()


@pytest.mark.promise("P1")
async def test_answers_of_a_conversation_come_in_order_and_once(world: World) -> None:
    """The channel closes in the middle of what is said, and again while that is tried."""
    await world.start("echo")
    said = await world.alice.say("#deploys", "@signoff one")
    await world.alice.expect_message("#deploys", containing="1: one")
    await world.slack.people.fault(method="chat.postMessage", error="is_archived", times=2)
    for text in ("two", "three"):
        await world.alice.say("#deploys", f"@signoff {text}", thread=said.ts)
        await world.at_rest()
    await world.alice.expect_message("#deploys", containing="it is archived", ephemeral=True)
    await waits(world, 2)
    await world.slack.people.fault(method="chat.postMessage", lost_response=True)
    await world.bot.core.posting.opened(ChannelId("C0DEPLOYS"), "a story")
    await world.alice.expect_message("#deploys", containing="2: two")
    await world.alice.expect_message("#deploys", containing="3: three")
    await waits(world, 0)
    seen = [each.text for each in await world.alice.messages("#deploys") if each.from_bot and not each.ephemeral]
    assert seen == ["1: one", "2: two", "3: three"]
    await world.nothing_else()


async def test_a_hundred_that_wait_are_not_all_tried_in_vain(world: World) -> None:
    """Until one of them is taken, one of each channel is tried at a time."""
    await world.start("echo")
    await world.slack.people.fault(method="chat.postMessage", error="is_archived", times=6)
    for number in range(5):
        await world.alice.say("#deploys", f"@signoff number {number}")
    await waits(world, 5)
    await world.restart()
    await world.at_rest()
    assert len(await world.bot.ports.backlog.all()) == 5, "the sixth fault was for the one that was tried"
    await world.restart()
    await waits(world, 0)


PRIVATE = BUILT_IN.model_copy(
    update={"channels": [*BUILT_IN.channels, ChannelEntry(name="secrets", private=True, members=["bob", "carol"])]}
)


@pytest.mark.promise("P8")
@pytest.mark.parametrize("members", [PRIVATE])
async def test_a_private_channel_that_the_bot_was_put_out_of_looks_deleted_and_is_waited_for(world: World) -> None:
    """Slack says channel_not_found of both; nobody is told more than their names would tell."""
    await world.start("yes_or_no", approvals=[{**ELSEWHERE, "post_to": "#secrets"}])
    await world.carol.removes_bot("#secrets")
    await world.alice.say("#deploys", "@signoff drop the table")
    await world.alice.expect_message(
        "#deploys", containing="I was removed from it, or it was deleted. Invite me there", ephemeral=True
    )
    await world.restart()
    await waits(world, 1)
    await world.carol.invites_bot("#secrets")
    card = await world.bob.expect_card("#secrets", containing="drop the table")
    await world.signpost()
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="approved")
    await waits(world, 0)
    await world.nothing_else()


@pytest.mark.promise("P8")
@pytest.mark.promise("P9")
async def test_what_nobody_can_put_right_ends_visibly(world: World) -> None:
    await world.start("yes_or_no", approvals=[ELSEWHERE])
    await world.slack.people.fault(method="chat.postMessage", error="cannot_dm_bot")
    said = await world.alice.say("#deploys", "@signoff drop the table")
    await world.alice.expect_message("#deploys", containing="so I withdrew it", ephemeral=True)
    await waits(world, 0)
    rows = await world.bot.ports.audit.of_thread(thread_id(Place(TEAM, ChannelId("C0DEPLOYS"), MessageTs(said.ts))))
    assert [row.what.value for row in rows] == ["asked", "withdrawn"]
    closed = await world.bob.expect_message("#approvals", containing="Withdrawn")
    assert not closed.buttons
    await world.alice.say("#deploys", "@signoff drop the view", thread=said.ts)
    await world.bob.expect_card("#approvals", containing="drop the view")
    await world.signpost()
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P5")
async def test_a_card_that_slack_keeps_failing_does_not_hold_up_its_deadline_and_still_comes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "PATIENT", 2)
    await world.start("yes_or_no", approvals=[{**ELSEWHERE, "expires_after": "2s"}])
    await world.slack.people.fault(method="chat.postMessage", status=500, times=2)
    await world.alice.say("#deploys", "@signoff drop the table")
    await world.alice.expect_message("#deploys", containing="rejected")
    await world.bob.expect_message("#approvals", containing="Nobody decided by")
    await world.restart()
    await waits(world, 0)
    await world.nothing_else()
