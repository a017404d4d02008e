"""Whoever approves a call may allow calls like it for a while: never wider than the card showed, and until it ends."""

from typing import Any

import pytest
from fakes.people import Message, wait_until
from stories.world import World, agent

from adapters.blockkit import texts_of

ALLOW = "Allow like this for 1 h"
BUTTONS = ["Approve", "Edit", "Reject", ALLOW]
EXACT = {"when": {"tool": "deploy"}, "approvers": {"users": ["bob", "carol"]}, "grants": {"for": "1h"}}
BY_SERVICE = {**EXACT, "grants": {"for": "1h", "fields": ["service"]}}

pytestmark = pytest.mark.promise("P6")


async def begun(world: World, rule: dict[str, Any]) -> None:
    await world.start(agents={"ship": agent("shipper", gate_tools=["deploy"])}, approvals=[rule])


async def again(world: World, text: str, card: Message) -> None:
    await world.alice.say("#deploys", f"@signoff {text}", thread=card)


async def allowed(world: World, rule: dict[str, Any] = EXACT, text: str = "billing 1") -> Message:
    """Bob allows a call like Alice's, and it runs."""
    await begun(world, rule)
    card = await world.asked(text, containing="billing")
    assert card.buttons == BUTTONS
    await card.click(ALLOW)
    shown = await card.becomes("are allowed in this conversation until", buttons=[])
    assert "Approved by <@U0BOB>" in shown.text
    await world.alice.expect_message("#deploys", containing="billing deployed")
    return shown


async def asks(world: World, text: str, card: Message, containing: str = "Approve deploy?") -> Message:
    await again(world, text, card)
    found = await world.bob.expect_card("#deploys", containing=containing)
    assert found.buttons == BUTTONS
    return found


async def runs(world: World, text: str, card: Message) -> Message:
    """It runs by the grant, and a card without buttons says so."""
    await again(world, text, card)
    told = await world.bob.expect_message("#deploys", containing="Allowed by <@U0BOB>'s grant")
    assert told.buttons == []
    await world.alice.expect_message("#deploys", containing="deployed")
    return told


async def test_the_same_call_runs_without_asking_and_is_audited(world: World) -> None:
    card = await allowed(world)
    used = await runs(world, "billing 1", card)
    await world.done("deploy billing x1", "deploy billing x1")
    rows = [each.what.value for each in await world.bot.ports.audit.of_thread(world.thread(card))]
    assert rows.count("granted") == 1
    assert rows.count("grant_used") == 1
    assert used.more == ["Stop allowing this", "History"]
    await world.nothing_else()


@pytest.mark.parametrize("other", ["billing 2", "billing 1.0", "billing true", "billing 1 force", "payments 1"])
async def test_what_the_card_did_not_show_is_asked(world: World, other: str) -> None:
    card = await allowed(world)
    await asks(world, other, card)
    await world.done("deploy billing x1")
    await world.nothing_else()


async def test_where_the_rule_names_fields_the_others_may_differ(world: World) -> None:
    card = await allowed(world, BY_SERVICE)
    assert "with the same service" in card.text
    await runs(world, "billing 5", card)
    await asks(world, "payments 5", card)
    await world.done("deploy billing x1", "deploy billing x5")
    await world.nothing_else()


async def test_it_holds_in_its_conversation_only(world: World) -> None:
    await allowed(world)
    elsewhere = await world.asked("billing 1", containing="billing")
    assert elsewhere.buttons == BUTTONS
    await world.nothing_else()


async def test_it_ends_with_its_time(world: World) -> None:
    card = await allowed(world)
    world.clock.advance(minutes=61)
    await asks(world, "billing 1", card)
    await world.nothing_else()


async def test_calls_of_one_message_use_it_and_the_others_are_asked(world: World) -> None:
    card = await allowed(world)
    await again(world, "billing 1; payments 1; billing 1", card)
    await world.bob.expect_message("#deploys", containing="Allowed by <@U0BOB>'s grant")
    other = await world.bob.expect_card("#deploys", containing="payments")
    await other.click("Approve")
    await world.bob.expect_message("#deploys", containing="Allowed by <@U0BOB>'s grant")
    await world.alice.expect_message("#deploys", containing="deployed")
    await world.done(
        "deploy billing x1", "deploy billing x1", "deploy billing x1", "deploy payments x1", in_any_order=True
    )
    await world.nothing_else()


