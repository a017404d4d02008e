"""Typed answers: a form made of a schema, from `response_schema` or from an MCP server; errors stand at their fields.

https://docs.langchain.com/oss/python/langgraph/interrupts#define-an-interrupt-response-schema
https://reference.langchain.com/python/langchain/mcp/elicitation
"""

import json
from typing import Any

import pytest
from stories.world import World

# response_schema ------------------------------------------------------------------------------------------------------


async def test_a_form_shows_a_wrong_value_at_its_field(world: World) -> None:
    await world.start("form")
    await world.alice.say("#deploys", "@signoff book")
    card = await world.alice.expect_card("#deploys", containing="Which hotel?")
    form = await card.open_form("Answer")
    assert form.fields == ["city", "guests", "breakfast"]
    wrong = await form.submit({"city": "Lisbon", "guests": "7"})
    (sentence,) = wrong.errors.values()
    assert "6" in sentence
    assert not (await form.submit({"city": "Lisbon", "guests": "2"})).errors
    await world.alice.expect_message("#deploys", containing="Booked for 2 guests.")
    await world.done("booked Lisbon for 2")
    await card.becomes("Answered by <@U0ALICE>", buttons=[])
    await world.nothing_else()


async def test_a_form_is_not_answered_by_words(world: World) -> None:
    await world.start("form")
    await world.alice.say("#deploys", "@signoff book")
    card = await world.alice.expect_card("#deploys", containing="Which hotel?")
    await world.alice.say("#deploys", "Lisbon, for two", thread=card)
    await world.alice.expect_message("#deploys", containing="answered with the form on its card", ephemeral=True)
    await world.done()
    await world.nothing_else()


BOOKING: dict[str, Any] = {
    "guest": "Alice Liddell",
    "guests": "2",
    "budget": "120.50",
    "arrival": "2026-05-04",
    "room": "double",
    "extras": ["breakfast", "late check-out"],
    "address.street": "Rua Augusta 1",
    "address.zip_code": "1100-048",
}


async def test_a_pydantic_model_becomes_a_form_with_an_input_for_each_type(world: World) -> None:
    await world.start("typed_booking")
    await world.alice.say("#deploys", "@signoff book")
    card = await world.alice.expect_card("#deploys", containing="Whom shall I book for?")
    form = await card.open_form("Answer")
    assert {label: entry["type"] for label, entry in form.values.items()} == {
        "guest": "plain_text_input",
        "guests": "number_input",
        "budget": "number_input",
        "arrival": "datepicker",
        "room": "static_select",
        "extras": "multi_static_select",
        "newsletter": "checkboxes",
        "address.street": "plain_text_input",
        "address.zip_code": "plain_text_input",
        "address.country": "static_select",
        "note": "plain_text_input",
    }
    assert not (await form.submit(BOOKING)).errors
    await world.alice.expect_message("#deploys", containing="Booked a double for Alice Liddell from 04 May 2026.")
    await card.becomes("Answered by <@U0ALICE>", buttons=[])
    (booked,) = world.outside.done
    assert json.loads(booked) == {
        "guest": "Alice Liddell",
        "guests": 2,
        "budget": 120.5,
        "arrival": "2026-05-04",
        "room": "double",
        "extras": ["breakfast", "late check-out"],
        "newsletter": False,
        "address": {"street": "Rua Augusta 1", "zip_code": "1100-048", "country": "Portugal"},
        "note": None,
    }
    await world.nothing_else()


async def test_each_wrong_value_is_told_at_its_field_and_nothing_is_stored(world: World) -> None:
    await world.start("typed_booking")
    await world.alice.say("#deploys", "@signoff book")
    card = await world.alice.expect_card("#deploys", containing="Whom shall I book for?")
    form = await card.open_form("Answer")
    wrong = {**BOOKING, "guest": "A", "guests": "9", "budget": "-1", "address.zip_code": "12"}
    told = await form.submit(wrong)
    labels = {block["block_id"]: block["label"]["text"] for block in form.view["blocks"] if block["type"] == "input"}
    assert {labels[block]: sentence for block, sentence in told.errors.items()} == {
        "guest": "This must have at least 2 characters.",
        "guests": "This must be at most 6.",
        "budget": "This must be more than 0.",
        "address.zip_code": r"This must match the pattern ^\d{4}-\d{3}$.",
    }
    assert await world.audit(card) == ["asked"]
    await world.done()
    assert not (await form.submit(BOOKING)).errors
    await world.alice.expect_message("#deploys", containing="Booked a double")
    await card.becomes("Answered by <@U0ALICE>", buttons=[])


@pytest.mark.promise("P3")
async def test_a_value_that_only_the_model_itself_refuses_is_asked_again_and_not_stored(world: World) -> None:
    await world.start("typed_booking")
    await world.alice.say("#deploys", "@signoff book")
    card = await world.alice.expect_card("#deploys", containing="Whom shall I book for?")
    assert not (await (await card.open_form("Answer")).submit({**BOOKING, "guest": "nobody"})).errors
    shown = await card.becomes("nobody cannot book", buttons=[])
    assert "not delivered" in shown.text
    assert not world.outside.done
    again = await world.alice.expect_card("#deploys", containing="Whom shall I book for?")
    assert not (await (await again.open_form("Answer")).submit(BOOKING)).errors
    await world.alice.expect_message("#deploys", containing="Booked a double for Alice Liddell")
    await again.becomes("Answered by <@U0ALICE>", buttons=[])
    await world.nothing_else()


