"""Approvals by whoever is on call: the bot asks the service for the click, and denies where it does not know (P6)."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import yaml
from fakes.oncall_services import ServiceServer, on_call
from fakes.people import wait_until
from stories.world import World, agent

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