@pytest.mark.promise("P8")
@pytest.mark.parametrize("who", ["alice", "bob", "carol"])
async def test_it_is_taken_back_on_its_card_and_the_next_call_is_asked(world: World, who: str) -> None:
    card = await allowed(world)
    person = world.slack.person(who)
    await card.click("Stop allowing this", by=person)
    await person.expect_message("#deploys", containing="ask for approval again", ephemeral=True)
    shown = await card.becomes(f"<@U0{who.upper()}> revoked the permission", buttons=[])
    assert shown.more == ["History"]
    await asks(world, "billing 1", card)
    await world.done("deploy billing x1")
    await world.nothing_else()


async def test_somebody_who_could_not_have_given_it_does_not_take_it_back(world: World) -> None:
    card = await allowed(world)
    await card.click("Stop allowing this", by=world.gina)
    await world.gina.expect_message("#deploys", containing="", ephemeral=True)
    await runs(world, "billing 1", card)
    await world.nothing_else()


async def test_it_is_taken_back_at_home_and_its_card_says_so(world: World) -> None:
    card = await allowed(world)
    await world.bob.open_home()
    await when_home_shows(world, "Your permissions")
    await world.bob.click_home("Revoke")
    await card.becomes("<@U0BOB> revoked the permission", buttons=[])
    await asks(world, "billing 1", card)
    await world.nothing_else()


async def when_home_shows(world: World, words: str) -> None:
    async def look() -> bool | None:
        home = (await world.bob.state())["home"]
        return True if home and words in "\n".join(texts_of(home["blocks"])) else None

    await wait_until(look)


async def test_it_is_dead_when_its_giver_left_the_group(world: World) -> None:
    group = {"handle": "payments", "members": ["bob", "carol"]}
    await world.slack.people.post("/people/group", group)
    card = await allowed(world, {**EXACT, "approvers": {"groups": ["payments"]}})
    await world.slack.people.post("/people/group", group | {"members": ["carol"]})
    await again(world, "billing 1", card)
    await world.carol.expect_card("#deploys", containing="Approve deploy?")
    await world.done("deploy billing x1")


async def test_it_is_dead_when_its_rule_is_changed(world: World) -> None:
    card = await allowed(world)
    await world.stop()
    await begun(world, {**EXACT, "approvers": {"users": ["carol"]}})
    await again(world, "billing 1", card)
    await world.carol.expect_card("#deploys", containing="Approve deploy?")
    await world.done("deploy billing x1")


async def test_an_approval_alone_allows_nothing(world: World) -> None:
    await begun(world, EXACT)
    card = await world.asked("billing 1", containing="billing")
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="billing deployed")
    assert "allowed" not in (await card.becomes("Approved by", buttons=[])).text
    await asks(world, "billing 1", card)
    await world.nothing_else()


async def test_who_may_not_approve_allows_nothing(world: World) -> None:
    await begun(world, EXACT)
    card = await world.asked("billing 1", containing="billing")
    await card.click(ALLOW, by=world.alice)
    await world.alice.expect_message("#deploys", containing="not an approver", ephemeral=True)
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P4")
async def test_a_card_that_shows_only_a_part_offers_no_grant(world: World) -> None:
    await begun(world, EXACT)
    await world.alice.say("#deploys", f"@signoff {'x' * 20_000} 1")
    card = await world.bob.expect_card("#deploys", containing="Approve deploy?")
    assert ALLOW not in card.buttons
    assert "Approve" in card.buttons
    await world.nothing_else()


@pytest.mark.promise("P1")
async def test_a_grant_outlives_a_restart(world: World) -> None:
    card = await allowed(world)
    await world.restart()
    await runs(world, "billing 1", card)
    await world.done("deploy billing x1", "deploy billing x1")
    await world.nothing_else()
