"""Who is called: a request reaches people who can decide it, each once, and each copy of the card is the same truth."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from fakes.people import Message, Person, wait_until
from stories.test_pattern_parallel import ask, start
from stories.world import World

from bot.runtime.clock import SystemClock, machine_time
from engine.approvals.audit import What
from engine.approvals.events import Act, Doing
from engine.ids import UserId

BOB, CAROL = {"users": ["bob"]}, {"users": ["carol"]}
BOTH = {"users": ["bob", "carol"]}


def a_rule(**more: Any) -> dict[str, Any]:
    return {"when": {"tool": "*"}, **more}


async def ends_well(world: World) -> None:
    await world.done("deploy billing x2")
    await world.alice.expect_message("#deploys", containing="deployed x2")
    await world.nothing_else()


async def put_out(world: World, name: str, channel: str = "deploys") -> None:
    """Somebody is no member of a channel."""
    state = world.slack.workspace.state
    found = next(each for each in state.channels.values() if each.name == channel)
    state.put_channel(found, members=sorted(found.members - {f"U0{name.upper()}"}))


async def in_direct_messages(person: Person, count: int) -> list[Message]:
    """All that the bot wrote to a person directly, once there is so much."""

    async def look() -> list[Message] | None:
        found = [each for each in await person.messages("dm") if each.from_bot]
        return found if len(found) >= count else None

    return await wait_until(look, instead=lambda: f"{person.name} has not got {count} direct messages")


@pytest.mark.promise("P9")
async def test_the_card_mentions_those_whom_the_rule_names_when_it_is_posted(world: World) -> None:
    await world.start("review_tool_call", approvals=[a_rule(approvers={"groups": ["payments"]})])
    card = await world.asked("billing")
    assert "Notified: <@U0BOB>, <@U0CAROL>" in card.text
    assert "<@U0BOB>, <@U0CAROL>" in card.notification
    assert not card.shown["edited"]
    assert "subteam" not in card.text + card.notification
    await world.audited(card, "asked", "called")
    await card.click("Approve")
    shown = await card.becomes("Approved by <@U0BOB> (payments)", buttons=[])
    assert "Notified" not in shown.text
    await ends_well(world)


async def test_the_requester_is_not_called_to_decide_what_they_asked_for(world: World) -> None:
    approvers = {"groups": ["payments"], "users": ["alice"]}
    await world.start("review_tool_call", approvals=[a_rule(approvers=approvers)])
    card = await world.asked("billing")
    approval = await world.approval(card)
    assert approval.called == ("U0BOB", "U0CAROL")
    await card.click("Approve")
    await ends_well(world)


@pytest.mark.promise("P8")
async def test_each_approver_gets_the_card_directly_and_all_copies_are_one_truth(world: World) -> None:
    await world.start("review_tool_call", approvals=[a_rule(approvers=BOTH, quorum=2, notify="dm")])
    card = await world.asked("billing")
    await card.becomes("Approvers: <@U0BOB>, <@U0CAROL>")
    bobs = await world.bob.expect_card("dm", containing="billing")
    carols = await world.carol.expect_card("dm", containing="billing")
    assert "Asked in <#C0DEPLOYS> (<http" in bobs.text
    assert bobs.buttons == ["Approve", "Edit", "Reject"]

    await bobs.click("Approve")
    await carols.becomes("1 of 2 approvals: <@U0BOB>", buttons=["Approve", "Edit", "Reject"])
    await card.becomes("1 of 2 approvals: <@U0BOB>")
    await carols.click("Approve")
    for each in (card, bobs, carols):
        await each.becomes("Approved by <@U0BOB>, <@U0CAROL>", buttons=[])
    await world.alice.expect_message("#deploys", containing="deployed x2")
    await bobs.click("Approve", stale=True)
    await world.bob.expect_message("dm", containing="already approved by", ephemeral=True)
    await world.done("deploy billing x2")
    await world.nothing_else()


@pytest.mark.promise("P4")
async def test_a_form_opens_from_a_copy(world: World) -> None:
    await world.start("review_tool_call", approvals=[a_rule(approvers=BOTH, notify="dm")])
    card = await world.asked("billing")
    bobs = await world.bob.expect_card("dm", containing="billing")
    carols = await world.carol.expect_card("dm", containing="billing")
    form = await bobs.open_form("Edit")
    assert not (await form.submit({"replicas": "4"})).errors
    for each in (card, carols, bobs):
        await each.becomes("Approved with changes by <@U0BOB>", buttons=[])
    await world.done("deploy billing x4")
    await world.alice.expect_message("#deploys", containing="deployed x4")
    await world.nothing_else()


async def test_a_copy_that_was_deleted_is_not_posted_again(world: World) -> None:
    await world.start("review_tool_call", approvals=[a_rule(approvers=BOTH, notify="dm")])
    card = await world.asked("billing")
    bobs = await world.bob.expect_card("dm", containing="billing")
    await world.carol.expect_card("dm", containing="billing")
    await world.at_rest()
    await bobs.delete()
    await world.at_rest()
    assert [each.user for each in (await world.approval(card)).copies] == ["U0CAROL"]
    await card.click("Approve")
    await ends_well(world)


async def test_who_left_is_passed_over_and_the_card_says_so(world: World) -> None:
    await world.start("review_tool_call", approvals=[a_rule(approvers=BOTH, notify="dm")])
    world.becomes("carol", deactivated=True)
    card = await world.asked("billing")
    await world.bob.expect_card("dm", containing="billing")
    await card.becomes("Couldn't notify <@U0CAROL>")
    await card.click("Approve")
    await ends_well(world)


async def test_who_is_not_in_the_channel_gets_the_card_directly(world: World) -> None:
    await world.start("review_tool_call", approvals=[a_rule(approvers=BOTH)])
    await put_out(world, "carol")
    card = await world.asked("billing")
    carols = await world.carol.expect_card("dm", containing="billing")
    await world.at_rest()
    assert (await world.approval(card)).called == ("U0BOB", "U0CAROL")
    await carols.click("Approve")
    await card.becomes("Approved by <@U0CAROL>", buttons=[])
    await carols.becomes("Approved by <@U0CAROL>", buttons=[])
    await ends_well(world)


async def test_the_next_stage_is_called_when_its_turn_comes(world: World) -> None:
    await world.start("review_tool_call", approvals=[a_rule(stages=[BOB, {"groups": ["payments"]}])])
    card = await world.asked("billing")
    assert (await world.approval(card)).called == ("U0BOB",)
    assert "Stage 1 of 2: <@U0BOB>" in card.text
    await card.click("Approve")
    await card.becomes("Stage 1 of 2: done by <@U0BOB>; now stage 2 of 2: members of @payments")
    called = await world.carol.expect_message("#deploys", containing="<@U0CAROL>: this request needs your decision")
    assert "<@U0BOB>" not in called.text
    assert called.thread_ts == card.thread_ts
    await card.click("Approve", by=world.carol)
    await card.becomes("Approved by <@U0BOB>, <@U0CAROL> (payments)", buttons=[])
    await ends_well(world)


async def test_a_rule_may_call_nobody(world: World) -> None:
    await world.start("review_tool_call", approvals=[a_rule(approvers=BOTH, notify="none")])
    await world.alice.say("#deploys", "@signoff billing")
    card = await world.bob.expect_card("#deploys", containing="billing")
    await card.becomes("Approvers: <@U0BOB>, <@U0CAROL>")
    await world.at_rest()
    assert (await world.approval(card)).called == ()
    await card.click("Approve")
    await ends_well(world)


async def test_escalation_calls_the_people_it_adds(world: World) -> None:
    rule = a_rule(approvers=BOB, escalate=[{"after": "1s", "to": CAROL}])
    await world.start("review_tool_call", approvals=[rule])
    card = await world.asked("billing")
    await world.carol.expect_message("#deploys", containing="<@U0CAROL>: this request needs your decision")
    await card.becomes("Escalated to <@U0CAROL>")
    await card.click("Approve", by=world.carol)
    await ends_well(world)


@pytest.mark.promise("P8")
async def test_the_requester_reads_where_the_request_went_and_what_became_of_it(world: World) -> None:
    await world.start("review_tool_call", approvals=[a_rule(approvers=BOB, post_to="#approvals")])
    await world.alice.say("#deploys", "@signoff billing")
    card = await world.bob.expect_card("#approvals", containing="billing")
    assert "Asked in <#C0DEPLOYS> (<http" in card.text
    signpost = await world.alice.expect_message(
        "#deploys", containing="Waiting for a decision in <#C0APPROVALS> (<http"
    )
    assert "<@U0BOB>" not in signpost.text
    await card.click("Approve")
    await signpost.becomes("Approved by <@U0BOB>")
    await ends_well(world)


async def test_a_card_whose_channel_decides_is_broadcast_to_it(world: World) -> None:
    await world.start("review_tool_call")
    card = await world.asked("billing")
    assert card.shown["subtype"] == "thread_broadcast"
    await card.click("Approve")
    assert (await card.becomes("Approved by <@U0BOB>", buttons=[])).shown["subtype"] == "thread_broadcast"
    await ends_well(world)


@pytest.mark.parametrize("notify", ["mention", "dm"])
async def test_whom_a_request_is_handed_over_to_is_called_once_more(world: World, notify: str) -> None:
    await world.start("review_tool_call", approvals=[a_rule(approvers=BOTH, notify=notify)])
    card = await world.asked("billing")
    if notify == "dm":
        await world.bob.expect_card("dm", containing="billing")
        await world.carol.expect_card("dm", containing="billing")
    await world.at_rest()
    act = Act((await world.approval(card)).id, UserId("U0BOB"), Doing.HAND_OVER, to=UserId("U0CAROL"))
    assert await world.bot.core.desk.act(act) is None
    if notify == "dm":
        await world.carol.expect_message("dm", containing="This request was handed over to you. (<http")
    else:
        await world.carol.expect_message("#deploys", containing="🔔 <@U0CAROL>: this request needs your decision")
    await card.click("Approve")
    await ends_well(world)


@pytest.mark.parametrize("notify", ["mention", "dm"])
async def test_a_nudge_names_those_of_a_group_who_have_not_voted(world: World, notify: str) -> None:
    rule = a_rule(approvers={"groups": ["payments"]}, quorum=2, notify=notify)
    await world.start("review_tool_call", approvals=[rule])
    card = await world.asked("billing")
    if notify == "dm":
        await world.bob.expect_card("dm", containing="billing")
        await world.carol.expect_card("dm", containing="billing")
    await card.click("Approve")
    await card.becomes("1 of 2 approvals")
    await world.at_rest()
    nudge = Act((await world.approval(card)).id, UserId("U0ALICE"), Doing.NUDGE)
    assert await world.bot.core.desk.act(nudge) is None
    if notify == "dm":
        await world.carol.expect_message("dm", containing="⏰ This request still needs your decision. (<http")
    else:
        await world.carol.expect_message("#deploys", containing="⏰ <@U0CAROL>: this request still needs your decision")
    await card.click("Approve", by=world.carol)
    await ends_well(world)


async def test_what_a_rule_decides_by_itself_stays_in_its_thread(world: World) -> None:
    await world.start("review_tool_call", approvals=[a_rule(decide="approve")])
    await world.alice.say("#deploys", "@signoff billing")
    card = await world.alice.expect_message("#deploys", containing="Approved automatically by approvals[0]")
    assert "subtype" not in card.shown
    await ends_well(world)


@pytest.mark.promise("P8")
async def test_a_sheet_is_copied_as_one_message_and_each_row_is_decided_on_it(world: World) -> None:
    rule = {"when": {"agent": "*"}, "approvers": {"groups": ["payments"]}, "notify": "dm"}
    await start(world, (rule,))
    sheet = await ask(world, 6)
    bobs = await world.bob.expect_card("dm", containing="6 requests to decide")
    carols = await world.carol.expect_card("dm", containing="6 requests to decide")
    await world.at_rest()
    assert len([each for each in await world.bob.messages("dm") if each.from_bot]) == 1
    await bobs.click("Approve all 6")
    await world.bob.expect_message("dm", containing="You approved 6 of 6 requests", ephemeral=True)
    for each in (sheet, bobs, carols):
        await each.becomes("6 requests", buttons=[])
    await world.alice.expect_message("#deploys", containing="refunded")
    await world.nothing_else()


@pytest.mark.promise("P1")
async def test_nobody_is_called_twice_where_answers_of_slack_are_lost(world: World) -> None:
    await world.start("review_tool_call", approvals=[a_rule(approvers=BOTH, notify="dm")])
    await world.slack.people.fault(method="chat.postMessage", lost_response=True, times=3)
    await world.alice.say("#deploys", "@signoff billing")
    card = await world.alice.expect_card("#deploys", containing="billing")
    await world.bob.expect_card("dm", containing="billing")
    await world.carol.expect_card("dm", containing="billing")
    await card.click("Approve", by=world.bob)
    await card.becomes("Approved by", buttons=[])
    await ends_well(world)


class ClockAhead(SystemClock):
    """Two hours ahead of Slack's, and nobody knows."""

    def now(self) -> datetime:
        return machine_time() + timedelta(hours=2)


