"""Each way in which a graph may ask, as LangGraph's and LangChain's pages write it, with each way to answer."""

from typing import Any

import pytest
from stories.world import World


@pytest.mark.parametrize(("choice", "status", "done"), [("Approve", "approved", ["act"]), ("Reject", "rejected", [])])
async def test_a_question_with_details_is_answered_true_or_false(
    world: World, choice: str, status: str, done: list[str]
) -> None:
    await world.start("yes_or_no")
    card = await world.asked("act")
    assert "Approve this action?" in card.text
    assert card.buttons == ["Approve", "Reject"]
    if choice == "Approve":
        await card.click("Approve")
    else:
        await (await card.open_form("Reject")).submit({"Reason": "not needed"})
    await world.alice.expect_message("#deploys", containing=status)
    shown = await card.becomes(status, buttons=[])
    assert ("not needed" in shown.text) == (choice == "Reject")
    await world.done(*done)
    await world.nothing_else()


@pytest.mark.parametrize(
    ("choice", "values", "said"),
    [
        ("Approve", {}, "The tool says: deployed x2"),
        ("Edit", {"replicas": "4", "service": "ledger"}, "The tool says: deployed x4"),
        ("Reject", {"Reason": "use staging"}, "The tool says: use staging"),
    ],
)
async def test_a_tool_call_to_review_is_continued_updated_or_given_feedback(
    world: World, choice: str, values: dict[str, str], said: str
) -> None:
    await world.start("review_tool_call")
    card = await world.asked("billing")
    assert "Is this correct?" in card.text
    assert card.buttons == ["Approve", "Edit", "Reject"]
    if values:
        assert not (await (await card.open_form(choice)).submit(values)).errors
    else:
        await card.click(choice)
    await world.alice.expect_message("#deploys", containing=said)
    done = {"Approve": ["deploy billing x2"], "Edit": ["deploy ledger x4"], "Reject": []}
    await world.done(*done[choice])
    await card.becomes("by <@U0BOB>", buttons=[])
    await world.nothing_else()


@pytest.mark.parametrize("edited", [False, True], ids=["as it is", "edited"])
async def test_a_text_is_published_as_it_is_or_edited(world: World, edited: bool) -> None:  # noqa: FBT001 - a parameter
    await world.start("text_to_revise")
    card = await world.asked("Hello wrld")
    assert card.buttons == ["Approve", "Edit"]
    if edited:
        form = await card.open_form("Edit")
        (label,) = form.fields
        assert form.values[label]["value"] == "Hello wrld"
        assert (await form.submit({label: "  "})).errors
        assert not (await form.submit({label: "Hello world"})).errors
        assert "Hello wrld → Hello world" in (await card.becomes("Approved with changes", buttons=[])).text
    else:
        await card.click("Approve")
        await card.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing=f"published: Hello {'world' if edited else 'wrld'}")
    await world.nothing_else()


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


@pytest.mark.parametrize("way", ["reply", "button"])
async def test_a_query_is_answered_in_words(world: World, way: str) -> None:
    await world.start("query")
    await world.alice.say("#deploys", "@signoff help me")
    card = await world.alice.expect_card("#deploys", containing="Which framework should I use?")
    if way == "reply":
        await world.alice.say("#deploys", "LangGraph, of course", thread=card)
    else:
        assert not (await (await card.open_form("Answer")).submit({"Answer": "LangGraph, of course"})).errors
    await world.alice.expect_message("#deploys", containing="The expert says: LangGraph, of course")
    await card.becomes("Answered by <@U0ALICE>", buttons=[])
    await world.nothing_else()


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


ANYTHING = {"city": "Lisbon", "nights": 3, "extras": ["sea view"]}


@pytest.mark.parametrize(
    ("choice", "values", "answer"),
    [
        ("Approve", None, True),
        ("Edit", {"nights": "5"}, {**ANYTHING, "nights": 5}),
        ("Reject", {"Reason": "too dear"}, False),
        ("Answer", {"Answer": "ask my boss"}, "ask my boss"),
    ],
)
async def test_anything_else_is_shown_field_by_field_and_answered_in_any_way(
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


# Several at once ------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P3")
@pytest.mark.promise("P8")
@pytest.mark.parametrize("first", ["legal", "finance"])
async def test_two_nodes_that_ask_at_once_are_answered_by_different_people_in_any_order(
    world: World, first: str
) -> None:
    second = "finance" if first == "legal" else "legal"
    await world.start("side_by_side")
    await world.alice.say("#deploys", "@signoff sign it")
    cards = {
        name: await world.bob.expect_card("#deploys", containing=f"Does {name} agree?") for name in (first, second)
    }
    await cards[first].click("Approve", by=world.bob)
    await cards[first].becomes("Approved by <@U0BOB>", buttons=[])
    await world.at_rest()
    assert (await cards[second].now()).buttons == ["Approve", "Reject"]
    await world.done(f"{first}: True")

    form = await cards[second].open_form("Reject", by=world.carol)
    await form.submit({"Reason": "clause 7"})
    await cards[second].becomes("Rejected by <@U0CAROL>", buttons=[])
    await world.alice.expect_message("#deploys", containing="The contract is signed.")
    await world.done(f"{first}: True", f"{second}: False", "signed")
    await world.nothing_else()


@pytest.mark.promise("P3")
async def test_words_that_may_answer_two_questions_answer_neither(world: World) -> None:
    await world.start("two_at_once")
    await world.alice.say("#deploys", "@signoff hello")
    name = await world.alice.expect_card("#deploys", containing="What is your name?")
    age = await world.alice.expect_card("#deploys", containing="How old are you?")
    await world.at_rest()
    await world.alice.say("#deploys", "Alice", thread=name)
    await world.alice.expect_message("#deploys", containing="Please use the Answer button", ephemeral=True)
    await world.done()

    await (await name.open_form("Answer")).submit({"Answer": "Alice"})
    await name.becomes("Answered by <@U0ALICE>", buttons=[])
    await world.done("name Alice")
    await world.at_rest()
    await world.alice.say("#deploys", "42", thread=name)  # now there is one question only
    await age.becomes("Answered by <@U0ALICE>", buttons=[])
    await world.alice.expect_message("#deploys", containing="Nice to meet you.")
    await world.done("name Alice", "age 42")
    await world.nothing_else()
