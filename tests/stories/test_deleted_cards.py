"""Somebody deletes a card: one that still needs a decision comes back, and there is never more than one of it."""

import pytest
from fakes.people import Message, held_calls
from stories.test_pattern_parallel import Row, ask, start
from stories.world import World

BOTH = {"when": {"tool": "deploy"}, "approvers": {"users": ["bob", "carol"]}, "quorum": 2}
ELSEWHERE = {"when": {"agent": "*"}, "approvers": {"users": ["bob"]}, "post_to": "#approvals"}


async def cards(world: World, channel: str = "#deploys") -> list[Message]:
    return [each for each in await world.bob.messages(channel) if each.buttons]


@pytest.mark.promise("P8")
async def test_a_card_that_is_deleted_comes_back_with_its_votes(world: World) -> None:
    await world.start("review_tool_call", approvals=[BOTH])
    card = await world.asked("billing")
    await card.click("Approve", by=world.bob)
    await card.becomes("1 of 2 approvals: <@U0BOB>")
    await card.delete(by=world.carol)
    again = await world.bob.expect_card("#deploys", containing="1 of 2 approvals: <@U0BOB>")
    assert again.ts != card.ts
    await again.click("Approve", by=world.carol)
    await again.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="deployed x2")
    await world.done("deploy billing x2")
    await world.nothing_else()


@pytest.mark.promise("P8")
async def test_a_card_comes_back_each_time_and_once_however_often_it_is_told(world: World) -> None:
    await world.start("yes_or_no", approvals=[ELSEWHERE])
    await world.alice.say("#deploys", "@signoff drop the table")
    await world.slack.people.fault(duplicate=9)
    for _ in range(3):
        card = await world.bob.expect_card("#approvals", containing="drop the table")
        await card.delete()
    card = await world.bob.expect_card("#approvals", containing="drop the table")
    await world.at_rest()
    assert [each.ts for each in await cards(world, "#approvals")] == [card.ts]
    sign = await world.signpost()
    assert card.ts.replace(".", "") in sign.text, "it links to the card that stands"
    await world.nothing_else()


@pytest.mark.promise("P8")
async def test_a_card_with_replies_leaves_a_tombstone_and_comes_back(world: World) -> None:
    await world.start("yes_or_no", approvals=[ELSEWHERE])
    await world.alice.say("#deploys", "@signoff drop the table")
    card = await world.bob.expect_card("#approvals", containing="drop the table")
    await world.carol.say("#approvals", "what is this?", thread=card)
    await card.delete()
    again = await world.bob.expect_card("#approvals", containing="drop the table")
    await world.signpost()
    await again.click("Approve")
    await again.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="approved")
    await world.nothing_else()


@pytest.mark.promise("P8")
async def test_a_sheet_that_is_deleted_comes_back_as_it_stood(world: World) -> None:
    await start(world)
    sheet = await ask(world, 20)
    await Row(sheet, 7).press("Approve", world.bob)
    await (await sheet.becomes("19 of 20 to decide")).delete()
    again = await world.bob.expect_card("#deploys", containing="19 of 20 to decide")
    await world.at_rest()
    assert [each.ts for each in await cards(world)] == [again.ts]
    await world.nothing_else()


@pytest.mark.promise("P8")
async def test_a_card_that_is_decided_stays_deleted(world: World) -> None:
    await world.start("yes_or_no")
    card = await world.asked("drop the table")
    await card.click("Approve")
    shown = await card.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="approved")
    await shown.delete()
    await world.at_rest()
    assert not [each for each in await world.bob.messages("#deploys") if "Approved by" in each.text]
    await world.nothing_else()


@pytest.mark.promise("P8")
async def test_a_card_that_is_deleted_while_it_is_redrawn_comes_back_once(world: World) -> None:
    await world.start("review_tool_call", approvals=[BOTH])
    card = await world.asked("billing")
    await world.slack.people.fault(method="chat.update", hold=True)
    await card.click("Approve", by=world.bob)
    await held_calls(world.slack.workspace.faults, 1)
    await card.delete()
    await world.slack.people.fault(release=True)
    again = await world.bob.expect_card("#deploys", containing="1 of 2 approvals: <@U0BOB>")
    await world.at_rest()
    assert [each.ts for each in await cards(world)] == [again.ts]
    await world.nothing_else()


@pytest.mark.promise("P8")
async def test_a_card_that_is_deleted_while_the_bot_is_down_comes_back_when_its_person_writes(world: World) -> None:
    await world.start("yes_or_no", approvals=[ELSEWHERE])
    said = await world.alice.say("#deploys", "@signoff drop the table")
    card = await world.bob.expect_card("#approvals", containing="drop the table")
    await world.at_rest()
    await world.stop()
    world.slack.workspace.dispatcher._retry_after = ()
    await card.delete()
    await world.run()
    await world.alice.say("#deploys", "@signoff what about it?", thread=said.ts)
    await world.alice.expect_message("#deploys", containing="Queued until the request above is decided", ephemeral=True)
    again = await world.bob.expect_card("#approvals", containing="drop the table")
    assert again.ts != card.ts


@pytest.mark.promise("P8")
async def test_where_the_thread_is_deleted_the_card_stands_in_the_channel(world: World) -> None:
    await world.start("yes_or_no")
    await world.slack.people.fault(method="chat.postMessage", hold=True)
    said = await world.alice.say("#deploys", "@signoff drop the table")
    await held_calls(world.slack.workspace.faults, 1)
    root = next(each for each in await world.alice.messages("#deploys") if each.ts == said.ts)
    await root.delete()
    await world.slack.people.fault(release=True)
    card = await world.bob.expect_card("#deploys", containing="drop the table")
    assert "thread_ts" not in card.shown
    await card.click("Approve")
    await card.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="approved")
    await world.done("drop the table")
    await world.nothing_else()


@pytest.mark.promise("P8")
async def test_what_is_no_card_stays_deleted(world: World) -> None:
    """Replies, and a live message that the bot itself takes back."""
    await world.start("echo")
    await world.alice.say("#deploys", "@signoff one")
    said = await world.alice.expect_message("#deploys", containing="1: one")
    await said.delete()
    await world.at_rest()
    assert not [each for each in await world.bob.messages("#deploys") if each.from_bot]
    await world.nothing_else()
