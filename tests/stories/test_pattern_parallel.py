"""Parallel interrupts: several nodes of one step ask at once, and a fan-out by `Send` asks many times.

Up to five requests have a card each. More of them share a sheet: one message with a row for each, and Approve all for
what one person may approve. A graph gets each answer as it is given, or by `resume: together` all of them at once.
https://docs.langchain.com/oss/python/langgraph/interrupts#handling-multiple-interrupts
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import pytest
from fakes.people import Message, Person, wait_until
from stories.world import World, agent

from engine.approvals.audit import What

REFUNDS = {"input": {"orders": "$text"}, "reply": "told"}


@dataclass(frozen=True, slots=True)
class Row:
    """One request of a sheet, as somebody sees it."""

    sheet: Message
    number: int

    async def press(self, label: str, by: Person) -> None:
        """Press a button of this row."""
        now = await self.sheet.now()
        block, button = _button(now, self.number, label)
        outcome = await by._act(
            "click",
            channel=now.channel,
            ts=now.ts,
            block_id=block["block_id"],
            action_id=button["action_id"],
            value=button["value"],
        )
        assert outcome.acked

    async def edit(self, by: Person, **values: Any) -> None:
        await self.press("Edit", by)
        form = await by.expect_form()
        assert not (await form.submit(values)).errors

    async def reject(self, by: Person, reason: str) -> None:
        await self.press("Reject", by)
        form = await by.expect_form()
        await form.submit({"Reason": reason})


def _button(sheet: Message, number: int, label: str) -> tuple[dict[str, Any], dict[str, Any]]:
    for block in sheet.shown["blocks"]:
        for button in block["elements"] if block["type"] == "actions" else ():
            told = button.get("accessibility_label", "")
            if (
                button["type"] == "button"
                and button["text"]["text"] == label
                and told.startswith(f"{label} {number}. ")
            ):
                return block, button
    raise AssertionError(f"row {number} has no {label!r}: {sheet.text}")


def looked_at(world: World) -> Counter[str]:
    """How often the node of each order ran."""
    return Counter(each.split()[1] for each in world.outside.done if each.endswith("looked at"))


def refunded(world: World) -> list[str]:
    return sorted(each for each in world.outside.done if each.startswith("order "))


async def refunds(world: World, count: int) -> None:
    """Wait for so many of many: each has all the patience for itself."""

    async def look() -> bool | None:
        return True if len(refunded(world)) >= count else None

    await wait_until(look, instead=lambda: f"{len(refunded(world))} of {count} were refunded")


async def start(world: World, approvals: tuple[dict[str, Any], ...] = (), **more: Any) -> None:
    await world.start(agents={"refunds": agent("fan_out", **REFUNDS, **more)}, approvals=approvals)


async def ask(world: World, orders: int) -> Message:
    await world.alice.say("#deploys", f"@signoff {orders}")
    return await world.bob.expect_card("#deploys", containing=f"{orders} requests to decide")


# A few nodes, a card each ---------------------------------------------------------------------------------------------

REVIEWS = {"input": {"contract": "$text"}, "reply": "told"}
TEAMS = ("legal", "finance", "security")


async def three_cards(world: World, *rules: dict[str, Any], way: str = "each") -> dict[str, Message]:
    entry = agent("three_reviews", **REVIEWS, resume=way)
    await world.start(agents={"contracts": entry}, approvals=rules)
    await world.alice.say("#deploys", "@signoff the lease")
    return {team: await world.bob.expect_card("#deploys", containing=f"Does {team} agree?") for team in TEAMS}


def ran(world: World) -> Counter[str]:
    return Counter(each.split()[0] for each in world.outside.done if each.endswith(" ran"))


@pytest.mark.promise("P2")
@pytest.mark.promise("P3")
@pytest.mark.parametrize("order", list(permutations(TEAMS)), ids=" ".join)
async def test_three_nodes_are_answered_in_any_order_by_different_people(world: World, order: tuple[str, ...]) -> None:
    cards = await three_cards(world)
    first, second, third = order
    await cards[first].click("Approve", by=world.carol)
    await cards[first].becomes("Approved by <@U0CAROL>", buttons=[])
    await world.at_rest()
    assert "Reject" in (await cards[second].now()).buttons  # the buttons of its siblings live on
    form = await cards[second].open_form("Reject", by=world.bob)
    await form.submit({"Reason": "not yet"})
    await cards[second].becomes("Rejected by <@U0BOB>", buttons=[])
    await world.at_rest()
    await cards[third].click("Approve", by=world.bob)
    agreed = ", ".join(sorted({first, third}))
    await world.alice.expect_message("#deploys", containing=f"Agreed: {agreed}.")
    await world.at_rest()
    # Each resume runs the nodes that are still unanswered again, up to their interrupt.
    assert ran(world) == {first: 2, second: 3, third: 4}
    answers = [each for each in world.outside.done if ": " in each]
    assert answers == [f"{first}: True", f"{second}: False", f"{third}: True"]
    await world.nothing_else()


@pytest.mark.promise("P3")
async def test_together_the_graph_is_resumed_once_when_the_last_is_decided_also_after_a_restart(world: World) -> None:
    cards = await three_cards(world, way="together")
    await cards["finance"].click("Approve")
    await cards["finance"].becomes("Approved by <@U0BOB>", buttons=[])
    await world.at_rest()
    await cards["legal"].click("Approve", by=world.carol)
    await cards["legal"].becomes("Approved by <@U0CAROL>", buttons=[])
    await world.restart()
    await world.at_rest()
    assert ran(world) == dict.fromkeys(TEAMS, 1)
    await cards["security"].click("Approve")
    await world.alice.expect_message("#deploys", containing="Agreed: finance, legal, security.")
    await cards["security"].becomes("Approved by <@U0BOB>", buttons=[])
    await world.at_rest()
    assert ran(world) == dict.fromkeys(TEAMS, 2)
    await world.nothing_else()


@pytest.mark.promise("P5")
@pytest.mark.parametrize("outcome", ["reject", "fail"])
async def test_together_the_expiry_of_the_last_ones_lets_the_others_go(world: World, outcome: str) -> None:
    rule = {"when": {"agent": "*"}, "approvers": {"users": ["bob"]}, "expires_after": "4h", "on_expiry": outcome}
    cards = await three_cards(world, rule, way="together")
    await cards["legal"].click("Approve")
    await cards["legal"].becomes("Approved by <@U0BOB>", buttons=[])
    await world.at_rest()
    world.clock.advance(hours=5)
    for team in ("finance", "security"):
        await world.done("finance ran", "legal ran", "security ran", in_any_order=True)
        await cards[team].click("Approve")
        await world.bob.expect_message("#deploys", containing="This request expired", ephemeral=True)
        await cards[team].becomes("Nobody decided by", buttons=[])
        if outcome == "fail":
            await world.alice.expect_message("#deploys", containing="Nobody decided this in time")
    if outcome == "reject":
        await world.alice.expect_message("#deploys", containing="Agreed: legal.")

    async def told() -> bool | None:
        return True if "legal: True" in world.outside.done else None

    await wait_until(told, instead=lambda: f"the graphs did {world.outside.done}")
    await world.at_rest()


# A sheet --------------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P2")
@pytest.mark.parametrize("way", ["each", "together"])
async def test_twenty_requests_are_one_message_decided_row_by_row_and_the_rest_at_once(world: World, way: str) -> None:
    await start(world, resume=way)
    sheet = await ask(world, 20)
    assert "20. refund" in sheet.text
    await Row(sheet, 7).press("Approve", world.bob)
    await sheet.becomes("19 of 20 to decide")
    await Row(sheet, 3).edit(world.bob, amount=5)
    await Row(sheet, 12).reject(world.carol, "too late")
    sheet = await sheet.becomes("17 of 20 to decide")
    assert "Rejected by <@U0CAROL>" in sheet.text
    assert "too late" in sheet.text
    await world.at_rest()
    assert ("waits for the others" in sheet.text) is (way == "together")
    assert len(refunded(world)) == (3 if way == "each" else 0)

    pressed = await sheet.click("Approve all 17", by=world.carol)
    assert pressed.acked
    await world.carol.expect_message("#deploys", containing="You approved 17 of 20 requests.", ephemeral=True)
    sheet = await sheet.becomes("20 requests", buttons=[])
    assert "19 approved" in sheet.text
    assert "1 rejected" in sheet.text
    await world.alice.expect_message("#deploys", containing="19 of 20 orders were refunded")
    await world.at_rest()
    assert "order 3: refunded 5" in refunded(world)
    assert "order 12: nothing" in refunded(world)
    assert len(refunded(world)) == 20
    # LangGraph runs every node that is still unanswered again, up to its interrupt, for each resume of a sibling.
    runs = sorted(looked_at(world).values())
    assert runs == ([2] * 20 if way == "together" else runs)
    assert (max(runs) > 2) is (way == "each")
    await world.nothing_else()


@pytest.mark.promise("P3")
@pytest.mark.timeout(600)
async def test_forty_five_requests_are_three_messages(world: World) -> None:
    await start(world)
    await world.alice.say("#deploys", "@signoff 45")
    first = await world.bob.expect_card("#deploys", containing="20. refund")
    second = await world.bob.expect_card("#deploys", containing="20. refund")
    third = await world.bob.expect_card("#deploys", containing="5 requests to decide")
    for sheet, count in ((third, 5), (first, 20), (second, 20)):
        await sheet.click(f"Approve all {count}", by=world.carol)
        await world.carol.expect_message("#deploys", containing=f"You approved {count} of {count}", ephemeral=True)
        await sheet.becomes(f"{count} approved", buttons=[])
    for count in range(1, 46):
        await refunds(world, count)
    await world.alice.expect_message("#deploys", containing="45 of 45 orders were refunded")
    assert len(refunded(world)) == 45
    await world.nothing_else()


@pytest.mark.promise("P6")
async def test_approve_all_is_one_vote_on_each_where_several_have_to_agree(world: World) -> None:
    rule = {"when": {"tool": "refund"}, "approvers": {"users": ["alice", "bob", "carol"]}, "quorum": 2}
    await start(world, (rule,))
    sheet = await ask(world, 6)
    await sheet.click("Approve all 6", by=world.alice)
    await world.alice.expect_message("#deploys", containing="You asked for this yourself", ephemeral=True)
    await sheet.click("Approve all 6", by=world.bob)
    await world.bob.expect_message("#deploys", containing="Your approval counts for 6", ephemeral=True)
    await sheet.becomes("1 of 2 approvals")
    await sheet.click("Approve all 6", by=world.bob)
    await world.bob.expect_message("#deploys", containing="You already approved", ephemeral=True)
    assert refunded(world) == []
    await sheet.click("Approve all 6", by=world.carol)
    await world.carol.expect_message("#deploys", containing="You approved 6 of 6", ephemeral=True)
    await world.alice.expect_message("#deploys", containing="6 of 6 orders were refunded")
    await sheet.becomes("6 approved", buttons=[])
    rows = await world.bot.ports.audit.of_thread(world.thread(sheet))
    assert Counter(row.what for row in rows if row.who == "U0CAROL") == {What.VOTED: 6, What.DECIDED: 6}
    await world.nothing_else()


@pytest.mark.promise("P4")
async def test_what_changed_meanwhile_is_not_approved_with_the_others(world: World) -> None:
    rule = {"when": {"tool": "refund"}, "approvers": {"users": ["bob", "carol"]}, "quorum": 2}
    await start(world, (rule,))
    seen = await ask(world, 6)
    await Row(seen, 2).edit(world.bob, amount=1)
    await seen.becomes("1 of 2 approvals")
    await seen.click("Approve all 6", by=world.carol, stale=True)  # her page has not heard of the edit
    told = await world.carol.expect_message("#deploys", containing="Left out", ephemeral=True)
    assert told.text == (
        "Your approval counts for 5; somebody else must approve too. Left out: 1 changed since you saw it."
    )
    await world.at_rest()


@pytest.mark.promise("P4")
async def test_a_row_that_does_not_fit_is_read_whole_and_decided_by_itself(world: World) -> None:
    world.rewrite("fan_out", ("arrived broken.", "arrived broken. {'very ' * (2000 if state['order'] == 2 else 0)}"))
    await start(world)
    sheet = await ask(world, 6)
    form = await sheet.open_form("Show all", by=world.bob)
    assert form.text.replace("\n", "").count("very") == 2000  # a long text is cut into parts
    await form.close()
    await sheet.click("Approve all 5", by=world.bob)
    await world.bob.expect_message(
        "#deploys", containing="You approved 5 of 6 requests. Left out: 1 shown only in part.", ephemeral=True
    )
    await sheet.becomes("1 of 6 to decide")
    await Row(sheet, 2).press("Approve", world.bob)
    await (await world.bob.expect_form(title="Approve?")).submit()
    await world.alice.expect_message("#deploys", containing="6 of 6 orders were refunded")
    await sheet.becomes("6 approved", buttons=[])
    await world.nothing_else()


@pytest.mark.promise("P3")
async def test_a_question_on_a_sheet_is_answered_in_the_thread_and_not_by_approve_all(world: World) -> None:
    entry = agent("many_asks", input={"task": "$text"}, reply="told")
    await world.start(agents={"steps": entry})
    await world.alice.say("#deploys", "@signoff the move")
    sheet = await world.bob.expect_card("#deploys", containing="Which colour do you like?")
    assert "7 requests to decide" in sheet.text
    await sheet.click("Approve all 6", by=world.bob)
    told = await world.bob.expect_message("#deploys", containing="You approved 6 of 7", ephemeral=True)
    assert "Left out: 1 to be answered separately." in told.text
    await sheet.becomes("1 of 7 to decide", buttons=["Answer"])
    await world.alice.say("#deploys", "green", thread=sheet)
    await world.alice.expect_message("#deploys", containing="All 7 are answered.")
    await sheet.becomes("6 approved", buttons=[])
    assert "colour: green" in world.outside.done
    await world.nothing_else()


@pytest.mark.promise("P2")
async def test_two_people_who_approve_all_at_once_decide_each_request_once(world: World) -> None:
    await start(world)
    sheet = await ask(world, 20)
    both = await asyncio.gather(*(sheet.click("Approve all 20", by=each) for each in (world.bob, world.carol)))
    assert all(each.acked for each in both)
    await world.alice.expect_message("#deploys", containing="20 of 20 orders were refunded")
    await sheet.becomes("20 approved", buttons=[])
    await world.at_rest()
    rows = await world.bot.ports.audit.of_thread(world.thread(sheet))
    assert Counter(row.what for row in rows if row.what is What.DECIDED) == {What.DECIDED: 20}
    assert len(refunded(world)) == 20


@pytest.mark.promise("P5")
@pytest.mark.promise("P8")
async def test_requests_of_a_sheet_expire_and_people_are_reminded_of_it_once(world: World) -> None:
    rule = {
        "when": {"agent": "*"},
        "approvers": {"users": ["bob", "carol"]},
        "remind_after": "2s",
        "expires_after": "4s",
    }
    await start(world, (rule,))
    sheet = await ask(world, 6)
    await Row(sheet, 4).press("Approve", world.bob)
    await world.bob.expect_message("#deploys", containing="these requests still need your decision")
    await sheet.becomes("5 expired", buttons=[])
    await world.alice.expect_message("#deploys", containing="1 of 6 orders were refunded")
    await world.nothing_else()


@pytest.mark.promise("P4")
@pytest.mark.promise("P8")
async def test_a_graph_that_changed_withdraws_the_list_and_asks_anew_after_a_restart(world: World) -> None:
    await start(world)
    old = await ask(world, 6)
    await Row(old, 1).press("Approve", world.bob)
    await old.becomes("5 of 6 to decide")
    await world.at_rest()
    await world.stop()
    world.rewrite("fan_out", ("arrived broken.", "never arrived."))
    await world.run()
    await Row(old, 2).press("Approve", world.bob)
    new = await world.bob.expect_card("#deploys", containing="never arrived.")
    old = await old.becomes("4 withdrawn", buttons=[])
    assert "1 not delivered" in old.text
    assert "1 approved" in old.text
    await world.at_rest()
    assert new.buttons
    assert refunded(world) == ["order 1: refunded 10"]
