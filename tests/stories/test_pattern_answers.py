"""Graphs with conventions of their own: `answers:` words what a choice sends, and what it writes into the state."""

from collections.abc import Mapping
from typing import Any

import pytest
from stories.world import World

REFUND = {
    "when": {"node": "review", "payload": {"type": "refund_*"}},
    "ask": "May this be refunded?",
    "approve": {
        "resume": {"verdict": "yes", "amount": 80},
        "update": {"notes": ["approved by $user"]},
    },
    "edit": {"resume": {"verdict": "changed", "amount": "$value"}, "update": {"notes": ["edited by $user"]}},
    "reject": {"resume": {"verdict": "no", "why": "$text"}, "update": {"notes": ["$text"]}},
}
STATE: Mapping[str, Any] = {"input": {"order": "$text"}, "reply": "told"}


@pytest.mark.promise("P3")
async def test_a_choice_sends_what_app_yaml_says_and_updates_the_state(world: World) -> None:
    await world.start("own_words", answers=[REFUND], **STATE)
    card = await world.asked("order 7")
    assert "May this be refunded?" in card.text
    assert card.buttons == ["Approve", "Edit", "Reject"]
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="yes 80; notes: approved by U0BOB")
    await card.becomes("by <@U0BOB>", buttons=[])
    await world.done("yes 80")
    await world.nothing_else()


async def test_a_rejections_reason_reaches_the_graph_and_its_state(world: World) -> None:
    await world.start("own_words", answers=[REFUND], **STATE)
    card = await world.asked("order 7")
    await (await card.open_form("Reject")).submit({"Reason": "too late"})
    await world.alice.expect_message("#deploys", containing="no 0 too late; notes: too late")
    await card.becomes("too late", buttons=[])
    await world.done("no 0 too late")
    await world.nothing_else()


async def test_only_what_is_worded_is_offered(world: World) -> None:
    await world.start("own_words", answers=[{**REFUND, "approve": REFUND["reject"], "edit": REFUND["edit"]}], **STATE)
    card = await world.asked("order 7")
    assert card.buttons == ["Approve", "Edit", "Reject"]
    await world.stop()
    await world.start("own_words", answers=[{"when": REFUND["when"], "reject": REFUND["reject"]}], **STATE)
    again = await world.asked("order 8")
    assert again.buttons == ["Reject"]


@pytest.mark.promise("P4")
async def test_a_change_of_the_words_asks_again_and_sends_nothing(world: World) -> None:
    await world.start("own_words", answers=[REFUND], **STATE)
    card = await world.asked("order 7")
    await world.stop()
    turned = {**REFUND, "reject": {"resume": {"verdict": "yes", "amount": 80}}}
    await world.start("own_words", answers=[turned], **STATE)
    await (await card.open_form("Reject")).submit({"Reason": "no"})
    await card.becomes("not delivered", buttons=[])
    again = await world.bob.expect_card("#deploys", containing="order 7")
    await again.click("Approve")
    await world.alice.expect_message("#deploys", containing="yes 80")
    await world.done("yes 80")


PICKS = {
    "when": {"node": "review"},
    "approve": {"resume": {"verdict": "yes", "amount": "$value.amount"}},
    "edit": {"resume": {"verdict": "changed", "amount": "$value.amount"}},
}


async def test_an_entry_picks_fields_and_only_those_can_be_edited(world: World) -> None:
    await world.start("own_words", answers=[PICKS], **STATE)
    card = await world.asked("order 7")
    assert card.buttons == ["Approve", "Edit", "Reject"]
    form = await card.open_form("Edit")
    assert form.fields == ["amount"]
    await form.submit({"amount": "60"})
    await world.alice.expect_message("#deploys", containing="changed 60")
    await card.becomes("Approved with changes by <@U0BOB>", buttons=[])
    await world.done("changed 60")
    await world.nothing_else()


@pytest.mark.promise("P5")
async def test_a_rejection_that_the_entry_has_no_words_for_stops_the_run(world: World) -> None:
    await world.start("own_words", answers=[PICKS], **STATE)
    card = await world.asked("order 7")
    await (await card.open_form("Reject")).submit({"Reason": "too late"})
    await card.becomes("Rejected by <@U0BOB>", buttons=[])
    await world.alice.expect_message("#deploys", containing="too late")
    await world.nothing_else()
    await world.alice.say("#deploys", "@signoff order 8", thread=card)
    again = await world.bob.expect_card("#deploys", containing="order 8")
    await again.click("Approve")
    await world.alice.expect_message("#deploys", containing="yes 80")
    await world.done("yes 80")
    await world.nothing_else()


@pytest.mark.promise("P4")
async def test_what_an_entry_picks_and_the_request_lacks_is_not_offered(world: World) -> None:
    missing = {**PICKS, "approve": {"resume": "$value.total"}}
    await world.start("own_words", answers=[missing], **STATE)
    card = await world.asked("order 7")
    assert card.buttons == ["Edit", "Reject"]
    assert "Approve is not offered" in card.text
    assert "$value.total" in card.text
    await (await card.open_form("Edit")).submit({"amount": "60"})
    await world.alice.expect_message("#deploys", containing="changed 60")
    await world.done("changed 60")


@pytest.mark.promise("P4")
async def test_a_pick_that_is_changed_while_a_card_waits_sends_nothing_and_asks_again(world: World) -> None:
    await world.start("own_words", answers=[PICKS], **STATE)
    card = await world.asked("order 7")
    await world.stop()
    gone = {**PICKS, "approve": {"resume": {"verdict": "yes", "amount": "$value.total"}}}
    await world.start("own_words", answers=[gone], **STATE)
    await card.click("Approve")
    await card.becomes("not delivered", buttons=[])
    again = await world.bob.expect_card("#deploys", containing="order 7")
    assert again.buttons == ["Edit", "Reject"]
    await world.stop()
    await world.start("own_words", answers=[PICKS], **STATE)
    await (await again.open_form("Edit")).submit({"amount": "60"})
    await again.becomes("not delivered", buttons=[])
    third = await world.bob.expect_card("#deploys", containing="order 7")
    await third.click("Approve")
    await world.alice.expect_message("#deploys", containing="yes 80")
    await world.done("yes 80")
    await world.nothing_else()
