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
