"""An agent's words appear while it works, and the reply takes their place: one message, whatever Slack does."""

import asyncio
from typing import Any

import pytest
import redis.asyncio
from fakes.patience import PATIENCE
from fakes.people import Message
from stories.world import World

from adapters.redis.keys import Keys
from bot.wiring.ports import Ports
from engine.conversation import Conversation

WHOLE = "took four minutes."


@pytest.fixture(autouse=True)
def live() -> None:
    """A run is shown while it works, as soon as it is in truth."""


async def speaking(world: World, channel: str) -> Message:
    """The message in which the first words have appeared."""
    await world.start("talker")
    world.outside.door("research").set()
    await world.alice.say(channel, "by noon" if channel == "dm" else "@signoff by noon")
    live = await world.alice.expect_message(channel, containing="Rolling out")
    assert WHOLE not in live.text
    return live


async def said_whole(world: World, live: Message) -> None:
    world.outside.door("half").set()
    world.outside.door("rest").set()
    whole = await live.becomes(WHOLE)
    assert "**" not in whole.text.replace("\\", ""), "the reply has its style"
    assert "(by noon)" in whole.text
    await world.at_rest()
    seen = [each for each in await world.alice.messages(live.channel) if each.from_bot]
    assert [each.ts for each in seen] == [live.ts], "the reply is the message that showed the words"
    assert "⏳" not in seen[0].text


@pytest.mark.parametrize("channel", ["#deploys", "dm"])
async def test_words_appear_while_the_agent_works_and_the_reply_takes_their_place(world: World, channel: str) -> None:
    live = await speaking(world, channel)
    world.outside.door("half").set()
    await live.becomes("(by noon)" if channel == "dm" else r"\(by noon\)")
    await said_whole(world, live)


async def test_words_are_not_markup_while_they_appear(world: World) -> None:
    live = await speaking(world, "#deploys")
    (markdown,) = [block["text"] for block in live.shown["blocks"] if block["type"] == "markdown"]
    assert markdown == r"Rolling out \*\*billing\*\*"
    await said_whole(world, live)


@pytest.mark.parametrize("error", ["message_not_in_streaming_state", "unknown_method"])
async def test_a_stream_that_dies_goes_on_in_the_same_message(world: World, error: str) -> None:
    live = await speaking(world, "#deploys")
    await world.slack.people.fault(method="chat.appendStream", error=error)
    if error == "message_not_in_streaming_state":  # then it takes an update again
        await world.bot.ports.chat._client.chat_stopStream(channel=live.channel, ts=live.ts)  # type: ignore[attr-defined]
    world.outside.door("half").set()
    await live.becomes("(by noon)")
    await said_whole(world, live)


async def test_where_slack_cannot_stream_the_message_is_updated(world: World) -> None:
    await world.slack.people.fault(method="chat.startStream", error="unknown_method", times=9)
    live = await speaking(world, "#deploys")
    assert "⏳" in live.text
    world.outside.door("half").set()
    await live.becomes("(by noon)")
    await said_whole(world, live)


async def test_words_that_became_no_reply_are_taken_back(world: World) -> None:
    live = await speaking(world, "#deploys")
    world.outside.broken.add("speak")
    world.outside.door("half").set()
    world.outside.door("rest").set()
    await world.alice.expect_message("#deploys", containing="speak does not work today")
    await world.at_rest()
    assert live.ts not in [each.ts for each in await world.alice.messages("#deploys")]


async def test_long_work_shows_the_step_that_runs(world: World) -> None:
    await world.start("talker")
    await world.alice.say("#deploys", "@signoff by noon")
    live = await world.alice.expect_message("#deploys", containing="research")
    assert "⏳" in live.text
    world.outside.door("research").set()
    await said_whole(world, live)


class Overtaken:
    """Conversations of a bot that another one overtakes as soon as its run has shown something."""

    def __init__(self, conversations: Any, redis_url: str) -> None:
        self._conversations, self._redis_url = conversations, redis_url
        self.happened = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._conversations, name)

    async def save(self, conversation: Conversation, fence: int) -> None:
        if conversation.live is not None and not self.happened.is_set():
            keys, thread = Keys(), conversation.thread
            async with redis.asyncio.Redis.from_url(self._redis_url) as client:
                await client.incr(keys.fence(thread))
                await client.delete(keys.lease(thread, "run"))
            self.happened.set()
        await self._conversations.save(conversation, fence)


@pytest.mark.promise("P8")
async def test_words_of_a_process_that_stood_still_are_taken_back(world: World) -> None:
    """It wakes after its lease, shows what it had to say, and learns then that another one has the thread."""
    made: list[Overtaken] = []

    def overtake(ports: Ports) -> None:
        made.append(Overtaken(ports.conversations, world.redis_url))
        ports.conversations = made[0]

    world.alter = overtake
    await world.start("talker")
    world.outside.door("research").set()
    await world.alice.say("#deploys", "@signoff by noon")
    async with asyncio.timeout(PATIENCE):
        await made[0].happened.wait()
    world.outside.door("half").set()
    world.outside.door("rest").set()
    whole = await world.alice.expect_message("#deploys", containing=WHOLE)
    await world.at_rest()
    assert [each.ts for each in await world.alice.messages("#deploys") if each.from_bot] == [whole.ts]
