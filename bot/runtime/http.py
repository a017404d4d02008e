"""Serves HTTP: health, readiness, metrics and, in HTTP mode, Slack's one route.

`/healthz` tells that the process lives, and checks nothing else, so that an orchestrator does not kill a healthy bot
because Redis is down; `/readyz` tells whether it serves, and why not. Slack's route is open to the internet, the others
need not be: `health:` in `app.yaml` gives them another address.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol

import structlog
from aiohttp import web

from bot.masking import masked
from bot.runtime.listening import BACKLOG, address, problem_of
from bot.runtime.readiness import Readiness
from bot.telemetry import Metrics

log = structlog.get_logger(__name__)

CheckReadiness = Callable[[], Awaitable[Readiness]]
Exposition = Callable[[], Awaitable[bytes]]
"""Gives the metrics in Prometheus' text format."""


class Crew(Protocol):
    """The workers of a supervisor, to one of them, and the sockets that all of them listen on."""

    @property
    def listeners(self) -> Mapping[str, Sequence[socket.socket]]:
        """Listening sockets by key of `app.yaml`."""

    async def readiness(self) -> Readiness:
        """The readiness of all workers as one."""

    async def exposition(self) -> bytes:
        """The metrics of all workers, summed."""


_PATIENCE_SECONDS = 5.0
_LAST_ANSWERS_SECONDS = 5.0
_ACCEPTED_AT_A_TIME = 4


def health_routes(check: CheckReadiness, exposition: Exposition) -> Sequence[web.AbstractRouteDef]:
    """`/healthz`, `/readyz` and `/metrics`."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        found = await _checked(check)
        if found.missing:
            return web.Response(status=503, text=_lines(found.missing))
        return web.Response(text="ready\n" + _lines(f"degraded: {each}" for each in found.degraded))

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=await exposition(), headers={"Content-Type": Metrics.content_type})

    return [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)]


def _lines(sentences: Iterable[str]) -> str:
    return "".join(f"{' '.join(masked(each).split())}\n" for each in sentences)


async def _checked(check: CheckReadiness) -> Readiness:
    """Count a check that raises as not ready."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await check()
    except TimeoutError:
        return Readiness([f"the readiness check took longer than {_PATIENCE_SECONDS:g} s"])
    except Exception as error:
        log.exception("the readiness check failed")
        return Readiness([f"the readiness check failed ({type(error).__name__})"])


@contextlib.asynccontextmanager
async def serving(
    routes: Iterable[web.AbstractRouteDef],
    host: str,
    port: int,
    where: str = "http.port",
    listening: Sequence[socket.socket] = (),
) -> AsyncIterator[str]:
    """Serve until the block ends; gives the address, `http://127.0.0.1:8080`. Port 0 takes a free one.

    With sockets that are `listening` already, it serves on those. Raises ProblemsError where it cannot listen; `where`
    is what the problem names.
    """
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_LAST_ANSWERS_SECONDS)
    await runner.setup()
    try:
        sites = [_shared(runner, each) for each in listening] or [web.TCPSite(runner, host, port)]
        try:
            for site in sites:
                await site.start()
        except OSError as error:
            raise problem_of(host, port, where, error) from None
        for each in listening:
            each.listen(BACKLOG)
        yield address(host, runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _shared(runner: web.AppRunner, listening: socket.socket) -> web.BaseSite:
    """A site on a socket that other processes listen on, too.

    asyncio accepts as many waiting connections at a time as the backlog is long: with a short one a worker leaves some
    to the others. `serving` then sets the socket's own backlog to its full length again.
    """
    return web.SockSite(runner, listening, backlog=_ACCEPTED_AT_A_TIME)
