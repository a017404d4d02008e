"""Conversations and checkpoints of an earlier version: talked on in, looked back in, and run on from."""

import pytest
from fakes.people import Message, Person
from stories.test_pattern_time_travel import look
from upgrade.upgraded import Upgraded
from upgrade.write import SECRETS

from adapters.redis.checkpointer.saver import AsyncRedisSaver
from adapters.redis.checkpointer.serializer import GuardedSerializer
from adapters.redis.keys import thread_of
from adapters.redis.transport.multiplexed import Multiplexed

OWN_CLASSES = ("form", "review", "booked", "reviewed")
"""Messages of conversations whose checkpoints hold classes of the agents' own code."""


@pytest.mark.promise("P3")
async def test_a_conversation_of_many_turns_goes_on_with_the_agent_that_was_active(upgraded: Upgraded) -> None:
    await upgraded.begin()
    alice = upgraded.world.alice
    question = await upgraded.message("talk")
    await alice.say("dm", "since Monday")
    await alice.expect_message("dm", containing="support heard: since Monday")
    await question.becomes("since Monday", buttons=[])
    await alice.expect_message("dm", containing="Ready for user input.")
    await alice.say("dm", "then I buy others")
    await alice.expect_message("dm", containing="sales heard: then I buy others")


@pytest.mark.promise("P3")
@pytest.mark.parametrize(
    ("card", "answer", "done"),
    [("question", "Rome", "city Rome"), ("query", "the one you know", "the expert said the one you know")],
)
async def test_a_reply_in_the_thread_answers_the_question(
    upgraded: Upgraded, card: str, answer: str, done: str
) -> None:
    await upgraded.begin()
    question = await upgraded.message(card)
    await upgraded.world.alice.say("#deploys", answer, thread=question)
    await question.becomes("Answered by <@U0ALICE>", buttons=[])
    await upgraded.did(done)


@pytest.mark.promise("P7")
async def test_a_message_that_was_queued_behind_a_request_has_its_turn(upgraded: Upgraded) -> None:
    await upgraded.begin()
    card = await upgraded.message("queued")
    await card.click("Approve")
    await upgraded.world.alice.expect_message("#deploys", containing="Done: drop the queue.")
    following = await upgraded.world.bob.expect_card("#deploys", containing="drop the index")
    await following.click("Approve")
    await following.becomes("Approved by <@U0BOB>", buttons=[])
    await upgraded.did("did drop the queue", "did drop the index")


async def test_a_finished_conversation_takes_another_turn(upgraded: Upgraded) -> None:
    await upgraded.begin()
    closed = await upgraded.message("closed")
    await upgraded.world.alice.say("#deploys", "@signoff drop the rest", thread=closed)
    card = await upgraded.world.bob.expect_card("#deploys", containing="drop the rest")
    await card.click("Approve")
    await upgraded.did("did drop the rest")


@pytest.mark.promise("P3")
async def test_a_task_of_the_functional_api_that_was_done_is_kept(upgraded: Upgraded) -> None:
    await upgraded.begin()
    card = await upgraded.message("weather")
    await card.click("Approve")
    await upgraded.world.alice.expect_message("#deploys", containing="sunny in Rome; sunny in Oslo")
    await upgraded.did("looked at Oslo", "published sunny in Rome; sunny in Oslo")


async def _again(card: Message, by: Person, row: str, values: dict[str, str]) -> None:
    form = await look(card, by, row)
    assert not (await form.submit(values)).errors


@pytest.mark.promise("P4")
async def test_an_earlier_step_is_run_on_from(upgraded: Upgraded) -> None:
    await upgraded.begin()
    await _again(await upgraded.message("closed"), upgraded.world.bob, "Next: approval", {"what": "drop another view"})
    await upgraded.world.alice.expect_message("#deploys", containing="restarted from an earlier step")
    card = await upgraded.world.bob.expect_card("#deploys", containing="drop another view")
    await card.click("Approve")
    await upgraded.did("did drop another view")


@pytest.mark.promise("P4")
async def test_an_earlier_step_still_has_the_classes_of_the_agents_code(upgraded: Upgraded) -> None:
    await upgraded.begin()
    await _again(await upgraded.message("reviewed"), upgraded.world.bob, "Finished: plan. Next: review", {})
    card = await upgraded.world.bob.expect_card("#deploys", containing="search")
    assert not (await (await card.open_form("Edit")).submit({"replicas": "9"})).errors
    told = await upgraded.world.alice.expect_message("#deploys", containing="search runs x9")
    assert "large for 12.50 EUR on 2030-05-17" in told.text
    await upgraded.did("deployed search x9")


async def test_every_checkpoint_is_read_by_the_plain_saver(upgraded: Upgraded) -> None:
    """Beside a bot that runs: what it has loaded are the classes that a few threads are made of."""
    await upgraded.begin()
    await upgraded.at_rest()
    threads = {thread_of(each["key"]): each for each in upgraded.fixture.entries if ":checkpoints" in str(each["key"])}
    own = {f"T0LOCAL:C0DEPLOYS:{upgraded.fixture.made['marks'][name]['thread_ts']}" for name in OWN_CLASSES}
    async with Multiplexed.from_url(upgraded.world.redis_url) as database:
        for thread, index in threads.items():
            serde = GuardedSerializer(secret=SECRETS["bot_token"])
            if thread in own:
                serde.allow(upgraded.own_types())
            saver = AsyncRedisSaver(database, serde=serde)
            found = [each async for each in saver.alist({"configurable": {"thread_id": thread}})]
            assert len(found) >= len(index["value"]), thread
            assert all(each.checkpoint["channel_values"] is not None for each in found)


async def test_a_conversation_is_read_message_by_message(upgraded: Upgraded) -> None:
    await upgraded.begin()
    thread = next(thread_of(each["key"]) for each in upgraded.fixture.entries if "D0ALICE:" in str(each["key"]))
    async with Multiplexed.from_url(upgraded.world.redis_url) as database:
        saver = AsyncRedisSaver(database)
        found = await saver.aget_tuple({"configurable": {"thread_id": thread}})
        assert found is not None
        values = found.checkpoint["channel_values"]
        said = [(each.type, each.text) for each in values["messages"]]
        first = [each async for each in saver.alist({"configurable": {"thread_id": thread}})][-1]
    assert values["active_agent"] == "support"
    assert said == [
        ("human", "I want shoes"),
        ("ai", "sales heard: I want shoes"),
        ("human", "they are broken"),
        ("ai", "support heard: they are broken"),
        ("human", "both of them"),
        ("ai", "support heard: both of them"),
    ]
    assert first.metadata["source"] == "input"
