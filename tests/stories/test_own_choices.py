"""A node with more ways on than yes and no: each has a button under the node's own word, decided as approvals are."""

from typing import Any

import pytest
from fakes.people import Message
from stories.world import World

FIRST = "Dear Ada, we owe you an answer."
WORDED = {
    "when": {"node": "review"},
    "approve": {"resume": {"verdict": "mail it"}},
    "reject": {"resume": {"verdict": "bin"}},
    "options": {
        "once more": {"resume": {"verdict": "revise", "feedback": "$text"}},
        "to the lawyer": {"resume": {"verdict": "escalate"}},
    },
}
BUTTONS = ["Approve", "Reject", "revise", "escalate"]
TWO = {"approvers": {"users": ["bob", "carol"]}, "quorum": 2}


async def _asked(world: World, **more: Any) -> Message:
    await world.start("letter_review", **more)
    card = await world.asked("write to Ada", containing=FIRST)
    assert card.buttons == BUTTONS
    assert "Approve sends “mail it” · Reject sends “bin”" in card.text
    return card


@pytest.mark.promise("P4")
async def test_a_letter_goes_back_to_its_writer_and_is_asked_about_anew(world: World) -> None:
    card = await _asked(world)
    form = await card.open_form("revise")
    assert (form.title, form.fields) == ("revise", ["Feedback"])
    await form.submit({"Feedback": "we are <!channel> sorry"})
    await card.becomes("Chosen by", buttons=[])
    again = await world.bob.expect_card("#deploys", containing="Dear Ada, we are <!channel> sorry")
    assert again.buttons == BUTTONS
    await world.done()
    await again.click("Approve")
    await world.alice.expect_message("#deploys", containing="The letter is sent.")
    await world.done("sent: Dear Ada, we are <!channel> sorry")
    await world.nothing_else()


@pytest.mark.promise("P8")
@pytest.mark.promise("P9")
async def test_an_escalation_is_neither_an_approval_nor_a_rejection(world: World) -> None:
    card = await _asked(world)
    await card.click("escalate")
    decided = await card.becomes("escalate", buttons=[])
    assert "Chosen by" in decided.text
    assert "Approved" not in decided.text + decided.notification
    assert "Rejected" not in decided.text + decided.notification
    await world.alice.expect_message("#deploys", containing="The on-call lawyer reads the letter.")
    await world.done("paged the lawyer")
    await world.audited(card, "asked", "voted by bob: option", "decided by bob: option", "delivered")
    rows = await world.bot.ports.audit.of_thread((await world.approval(card)).thread)
    assert {"choice": "option", "option": "escalate"} in [row.detail for row in rows]
    await world.nothing_else()


@pytest.mark.promise("P6")
@pytest.mark.parametrize("label", ["escalate", "revise"])
async def test_who_may_not_approve_may_not_choose_either(world: World, label: str) -> None:
    card = await _asked(world)
    await card.click(label, by=world.alice)
    await world.alice.expect_message("#deploys", containing="somebody else has to decide it", ephemeral=True)
    assert (await card.now()).buttons == BUTTONS
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P2")
async def test_two_people_who_choose_differently_decide_nothing(world: World) -> None:
    await world.start("letter_review", approvals=[TWO])
    card = await world.asked("write to Ada", containing=FIRST)
    await card.click("escalate")
    await card.becomes("1 of 2 for")
    await (await card.open_form("revise", by=world.carol)).submit({"Feedback": "shorter"})
    split = await card.becomes("revise")
    assert split.buttons == BUTTONS
    await world.at_rest()
    await world.done()
    await card.click("escalate", by=world.carol)
    await card.becomes("Chosen by", buttons=[])
    await world.alice.expect_message("#deploys", containing="The on-call lawyer reads the letter.")
    await world.done("paged the lawyer")
    await world.nothing_else()


