"""An edit says "Approved with changes" only where the node takes what was changed (P4)."""

import pytest
from fakes.people import Form, Message
from stories.world import World, agent

pytestmark = pytest.mark.promise("P4")
TEXT = "Dear Ada, it is on its way."


async def begin(world: World, **more: object) -> tuple[Message, Form]:
    approvals = more.pop("approvals", ())
    await world.start(agents={"mail": agent("edited", **more)}, approvals=approvals)  # type: ignore[arg-type]
    card = await world.asked("write to Ada", containing=TEXT)
    assert card.buttons == ["Approve", "Edit", "Reject"]
    return card, await card.open_form("Edit")


async def test_the_form_has_the_fields_that_the_node_takes_and_they_reach_it(world: World) -> None:
    card, form = await begin(world)
    assert form.fields == ["draft"]
    assert "ada@example.com" in card.text
    await form.submit({"draft": "Dear Ada, it is late."})
    shown = await card.becomes("Approved with changes by <@U0BOB>", buttons=[])
    assert "Dear Ada, it is late." in shown.text
    await world.alice.expect_message("#deploys", containing="Sent: Dear Ada, it is late.")
    await world.done("edit: Dear Ada, it is late. to ada@example.com")
    await world.nothing_else()


async def test_an_edit_that_changes_nothing_is_an_approval(world: World) -> None:
    card, form = await begin(world)
    await form.submit({"draft": TEXT})
    shown = await card.becomes("Approved by <@U0BOB>", buttons=[])
    assert "with changes" not in shown.text
    await world.alice.expect_message("#deploys", containing=f"Sent: {TEXT}")
    await world.done(f"approve: {TEXT} to ada@example.com")
    await world.audited(card, "asked", "voted by bob: approve", "decided by bob", "delivered")
    await world.nothing_else()


async def test_an_edit_is_approved_again_where_two_must_agree(world: World) -> None:
    rule = {"approvers": {"users": ["bob", "carol"]}, "quorum": 2}
    card, form = await begin(world, approvals=[rule])
    await form.submit({"draft": "Dear Ada, it is late."})
    card = await card.becomes("1 of 2 approvals")
    await world.done()
    await card.click("Approve", by=world.carol)
    await card.becomes("Approved with changes by <@U0BOB>, <@U0CAROL>", buttons=[])
    await world.alice.expect_message("#deploys", containing="Sent: Dear Ada, it is late.")
    await world.done("edit: Dear Ada, it is late. to ada@example.com")
    await world.nothing_else()


async def test_an_entry_of_answers_decides_which_fields_can_be_edited(world: World) -> None:
    entry = {
        "when": {"node": "approve_mail"},
        "approve": {"resume": {"action": "approve"}},
        "edit": {"resume": {"action": "edit", "edited_draft": "$value.draft by $user for $$5"}},
        "reject": {"resume": {"action": "reject", "reason": "$reason"}},
    }
    card, form = await begin(world, answers=[entry])
    assert form.fields == ["draft"]
    await form.submit({"draft": "Dear Bob"})
    await card.becomes("Approved with changes by <@U0BOB>", buttons=[])
    await world.alice.expect_message("#deploys", containing="Sent: Dear Bob by U0BOB for $5")
    await world.done("edit: Dear Bob by U0BOB for $5 to ada@example.com")
    await world.nothing_else()
