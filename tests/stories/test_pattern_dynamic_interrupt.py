"""Dynamic interrupt: `interrupt(value)` with any JSON value, shown whole; the answer reaches the node as it is.

https://docs.langchain.com/oss/python/langgraph/interrupts#pause-using-interrupt

What else a payload may be, however strange or long, is told in `test_payloads`.
"""

from typing import Any

import pytest
from stories.world import World

ANYTHING = {"city": "Lisbon", "nights": 3, "extras": ["sea view"]}
LIKE_AN_ID = "0123456789abcdef0123456789abcdef"
"""What LangGraph takes for the id of an interrupt: a dict with such keys for a map of answers."""


@pytest.mark.parametrize(
    ("choice", "values", "answer"),
    [
        ("Approve", None, True),
        ("Edit", {"nights": "5"}, {**ANYTHING, "nights": 5}),
        ("Reject", {"Reason": "too dear"}, False),
        ("Answer", {"Answer": "ask my boss"}, "ask my boss"),
    ],
)
async def test_a_payload_is_shown_field_by_field_and_answered_in_any_way(
    world: World, choice: str, values: dict[str, str] | None, answer: Any
) -> None:
    world.outside.payload = ANYTHING
    await world.start("anything")
    card = await world.asked("go", containing="Lisbon")
    assert "sea view" in card.text
    assert card.buttons == ["Approve", "Edit", "Reject", "Answer"]
    if values is None:
        await card.click(choice)
    else:
        assert not (await (await card.open_form(choice)).submit(values)).errors
    await world.alice.expect_message("#deploys", containing=f"I was told {type(answer).__name__}")
    await world.done(f"answered {answer!r}")
    await card.becomes("by <@U0BOB>", buttons=[])
    await world.nothing_else()


@pytest.mark.promise("P3")
@pytest.mark.parametrize(
    "value",
    [None, {}, [], "", 0, False, {LIKE_AN_ID: "yes"}, {LIKE_AN_ID: {LIKE_AN_ID: None}}, {"resume": None}],
    ids=repr,
)
async def test_values_that_mean_something_to_langgraph_reach_the_node_as_they_are(world: World, value: Any) -> None:
    world.outside.payload = {"question": "Go on?"}
    await world.start("anything", answers=[{"when": {"node": "ask"}, "approve": {"resume": value}}])
    card = await world.asked("go", containing="Go on?")
    assert card.buttons == ["Approve", "Reject"]
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="I was told")
    await world.done(f"answered {value!r}")
    await card.becomes("by <@U0BOB>", buttons=[])
    await world.nothing_else()


@pytest.mark.promise("P3")
async def test_an_edited_map_of_ids_is_one_value_for_one_node(world: World) -> None:
    world.outside.payload = {LIKE_AN_ID: "no"}
    await world.start("anything")
    card = await world.asked("go", containing=LIKE_AN_ID)
    assert not (await (await card.open_form("Edit")).submit({LIKE_AN_ID: "yes"})).errors
    await world.alice.expect_message("#deploys", containing="I was told dict")
    await world.done(f"answered {{'{LIKE_AN_ID}': 'yes'}}")
    await card.becomes("no → yes", buttons=[])
    await world.nothing_else()


async def test_an_empty_object_is_edited_as_json(world: World) -> None:
    world.outside.payload = {}
    await world.start("anything")
    card = await world.asked("go", containing="")
    form = await card.open_form("Edit")
    assert form.values["JSON"]["value"] == "{}"
    assert "not JSON" in str((await form.submit({"JSON": "{nights: 3}"})).errors)
    assert not (await form.submit({"JSON": '{"nights": 3}'})).errors
    await world.alice.expect_message("#deploys", containing="I was told dict")
    await world.done("answered {'nights': 3}")
    await card.becomes("by <@U0BOB>", buttons=[])
    await world.nothing_else()
