"""What listens where."""

import socket

import pytest
import yaml
from aiohttp import ClientSession
from stories.world import World

from adapters.slack.inbound.http import PATH
from bot.config.entries import Mode


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize("mode", [Mode.HTTP])
async def test_only_slacks_route_is_open_to_the_internet(world: World) -> None:
    port = free_port()
    await world.start("yes_or_no")
    await world.stop()
    file = world.folder / "app.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"health": {"port": port}}))
    await world.run()
    door = str(world.slack.request_url).removesuffix(PATH)
    found = {}
    async with ClientSession() as outside:
        for base in (door, f"http://127.0.0.1:{port}"):
            for path in ("/healthz", "/readyz", "/metrics", PATH):
                async with outside.get(base + path) as response:
                    found[base == door, path] = response.status
    assert found == {
        **{(True, path): 404 for path in ("/healthz", "/readyz", "/metrics")},
        (True, PATH): 405,
        **{(False, path): 200 for path in ("/healthz", "/readyz", "/metrics")},
        (False, PATH): 404,
    }
    card = await world.asked("drop the old table")
    await card.click("Approve")
    await world.bob.expect_message("#deploys", containing="approved")
