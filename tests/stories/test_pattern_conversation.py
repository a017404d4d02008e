"""Multi-turn conversation: agents that ask the person, hear the answer, and hand over to one another.

https://langchain-ai.github.io/langgraph/how-tos/multi-agent-multi-turn-convo
"""

import pytest
from fakes.people import Message
from stories.world import World


async def _say(world: World, where: str, text: str, thread: str | None) -> str:
    """Alice says something once the agent is at rest; gives the message's `ts`."""
    await world.at_rest()
    mention = "@signoff " if where != "dm" and thread is None else ""
    return (await world.alice.say(where, f"{mention}{text}", thread=thread)).ts


async def _hear(world: World, where: str, text: str, thread: str | None) -> Message:
    said = await world.alice.expect_message(where, containing=text)
    assert said.shown.get("thread_ts") == thread
    return said


@pytest.mark.promise("P3")
@pytest.mark.parametrize("where", ["#deploys", "dm"])
async def test_a_conversation_of_two_agents_over_several_turns(world: World, where: str) -> None:
    await world.start("advisers")
    said = await world.alice.say(where, "Lisbon" if where == "dm" else "@signoff Lisbon")
    thread = None if where == "dm" else said.ts

    async def heard(who: str, text: str) -> None:
        answer = await world.alice.expect_message(where, containing=f"heard: {text}")
        assert who in answer.text
        question = await world.alice.expect_message(where, containing="Ready for user input.")
        await world.at_rest()
        for message in (answer, question):
            assert message.shown.get("thread_ts") == thread

    await heard("travel_adviser", "Lisbon")
    await world.alice.say(where, "four days", thread=thread)
    await heard("travel_adviser", "four days")
    await world.alice.say(where, "find me a hotel", thread=thread)
    await heard("hotel_adviser", "find me a hotel")
    await world.alice.say(where, "the cheap one", thread=thread)
    await heard("hotel_adviser", "the cheap one")
    await world.alice.say(where, "near the sea", thread=thread)
    await heard("hotel_adviser", "near the sea")
    await world.nothing_else()


@pytest.mark.promise("P3")
@pytest.mark.parametrize("where", ["#deploys", "dm", "a thread of dm"])
async def test_one_human_node_leads_back_to_the_active_agent(world: World, where: str) -> None:
    await world.start("active_agent")
    channel = "#deploys" if where == "#deploys" else "dm"
    thread: str | None = None
    if where == "a thread of dm":
        thread = await _say(world, "dm", "hello at the root", None)
        await _hear(world, "dm", "sales heard: hello at the root", None)
        await _hear(world, "dm", "Ready for user input.", None)
    for text, speaker in (
        ("which phones are there?", "sales"),
        ("the blue one", "sales"),
        ("mine is broken", "support"),
        ("since Monday", "support"),
        ("then I buy another", "sales"),
        ("the red one", "sales"),
    ):
        said = await _say(world, channel, text, thread)
        if where == "#deploys":
            thread = thread or said
        answer = await _hear(world, channel, f"{speaker} heard: {text}", thread)
        assert answer.text.startswith(speaker)  # whoever speaks is named over what they say
        question = await _hear(world, channel, "Ready for user input.", thread)
        assert f"*{speaker}* asks" in question.text
    await world.nothing_else()


@pytest.mark.promise("P3")
@pytest.mark.parametrize("where", ["#deploys", "dm"])
async def test_each_agent_may_have_a_human_node_of_its_own(world: World, where: str) -> None:
    await world.start("human_per_agent")
    said = await _say(world, where, "something red", None)
    thread = None if where == "dm" else said
    for text, speaker, asks in (
        ("something red", "sommelier", "Another wine?"),
        ("for two", "sommelier", "Another wine?"),
        ("now a dish", "cook", "Another dish?"),
        ("without fish", "cook", "Another dish?"),
        ("back to wine", "sommelier", "Another wine?"),
    ):
        if text != "something red":
            await _say(world, where, text, thread or None)
        answer = await _hear(world, where, f"for '{text}'", thread)
        assert answer.text.startswith(speaker)
        question = await _hear(world, where, asks, thread)
        assert f"*{speaker}* asks" in question.text
    await world.nothing_else()


@pytest.mark.promise("P3")
@pytest.mark.parametrize("where", ["#deploys", "dm"])
async def test_agents_hand_over_by_a_tool_and_the_answer_finds_the_one_that_took_over(world: World, where: str) -> None:
    await world.start("travel_advisors")
    said = await _say(world, where, "somewhere warm", None)
    thread = None if where == "dm" else said
    for text, speaker in (
        ("somewhere warm", "travel_advisor"),
        ("not too far", "travel_advisor"),
        ("now a hotel", "hotel_advisor"),
        ("with a pool", "hotel_advisor"),
        ("at which beach?", "travel_advisor"),
    ):
        if text != "somewhere warm":
            await _say(world, where, text, thread)
        answer = await _hear(world, where, f"I heard: {text}", thread)
        assert answer.text.startswith(speaker)
        question = await _hear(world, where, "Ready for user input.", thread)
        assert f"*{speaker}* asks" in question.text
    await world.nothing_else()


@pytest.mark.promise("P3")
async def test_three_conversations_of_one_person_at_once_do_not_mix(world: World) -> None:
    await world.start("active_agent")
    root = await _say(world, "dm", "phones", None)
    await _hear(world, "dm", "sales heard: phones", None)
    await _hear(world, "dm", "Ready", None)
    await _say(world, "dm", "a broken lamp", root)
    await _hear(world, "dm", "support heard: a broken lamp", root)
    await _hear(world, "dm", "Ready", root)
    thread = await _say(world, "#deploys", "cables", None)
    await _hear(world, "#deploys", "sales heard: cables", thread)
    await _hear(world, "#deploys", "Ready", thread)

    await world.at_rest()
    await world.alice.say("dm", "the lamp flickers", thread=root)
    await world.alice.say("dm", "a blue phone")
    await world.alice.say("#deploys", "three of them", thread=thread)
    await _hear(world, "dm", "support heard: the lamp flickers", root)
    await _hear(world, "dm", "sales heard: a blue phone", None)
    await _hear(world, "#deploys", "sales heard: three of them", thread)
    for _ in range(2):
        await world.alice.expect_message("dm", containing="Ready")
    await _hear(world, "#deploys", "Ready", thread)
    await world.nothing_else()