async def test_named_fields_are_filled_in_beside_what_is_known(world: World) -> None:
    world.outside.payload = {
        "question": "Enter user details",
        "fields": ["name", "email", "age"],
        "current_values": {"name": "Alice", "age": 30},
    }
    await world.start("anything")
    await world.alice.say("#deploys", "@signoff my profile")
    card = await world.alice.expect_card("#deploys", containing="Enter user details")
    form = await card.open_form("Answer")
    assert form.fields == ["name", "email", "age"]
    assert form.values["name"]["value"] == "Alice"
    assert not (await form.submit({"email": "alice@example.com", "age": "31"})).errors
    await world.alice.expect_message("#deploys", containing="I was told dict")
    await world.done("answered {'name': 'Alice', 'email': 'alice@example.com', 'age': 31}")
    await card.becomes("Answered by <@U0ALICE>", buttons=[])
    await world.nothing_else()


# MCP elicitation ------------------------------------------------------------------------------------------------------

TABLE: dict[str, Any] = {
    "key": "table",
    "message": "When do you want to come?",
    "mode": "form",
    "requested_schema": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "title": "Your name", "minLength": 2},
            "email": {"type": "string", "format": "email"},
            "day": {"type": "string", "format": "date"},
            "guests": {"type": "integer", "minimum": 1, "maximum": 8},
            "outside": {"type": "boolean", "default": False},
            "course": {"oneOf": [{"const": "f", "title": "Fish"}, {"const": "v", "title": "Vegetables"}]},
            "drinks": {"type": "array", "items": {"type": "string", "enum": ["water", "wine"]}},
        },
        "required": ["name", "day"],
    },
}
LINK = {
    "key": "login",
    "message": "Sign in to the restaurant",
    "mode": "url",
    "url": "https://tables.example/login?x=1",
}
FILLED = {
    "name": "Alice",
    "email": "alice@example.com",
    "day": "2026-05-04",
    "guests": "2",
    "course": "Fish",
    "drinks": ["wine"],
}
CONTENT = {
    "name": "Alice",
    "email": "alice@example.com",
    "day": "2026-05-04",
    "guests": 2,
    "outside": False,
    "course": "f",
    "drinks": ["wine"],
}


async def test_an_mcp_server_gets_the_values_of_its_form(world: World) -> None:
    world.outside.payload = [TABLE]
    await world.start("elicitation")
    await world.alice.say("#deploys", "@signoff dinner")
    card = await world.alice.expect_card("#deploys", containing="When do you want to come?")
    assert "book_table" in card.text
    form = await card.open_form("Answer")
    assert form.fields == ["name", "email", "day", "guests", "outside", "course", "drinks"]
    wrong = await form.submit({**FILLED, "email": "alice", "guests": "9"})
    assert sorted(wrong.errors.values()) == ["This must be an email address.", "This must be at most 8."]
    assert not (await form.submit(FILLED)).errors
    await world.alice.expect_message("#deploys", containing="The server was told table: accept.")
    await world.done(json.dumps({"table": {"action": "accept", "content": CONTENT}}, sort_keys=True))
    await card.becomes("Answered by <@U0ALICE>", buttons=[])
    await world.nothing_else()


@pytest.mark.parametrize(("label", "action"), [("Reject", "decline"), ("Skip", "cancel")])
@pytest.mark.parametrize("request_", [TABLE, LINK], ids=["form", "url"])
async def test_an_mcp_server_is_told_what_was_declined_or_cancelled(
    world: World, request_: dict[str, Any], label: str, action: str
) -> None:
    world.outside.payload = [request_]
    await world.start("elicitation")
    await world.alice.say("#deploys", "@signoff dinner")
    card = await world.alice.expect_card("#deploys", containing=request_["message"])
    if label == "Reject":
        await (await card.open_form(label)).submit({"Reason": "I would rather not"})
    else:
        await card.click(label)
    key = request_["key"]
    await world.alice.expect_message("#deploys", containing=f"The server was told {key}: {action}.")
    await world.done(json.dumps({key: {"action": action}}))
    await card.becomes("by <@U0ALICE>", buttons=[])
    await world.nothing_else()


async def test_an_mcp_server_may_ask_to_open_a_link(world: World) -> None:
    world.outside.payload = [LINK]
    await world.start("elicitation")
    await world.alice.say("#deploys", "@signoff dinner")
    card = await world.alice.expect_card("#deploys", containing="Sign in to the restaurant")
    assert LINK["url"] in card.text
    await card.click("Approve", by=world.bob)
    await world.bob.expect_message("#deploys", containing="This question is for <@U0ALICE>", ephemeral=True)
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="The server was told login: accept.")
    await world.done(json.dumps({"login": {"action": "accept"}}))
    await card.becomes("by <@U0ALICE>", buttons=[])
    await world.nothing_else()


@pytest.mark.promise("P3")
async def test_a_round_of_several_requests_is_answered_when_each_of_them_is(world: World) -> None:
    world.outside.payload = [TABLE, LINK]
    await world.start("elicitation")
    await world.alice.say("#deploys", "@signoff dinner")
    card = await world.alice.expect_card("#deploys", containing="needs 2 answers")
    assert TABLE["message"] in card.text
    assert LINK["message"] in card.text
    await card.click("Approve")
    await world.at_rest()
    await world.done()
    assert not (await (await (await card.now()).open_form("Answer")).submit(FILLED)).errors
    await world.alice.expect_message("#deploys", containing="The server was told table: accept, login: accept.")
    answers = {"login": {"action": "accept"}, "table": {"action": "accept", "content": CONTENT}}
    await world.done(json.dumps(answers, sort_keys=True))
    await card.becomes("by <@U0ALICE>", buttons=[])
    await world.nothing_else()