@pytest.mark.promise("P8")
async def test_with_a_wrong_clock_a_card_elsewhere_and_its_copies_are_posted_once(world: World) -> None:
    world.own_clock = ClockAhead()
    await world.start("review_tool_call", approvals=[a_rule(approvers=BOTH, notify="dm", post_to="#approvals")])
    await world.slack.people.fault(method="chat.postMessage", lost_response=True, times=3)
    await world.alice.say("#deploys", "@signoff billing")
    card = await world.bob.expect_card("#approvals", containing="billing")
    copies = [await each.expect_card("dm", containing="billing") for each in (world.bob, world.carol)]
    await world.at_rest()
    for person, where in ((world.bob, "#approvals"), (world.bob, "dm"), (world.carol, "dm")):
        assert len([each for each in await person.messages(where) if each.buttons]) == 1
    await card.click("Approve", by=world.bob)
    for each in (card, *copies):
        await each.becomes("Approved by", buttons=[])


@pytest.mark.promise("P11")
@pytest.mark.promise("P9")
async def test_the_audit_says_why_each_voter_might_decide(world: World) -> None:
    await world.start("review_tool_call", approvals=[a_rule(approvers={"groups": ["payments"]})])
    card = await world.asked("billing")
    approval = await world.approval(card)
    await card.click("Approve")
    await ends_well(world)
    rows = await world.bot.ports.audit.of_thread(approval.thread)
    (voted,) = [row.detail for row in rows if row.what is What.VOTED]
    assert isinstance(voted, dict)
    assert voted["via"] == "payments"
    assert isinstance(voted["grounds"], list)
    (ground,) = voted["grounds"]
    assert isinstance(ground, dict)
    assert (ground["source"], ground["called"]) == ("group", "payments")
    assert ground["looked_up"]


async def test_a_rule_can_keep_the_card_in_its_thread(world: World) -> None:
    await world.start("review_tool_call", approvals=[a_rule(approvers={"channel": True}, broadcast=False)])
    card = await world.asked("billing")
    assert "subtype" not in card.shown
    await card.click("Approve")
    await ends_well(world)
