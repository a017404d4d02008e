"""A word that a node takes for a yes is sent by Approve and by nothing else; what is unknown says so and takes JSON."""

import pytest
from fakes.people import Message
from stories.world import World

pytestmark = pytest.mark.promise("P6")
REFUSED = "This word is a decision here, not an answer. To decide, use the buttons on the card."


async def begin(world: World, name: str) -> Message:
    await world.start(agents={"board": {"graph": f"worded.py:{name}", "channels": ["#deploys"]}})
    return await world.asked("the summary", containing="Sales rose")


SPELLINGS = [
    ("by_word", ["yes", "Yes", " YES ", "yes.", "Yes!", "«yes»", "\uff39\uff25\uff33", "ye\u200bs", "Ok", "*ok*"]),
    ("by_stripped_word", ["yes", "Yes.", "xx YES x!"]),
]


@pytest.mark.parametrize(("name", "spellings"), SPELLINGS)
async def test_a_word_that_decides_is_no_answer_however_it_is_spelled(
    world: World, name: str, spellings: list[str]
) -> None:
    card = await begin(world, name)
    assert card.buttons == ["Approve", "Reject", "Answer"]
    for each in spellings:
        refused = await (await card.open_form("Answer")).submit({"Answer": each})
        assert [*refused.errors.values()] == [REFUSED], each
    await world.done()
    await (await card.open_form("Answer")).submit({"Answer": "yes, but shorter"})
    await world.alice.expect_message("#deploys", containing="To be revised: yes, but shorter")
    await card.becomes("Answered by <@U0BOB>", buttons=[])
    await world.done()
    await world.nothing_else()


async def test_approve_sends_the_word(world: World) -> None:
    card = await begin(world, "by_word")
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="Sent.")
    await card.becomes("Approved by <@U0BOB>", buttons=[])
    await world.done("sent to the board")


async def test_a_reason_that_is_the_word_is_sent_as_a_reason(world: World) -> None:
    card = await begin(world, "by_word")
    await (await card.open_form("Reject")).submit({"Reason": "Yes."})
    await world.alice.expect_message("#deploys", containing="To be revised: Rejected: Yes.")
    await card.becomes("Rejected by <@U0BOB>", buttons=[])
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P5")
async def test_where_the_words_are_searched_a_reason_that_holds_the_word_rejects(world: World) -> None:
    card = await begin(world, "by_search")
    assert card.buttons == ["Approve", "Reject"]
    await (await card.open_form("Reject")).submit({"Reason": "yes, but shorter"})
    await card.becomes("Rejected by <@U0BOB>", buttons=[])
    await world.alice.expect_message("#deploys", containing="To be revised: no")
    await world.done()
    await world.nothing_else()


async def test_a_node_that_tests_the_truth_of_an_answer_gets_no_words(world: World) -> None:
    card = await begin(world, "by_truth")
    assert card.buttons == ["Approve", "Reject"]
    await (await card.open_form("Reject")).submit({"Reason": "no, do not"})
    await card.becomes("Rejected by <@U0BOB>", buttons=[])
    await world.alice.expect_message("#deploys", containing="Kept.")
    await world.done()


UNKNOWN = "Signoff doesn't know what this step takes for an approval."


@pytest.mark.promise("P5")
async def test_the_unknown_takes_json_from_those_who_may_approve_and_words_approve_nothing(world: World) -> None:
    card = await begin(world, "by_nobody_knows")
    assert card.buttons == ["Reject", "Answer"]
    assert UNKNOWN in card.text
    assert "the board's summary" in card.text
    await card.click("Answer", by=world.alice)
    await world.alice.expect_message("#deploys", containing="You asked for this yourself", ephemeral=True)
    form = await card.open_form("Answer")
    assert "Write JSON" in form.text
    for each in ("no", "no, do not", "{approved: false}", "'no'", "NaN"):
        refused = await (await card.open_form("Answer")).submit({"Answer": each})
        assert "This is not JSON." in "".join(refused.errors.values()), each
    await world.done()
    await (await card.open_form("Answer")).submit({"Answer": '{"approved": true, "by": "me"}'})
    shown = await card.becomes("Answered by <@U0BOB>", buttons=[])
    assert "Sent to the agent" in shown.text
    assert '{"approved": true, "by": "me"}' in shown.text
    assert "Approved" not in shown.text
    await world.alice.expect_message("#deploys", containing="Done with it.")
    await world.done("sent, told {'approved': True, 'by': 'me'}")
    await world.audited(card, "asked", "refused by alice: own_request", "answered by bob", "delivered")
    await world.nothing_else()


@pytest.mark.promise("P5")
async def test_the_unknown_can_be_rejected(world: World) -> None:
    card = await begin(world, "by_nobody_knows")
    await (await card.open_form("Reject")).submit({"Reason": "not today"})
    await card.becomes("Rejected by <@U0BOB>", buttons=[])
    await world.alice.expect_message("#deploys", containing="Reason: not today")
    await world.done()
    await world.nothing_else()