@pytest.mark.promise("P2")
async def test_a_stale_click_is_told_what_was_chosen(world: World) -> None:
    card = await _asked(world)
    await card.click("escalate")
    await card.becomes("Chosen by", buttons=[])
    await card.click("Approve", by=world.carol, stale=True)
    told = await world.carol.expect_message("#deploys", containing="already decided", ephemeral=True)
    assert "escalate" in told.text
    await card.click("revise", by=world.carol, stale=True)
    await world.carol.expect_message("#deploys", containing="already decided", ephemeral=True)
    await world.alice.expect_message("#deploys", containing="The on-call lawyer reads the letter.")
    await world.done("paged the lawyer")
    await world.nothing_else()


@pytest.mark.promise("P1")
async def test_a_choice_holds_over_a_restart(world: World) -> None:
    await _asked(world)
    await world.stop()
    await world.run()
    card = (await world.bob.messages("#deploys"))[-1]
    assert card.buttons == BUTTONS
    await (await card.open_form("revise")).submit({"Feedback": "we are sorry"})
    again = await world.bob.expect_card("#deploys", containing="Dear Ada, we are sorry")
    await world.restart()
    await again.click("escalate")
    await world.alice.expect_message("#deploys", containing="The on-call lawyer reads the letter.")
    await world.done("paged the lawyer")
    await world.nothing_else()


@pytest.mark.promise("P8")
async def test_a_rejection_stops_where_an_entry_words_options_alone(world: World) -> None:
    await world.start("letter_review", answers=[{"options": WORDED["options"]}])
    card = await world.asked("write to Ada", containing=FIRST)
    assert card.buttons == ["Reject", "once more", "to the lawyer"]
    await (await card.open_form("Reject")).submit({"Reason": "not today"})
    await card.becomes("Rejected by", buttons=[])
    await world.alice.expect_message("#deploys", containing="the run was stopped")
    await world.done()
    await world.nothing_else()


async def test_an_entry_of_answers_offers_options_by_its_own_names(world: World) -> None:
    await world.start("letter_review", answers=[WORDED])
    card = await world.asked("write to Ada", containing=FIRST)
    assert card.buttons == ["Approve", "Reject", "once more", "to the lawyer"]
    await (await card.open_form("once more")).submit({"Message": "we are sorry"})
    again = await world.bob.expect_card("#deploys", containing="Dear Ada, we are sorry")
    await again.click("to the lawyer")
    await world.alice.expect_message("#deploys", containing="The on-call lawyer reads the letter.")
    await world.done("paged the lawyer")
    await world.nothing_else()


async def test_many_choices_are_a_menu(world: World) -> None:
    many = {f"to team {number}": {"resume": {"verdict": "escalate"}} for number in range(6)}
    await world.start("letter_review", answers=[{**WORDED, "options": many}])
    card = await world.asked("write to Ada", containing=FIRST)
    await card.click("to team 4")
    decided = await card.becomes("to team 4", buttons=[])
    assert "Chosen by" in decided.text
    await world.alice.expect_message("#deploys", containing="The on-call lawyer reads the letter.")
    await world.done("paged the lawyer")
    await world.nothing_else()


@pytest.mark.promise("P8")
async def test_rows_of_one_message_have_their_own_choices(world: World) -> None:
    await world.start("letters_beside")
    card = await world.asked("write the letters", containing="8 requests to decide")
    assert card.buttons.count("escalate") == 8
    await card.click("escalate")
    seven = await card.becomes("7 of 8 to decide")
    assert "☑️ 1 decided" in seven.text
    assert "Chosen by" in seven.text
    assert seven.buttons.count("escalate") == 7
    await seven.click("Approve all 7")
    await world.bob.expect_message("#deploys", containing="You approved 7 of 8 requests.", ephemeral=True)
    await world.alice.expect_message("#deploys", containing="All letters are dealt with.")
    await card.becomes("8 requests", buttons=[])
    await world.done("paged the lawyer", *(f"sent: Dear reader {number}" for number in range(1, 8)), in_any_order=True)
    await world.nothing_else()
