"""A server that cannot hold what Signoff relies on is refused before anything runs."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from adapters.langgraph.remote.client import Server, ServerRefusedError, connected

KEPT: dict[str, dict[str, str]] = {"run_id": {}, "status": {}, "metadata": {}}
FORGOTTEN: dict[str, dict[str, str]] = {"run_id": {}, "status": {}, "config": {}}


@pytest.fixture
async def described() -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """A server that has an assistant and describes itself as the test says; what it was asked for is in `asked`."""
    told: dict[str, Any] = {"asked": []}

    async def search(request: web.Request) -> web.Response:
        told["asked"].append(request.path)
        return web.json_response([{"assistant_id": "A1", "version": 3}])

    async def openapi(request: web.Request) -> web.Response:
        told["asked"].append(request.path)
        if told["run"] is None:
            raise web.HTTPNotFound
        return web.json_response({"components": {"schemas": {"Run": {"properties": told["run"]}}}})

    application = web.Application()
    application.add_routes([web.post("/assistants/search", search), web.get("/openapi.json", openapi)])
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", told
    await runner.cleanup()


@pytest.mark.promise("P3")
async def test_a_server_whose_runs_have_no_metadata_is_refused(described: tuple[str, dict[str, Any]]) -> None:
    """A run is found again by it: without, a turn that is delivered twice would run twice."""
    url, told = described
    told["run"] = FORGOTTEN
    async with connected(Server(url, "agent", None)) as client:
        with pytest.raises(ServerRefusedError, match="keeps no metadata with its runs"):
            await client.check()
    assert told["asked"] == ["/assistants/search", "/openapi.json"]


@pytest.mark.parametrize("run", [KEPT, None, {}])
async def test_one_that_keeps_it_or_does_not_describe_itself_is_taken(
    described: tuple[str, dict[str, Any]], run: dict[str, Any] | None
) -> None:
    url, told = described
    told["run"] = run
    async with connected(Server(url, "agent", None)) as client:
        assert await client.check() == "A1:3"
