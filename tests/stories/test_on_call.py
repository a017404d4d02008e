"""Approvals by the person on call: the bot asks the service at a click, and refuses if it cannot know (P6)."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
import yaml
from fakes.oncall_services import ServiceServer, on_call
from fakes.people import wait_until
from stories.world import World, agent

from bot.rules.facts import AT_ONCE, WITH_PATIENCE

pytestmark = pytest.mark.promise("P6")

CHANNEL = "#deploys"


@pytest.fixture
async def service() -> AsyncIterator[ServiceServer]:
    async with ServiceServer() as server:
        yield server


async def start(world: World, oncall: dict[str, Any], approvals: Sequence[dict[str, Any]] = (), **more: Any) -> None:
    """A bot in #deploys with these sources."""
    said = {
        "agents": {"ops": agent("yes_or_no")},
        "approvals": [*approvals],
        "oncall": oncall,
        "slack": {"mode": world.mode.value},
        "http": {"port": 0},
        **more,
    }
    (world.folder / "app.yaml").write_text(yaml.safe_dump(said, sort_keys=False), encoding="utf-8")
    await world.run()


def pagerduty(service: ServiceServer) -> dict[str, Any]:
    return {"pagerduty": {"policy": "P7PAY", "token": "pd-token", "url": service.url}}


async def test_a_bot_starts_while_a_source_is_down_and_says_so(world: World, service: ServiceServer) -> None:
    service.fails(500)
    await start(world, {"pay": pagerduty(service)})

    async def look() -> tuple[str, ...] | None:
        return world.bot.on_call.failing() or None

    assert await wait_until(look) == ('On-call schedule "pay": PagerDuty answered with status 500.',)
    assert await world.bot.not_ready() == []
    assert 'signoff_oncall_failing{source="pay"} 1.0' in world.bot.metrics.text().decode()
    card = await world.asked("drop the old table")
    await card.click("Approve")
    await card.becomes("Approved")


async def test_the_real_bot_finds_members_by_the_address_that_a_service_gives(
    world: World, service: ServiceServer
) -> None:
    """Guests, people of other workspaces and addresses that nobody has are nobody."""
    addresses = ("bob@example.com", "gina@example.com", "eve@other.example", "joan@old.example.com", "x@example.com")
    service.pagerduty(*map(on_call, addresses))
    await start(world, {"pay": pagerduty(service)}, people={"joan@old.example.com": "carol"})
    duty = await world.bot.on_call.on_duty("pay", world.clock.now(), 30.0)
    assert [(each.user, each.said) for each in duty.people] == [
        ("U0BOB", "bob@example.com"),
        ("U0CAROL", "joan@old.example.com"),
    ]


async def test_an_address_of_two_accounts_is_nobodys(world: World, service: ServiceServer) -> None:
    service.pagerduty(on_call("bob@example.com"))
    await start(world, {"pay": pagerduty(service)})
    at = world.clock.now()
    assert len((await world.bot.on_call.on_duty("pay", at, 30.0)).people) == 1
    await world.stop()
    world.becomes("carol", email="bob@example.com")
    await world.run()
    duty = await world.bot.on_call.on_duty("pay", world.clock.now(), 30.0)
    assert duty.people == ()
    assert duty.error


# Clicks ---------------------------------------------------------------------------------------------------------------

RULE = {"approvers": {"oncall": ["pay"]}}


def shift(email: str, world: World, *, starts: float = -60, ends: float = 60, tier: int = 1) -> dict[str, Any]:
    """A shift of PagerDuty, from and to so many minutes from now."""
    now = world.clock.now()
    times = [f"{now + timedelta(minutes=each):%Y-%m-%dT%H:%M:%SZ}" for each in (starts, ends)]
    return on_call(email, tier=tier, starts=times[0], ends=times[1])


async def ends_well(world: World) -> None:
    await world.bob.expect_message(CHANNEL, containing="approved")
    await world.nothing_else()


async def refused(world: World, containing: str) -> None:
    await world.bob.expect_message(CHANNEL, containing=containing, ephemeral=True)


@pytest.mark.promise("P11")
async def test_who_is_on_call_decides_and_nobody_else(world: World, service: ServiceServer) -> None:
    """Tier 2 is not meant where no tier is named; the vote keeps its shift."""
    service.pagerduty(shift("carol@example.com", world), shift("bob@example.com", world, tier=2))
    await start(world, {"pay": pagerduty(service)}, [RULE])
    card = await world.asked("drop the old table")
    await card.click("Approve")
    await refused(world, "not an approver of this request")
    await card.click("Approve", by=world.carol)
    await card.becomes("Approved by <@U0CAROL>")
    approval = await world.approval(card)
    (ground,) = approval.reviews[0].votes[0].grounds
    assert (ground.source.name, ground.said, ground.tier) == ("pay", "carol@example.com", 1)
    assert ground.starts is not None
    assert ground.starts < world.clock.now()
    await ends_well(world)


async def test_a_hand_over_between_card_and_click_counts_at_the_click(world: World, service: ServiceServer) -> None:
    service.pagerduty(shift("bob@example.com", world, ends=30), shift("carol@example.com", world, starts=30, ends=90))
    await start(world, {"pay": pagerduty(service)}, [RULE])
    card = await world.asked("drop the old table")
    world.clock.advance(minutes=31)
    await card.click("Approve")
    await refused(world, "not an approver of this request")
    await card.click("Approve", by=world.carol)
    await card.becomes("Approved by <@U0CAROL>")
    await ends_well(world)


