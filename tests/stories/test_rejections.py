"""Reject is always safe: where a graph has no known way to hear it, the run ends and the graph is told nothing (P5)."""

import asyncio
from typing import Any

import pytest
from fakes.people import Message
from stories.world import World

pytestmark = pytest.mark.promise("P5")

PLACES = ("in_node", "in_subgraph", "in_called_graph", "in_tool", "workflow")
TOLD = "so the run was stopped. The agent was not told"


async def begin(world: World, place: str, text: str, *, containing: str = "disk-1", **more: Any) -> Message:
    approvals = more.pop("approvals", ())
    entry = {"graph": f"unheard.py:{place}", "channels": ["#deploys"], **more}
    if place == "workflow":
        entry |= {"input": [{"role": "user", "content": "$text"}], "reply": "@"}
    await world.start(agents={"wiper": entry}, approvals=approvals)
    return await world.asked(text, containing=containing)


def words(place: str, disk: str) -> str:
    return f"wipe {disk}" if place == "in_tool" else disk


async def reject(card: Message, reason: str = "wrong disk") -> None:
    assert not (await (await card.open_form("Reject")).submit({"Reason": reason})).errors


async def told(world: World, reason: str = "wrong disk", by: str = "<@U0BOB>") -> None:
    """The requester reads who rejected, why, that the agent was not told, and what to do."""
    said = await world.alice.expect_message("#deploys", containing=TOLD)
    assert said.notification.startswith(f"{by} rejected")
    assert said.text.endswith(f"To start again, send a new message.\nReason: {reason}")


@pytest.mark.promise("P9")
@pytest.mark.parametrize("place", PLACES)
async def test_what_asks_anywhere_and_hears_no_no_does_nothing_and_the_next_message_begins_anew(
    world: World, place: str
) -> None:
    card = await begin(world, place, words(place, "disk-1"))
    form = await card.open_form("Reject")
    assert "The agent has no way to hear a rejection here." in form.text
    await form.submit({"Reason": "wrong disk"})
    shown = await card.becomes("Rejected by <@U0BOB>", buttons=[])
    assert "The run was stopped. The agent was not told" in shown.text
    assert "wrong disk" in shown.text
    await told(world)
    await world.audited(card, "asked", "voted by bob: reject", "decided by bob", "stopped")
    await world.nothing_else()
    await world.done()

    await world.alice.say("#deploys", f"@signoff {words(place, 'disk-2')}", thread=card)
    again = await world.bob.expect_card("#deploys", containing="disk-2")
    await reject(again, "this one neither")
    await told(world, "this one neither")
    await again.becomes("Rejected by <@U0BOB>", buttons=[])
    await world.done()
    await world.nothing_else()


async def test_a_model_is_told_that_the_call_of_a_stopped_run_was_not_run(world: World) -> None:
    card = await begin(world, "in_tool", "wipe disk-1")
    await reject(card)
    await told(world)
    await card.becomes("Rejected by <@U0BOB>", buttons=[])
    await world.alice.say("#deploys", "@signoff what do you know?", thread=card)
    await world.alice.expect_message("#deploys", containing="I know: ['Not run: nobody approved it.']")
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P8")
async def test_what_waits_beside_it_is_withdrawn_and_says_why(world: World) -> None:
    card = await begin(world, "beside", "disk-1")
    other = await world.bob.expect_card("#deploys", containing="Does legal agree?")
    await reject(card)
    await card.becomes("Rejected by <@U0BOB>", buttons=[])
    shown = await other.becomes("Withdrawn", buttons=[])
    assert "another request of this run was rejected" in shown.text.lower()
    await told(world)
    await other.click("Approve", by=world.carol, stale=True)
    await world.carol.expect_message("#deploys", containing="another request of this run was rejected", ephemeral=True)
    await world.done()
    await world.nothing_else()


async def test_one_rejection_ends_what_takes_two_approvals(world: World) -> None:
    rule = {"approvers": {"users": ["bob", "carol"]}, "quorum": 2}
    card = await begin(world, "in_node", "disk-1", approvals=[rule])
    await card.click("Approve", by=world.carol)
    card = await card.becomes("1 of 2 approvals")
    await reject(card)
    await card.becomes("Rejected by <@U0BOB>", buttons=[])
    await told(world)
    await world.audited(card, "asked", "voted by carol: approve", "voted by bob: reject", "decided by bob", "stopped")
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P2")
async def test_of_two_who_reject_at_once_one_is_told_that_it_is_done(world: World) -> None:
    card = await begin(world, "in_node", "disk-1")
    forms = [await card.open_form("Reject", by=who) for who in (world.bob, world.carol)]
    await asyncio.gather(*(form.submit({"Reason": "wrong disk"}) for form in forms))
    await card.becomes("Rejected by", buttons=[])
    await world.alice.expect_message("#deploys", containing=TOLD)
    approval = await world.approval(card)
    (first,) = approval.deciders
    late = world.carol if first == "U0BOB" else world.bob
    await late.expect_message("#deploys", containing=f"already rejected by <@{first}>", ephemeral=True)
    await world.done()
    await world.nothing_else()


async def test_a_batch_that_only_takes_approvals_can_be_rejected_and_nothing_of_it_runs(world: World) -> None:
    card = await begin(world, "approve_only", "delete logs backups", containing="logs")
    assert card.buttons == ["Approve", "Reject"] * 2
    await card.click("Approve", value=_value(card, "Approve", 0))
    card = await card.becomes("Approved by <@U0BOB>")
    await reject(card, "keep the backups")
    shown = await card.becomes("Rejected by <@U0BOB>", buttons=[])
    assert "keep the backups" in shown.text
    said = await world.alice.expect_message("#deploys", containing="rejected delete, so the run was stopped")
    assert said.text.endswith("Reason: keep the backups")
    await world.done()
    await world.nothing_else()
    await world.alice.say("#deploys", "@signoff what do you know?", thread=card)
    await world.alice.expect_message("#deploys", containing="Not run: nobody approved it.")
    await world.done()
    await world.nothing_else()


def _value(card: Message, label: str, index: int) -> str:
    buttons = [each for block in card.shown["blocks"] for each in block.get("elements", ()) if "value" in each]
    found = [each["value"] for each in buttons if each.get("text", {}).get("text") == label]
    return str(found[index])


async def test_a_restart_after_the_rejection_runs_nothing_and_asks_nothing(world: World) -> None:
    card = await begin(world, "in_subgraph", "disk-1")
    await reject(card)
    await card.becomes("Rejected by <@U0BOB>", buttons=[])
    await world.restart()
    await told(world)
    await card.click("Approve", stale=True)
    await world.bob.expect_message("#deploys", containing="already rejected by <@U0BOB>", ephemeral=True)
    await world.done()
    await world.nothing_else()
