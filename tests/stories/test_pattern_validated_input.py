"""Validate human input: a node asks again until the answer is good; each round is a new question in the same thread.

https://docs.langchain.com/oss/python/langgraph/interrupts#validating-human-input
"""

from collections.abc import Mapping
from typing import Any

import pytest
from stories.world import World

AGE: Mapping[str, Any] = {"input": {"age": None}, "reply": "age"}
CITY: Mapping[str, Any] = {"input": {}, "reply": "city"}


@pytest.mark.promise("P3")
@pytest.mark.parametrize("where", ["#deploys", "dm"])
async def test_a_loop_asks_ten_times_in_the_same_thread(world: World, where: str) -> None:
    await world.start("collect_age", **AGE)
    said = await world.alice.say(where, "sign me up" if where == "dm" else "@signoff sign me up")
    thread = None if where == "dm" else said.ts
    card = await world.alice.expect_card(where, containing="What is your age?")
    # To this node "30" is no age, since it is a text; what was refused as a text is sent as the number that it is.
    for answer in ("thirty", "3O", "", "old", "-1", "0", "30 years", "about 30", "30"):
        await world.at_rest()
        words = answer or "no idea"
        await world.alice.say(where, words, thread=thread)
        await card.becomes("Answered by <@U0ALICE>", buttons=[])
        card = await world.alice.expect_card(where, containing=f"'{words}' is not a valid age.")
        assert card.shown.get("thread_ts") == thread
    await world.at_rest()
    await world.alice.say(where, "30", thread=thread)
    await card.becomes("Answered by <@U0ALICE>", buttons=[])
    await world.alice.expect_message(where, containing="30")
    await world.nothing_else()


@pytest.mark.promise("P3")
async def test_a_conditional_edge_asks_ten_times_and_keeps_only_the_good_answer(world: World) -> None:
    await world.start("ask_until_good", **CITY)
    said = await world.alice.say("#deploys", "@signoff plan a trip")
    card = await world.alice.expect_card("#deploys", containing="Which city?")
    for number in range(9):
        await world.at_rest()
        await world.alice.say("#deploys", f"lisbon {number}", thread=said.ts)
        await card.becomes("Answered by <@U0ALICE>", buttons=[])
        card = await world.alice.expect_card("#deploys", containing=f"'lisbon {number}' is no city.")
        assert card.thread_ts == said.ts
    await world.at_rest()
    await world.alice.say("#deploys", "Lisbon", thread=said.ts)
    await card.becomes("Answered by <@U0ALICE>", buttons=[])
    await world.alice.expect_message("#deploys", containing="Lisbon")
    await world.nothing_else()