async def test_a_click_that_waits_for_a_slow_service_is_acked_kept_and_counted_as_of_itself(
    world: World, service: ServiceServer
) -> None:
    """The hand-over comes while the service thinks: who clicked before it was on call then."""
    service.pagerduty(shift("bob@example.com", world, ends=30), shift("carol@example.com", world, starts=30, ends=90))
    await start(world, {"pay": pagerduty(service)}, [RULE])
    card = await world.asked("drop the old table")
    world.clock.advance(minutes=29)
    service.hangs()
    done = await card.click("Approve")
    assert done.acked
    assert AT_ONCE < 3 < WITH_PATIENCE, "Slack waits for three seconds"
    assert done.ms < WITH_PATIENCE * 1_000, "it waits as long as Slack does, not as long as the service may take"
    await refused(world, "Checking who is on call")
    world.clock.advance(minutes=2)
    service.release()
    await card.becomes("Approved by <@U0BOB>")
    await ends_well(world)


@pytest.mark.promise("P1")
async def test_all_at_once_is_acked_and_kept_too_and_nobody_hears_that_it_counts(
    world: World, service: ServiceServer
) -> None:
    service.pagerduty(shift("bob@example.com", world))
    orders = {"ops": agent("fan_out", input={"orders": "$text"}, reply="told")}
    await start(world, {"pay": pagerduty(service)}, [{**RULE, "notify": "none"}], agents=orders)
    sheet = await world.asked("6", containing="6 requests to decide")
    world.clock.advance(minutes=5)
    service.hangs()
    done = await sheet.click("Approve all 6")
    assert done.acked
    assert AT_ONCE < 3 < WITH_PATIENCE, "Slack waits for three seconds"
    assert done.ms < WITH_PATIENCE * 1_000, "it waits as long as Slack does, not as long as the service may take"
    for _ in range(6):
        await refused(world, "Checking who is on call")
    await refused(world, "Nothing was approved. Left out: 6 being checked")
    service.release()
    await sheet.becomes("6 approved", buttons=[])
    await world.alice.expect_message(CHANNEL, containing="6 of 6 orders were refunded")
    await world.nothing_else()


@pytest.mark.parametrize(
    ("status", "text", "said"),
    [(500, "", "status 500"), (200, "<html>", "did not answer with JSON"), (429, "", "status 429")],
)
async def test_a_service_that_fails_denies_says_so_and_can_be_tried_again(
    world: World, service: ServiceServer, status: int, text: str, said: str
) -> None:
    service.pagerduty(on_call("bob@example.com"))
    await start(world, {"pay": pagerduty(service)}, [RULE])
    card = await world.asked("drop the old table")
    service.fails(status, text=text)
    world.clock.advance(minutes=2)
    await card.click("Approve")
    await refused(world, said)
    service.works()
    world.clock.advance(seconds=5)
    await card.click("Approve")
    await card.becomes("Approved by <@U0BOB>")
    await ends_well(world)


async def test_while_the_service_is_down_its_last_answer_counts_for_a_minute(
    world: World, service: ServiceServer
) -> None:
    service.pagerduty(on_call("bob@example.com"))
    await start(world, {"pay": pagerduty(service)}, [{**RULE, "quorum": 1}])
    first, second = await world.asked("one"), await world.asked("two")
    assert (await world.bot.on_call.on_duty("pay", world.clock.now(), 30.0)).people
    service.fails(500)
    world.clock.advance(seconds=50)
    await first.click("Approve")
    await first.becomes("Approved by <@U0BOB>")
    world.clock.advance(seconds=11)
    await second.click("Approve")
    await refused(world, "status 500")
    await world.bob.expect_message(CHANNEL, containing="approved")
    await world.nothing_else()


async def test_another_source_of_the_rule_lets_people_in_while_a_service_is_down(
    world: World, service: ServiceServer
) -> None:
    service.fails(500)
    await start(world, {"pay": pagerduty(service)}, [{"approvers": {"oncall": ["pay"], "users": ["bob"]}}])
    card = await world.asked("drop the old table")
    await card.click("Approve")
    await card.becomes("Approved by <@U0BOB>")
    await ends_well(world)


async def test_strangers_and_empty_schedules_let_nobody_in(world: World, service: ServiceServer) -> None:
    service.pagerduty(on_call("gina@example.com"), on_call("eve@other.example"))
    await start(world, {"pay": pagerduty(service)}, [RULE])
    card = await world.asked("drop the old table")
    await card.click("Approve")
    await refused(world, "nobody whom it names is a full member")
    await card.click("Approve", by=world.gina)
    await world.gina.expect_message(CHANNEL, containing="Guests", ephemeral=True)
    service.pagerduty()
    world.clock.advance(minutes=2)
    await card.click("Approve")
    await refused(world, "nobody is on call")
    await world.nothing_else()


async def test_a_rotation_needs_no_service(world: World) -> None:
    now = world.clock.now().replace(tzinfo=None)
    rotation = {"zone": "UTC", "starts": (now - timedelta(hours=23)).isoformat(timespec="seconds"), "every": "1d"}
    await start(world, {"pay": {"rotation": {**rotation, "people": ["bob", "carol"]}}}, [RULE])
    card = await world.asked("drop the old table")
    await card.click("Approve", by=world.carol)
    await world.carol.expect_message(CHANNEL, containing="not an approver of this request", ephemeral=True)
    world.clock.advance(hours=2)
    await card.click("Approve", by=world.carol)
    await card.becomes("Approved by <@U0CAROL>")
    await ends_well(world)
