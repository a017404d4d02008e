"""Each test is run on what each earlier version left behind: see `upgrade.upgraded`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes.oncall_services import ServiceServer
from fakes.patience import PATIENCE
from fakes.people import PeopledSlack
from fakes.valkey import redis_server, redis_url
from stories.world import World
from upgrade.upgraded import FIXTURES, Fixture, Upgraded

from adapters.localslack.state import people_file

__all__ = ["redis_server", "redis_url"]


@pytest.fixture(params=FIXTURES, ids=str)
def fixture(request: pytest.FixtureRequest) -> Fixture:
    """What one version left behind."""
    found: Fixture = request.param
    return found


@pytest.fixture
async def upgraded(fixture: Fixture, tmp_path: Path, redis_url: str) -> AsyncIterator[Upgraded]:
    """Slack stands as it stood; Redis is filled and the bot started when the test says so."""
    fixture.unpack(tmp_path)
    people = people_file.load(tmp_path / "people.yaml")
    async with (
        ServiceServer() as service,
        PeopledSlack(data=tmp_path / "slack", people=people, rate_limit=None, trigger_seconds=PATIENCE) as slack,
    ):
        (tmp_path / ".env").write_text(f"ONCALL_URL={service.url}\n", encoding="utf-8")
        world = World(tmp_path, slack, redis_url)
        try:
            yield Upgraded(fixture, world, service)
        finally:
            await world.stop()
