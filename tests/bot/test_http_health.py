"""Health, readiness and metrics, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from aiohttp import ClientSession, web

from bot.config.problems import ProblemsError
from bot.runtime.http import CheckReadiness, Exposition, health_routes, serving
from bot.runtime.readiness import Readiness
from bot.telemetry import Metrics

Get = Callable[[str], "asyncio.Future[tuple[int, str]]"]


async def ready() -> Readiness:
    return Readiness()


def measured(metrics: Metrics) -> Exposition:
    async def exposition() -> bytes:
        return metrics.text()

    return exposition


@asynccontextmanager
async def bot(
    check: CheckReadiness = ready, metrics: Metrics | None = None, *routes: web.RouteDef
) -> AsyncIterator[tuple[str, ClientSession]]:
    served = [*health_routes(check, measured(metrics or Metrics())), *routes]
    async with serving(served, "127.0.0.1", 0) as address, ClientSession() as client:
        yield address, client


async def get(server: AbstractAsyncContextManager[tuple[str, ClientSession]], path: str) -> tuple[int, str]:
    async with server as (address, client), client.get(address + path) as response:
        return response.status, await response.text()


async def test_alive() -> None:
    assert await get(bot(), "/healthz") == (200, "ok\n")


async def test_ready_when_nothing_is_missing() -> None:
    assert await get(bot(), "/readyz") == (200, "ready\n")


async def test_not_ready_says_why() -> None:
    async def starting() -> Readiness:
        return Readiness(["graphs are loading", "Redis at\nredis://u:hidden@host is not reachable"])

    expected = "graphs are loading\nRedis at redis://u:•••@host is not reachable\n"
    assert await get(bot(starting), "/readyz") == (503, expected)


async def test_degraded_is_ready_and_says_why() -> None:
    """An on-call service that is down is no reason to take the bot out of service."""

    async def degraded() -> Readiness:
        return Readiness(degraded=['On-call schedule "pay": PagerDuty\nanswered with status 500.'])

    routes = health_routes(degraded, measured(Metrics()))
    async with serving(routes, "127.0.0.1", 0) as address, ClientSession() as client:
        answer = await client.get(f"{address}/readyz")
        expected = 'ready\ndegraded: On-call schedule "pay": PagerDuty answered with status 500.\n'
        assert (answer.status, await answer.text()) == (200, expected)


async def test_alive_while_not_ready() -> None:
    async def starting() -> Readiness:
        return Readiness(["graphs are loading"])

    assert await get(bot(starting), "/healthz") == (200, "ok\n")


async def test_what_cannot_be_found_out_is_not_ready() -> None:
    async def broken() -> Readiness:
        raise ConnectionError("redis://u:hidden@host")

    expected = "the readiness check failed (ConnectionError)\n"
    assert await get(bot(broken), "/readyz") == (503, expected)


async def test_metrics_are_served_as_prometheus_reads_them() -> None:
    metrics = Metrics()
    metrics.clicked("approve", "counted")
    async with bot(ready, metrics) as (address, client), client.get(f"{address}/metrics") as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == metrics.content_type
        assert 'signoff_clicks_total{choice="approve",result="counted"} 1.0' in await response.text()


async def test_slack_has_its_route() -> None:
    async def events(request: web.Request) -> web.Response:
        return web.Response(text=(await request.text())[::-1])

    async with (
        bot(ready, None, web.post("/slack/events", events)) as (address, client),
        client.post(f"{address}/slack/events", data="abc") as response,
    ):
        assert await response.text() == "cba"


async def test_a_port_that_is_taken_is_a_problem() -> None:
    async with bot() as (address, _):
        port = int(address.rpartition(":")[2])
        with pytest.raises(ProblemsError) as caught:
            async with serving(health_routes(ready, measured(Metrics())), "127.0.0.1", port, "app.yaml:9: http.port"):
                pass
    (problem,) = caught.value.problems
    assert problem.where == "app.yaml:9: http.port"
    assert problem.what.startswith(f"cannot listen on 127.0.0.1:{port}")
