"""Serves HTTP: health, readiness, metrics and, in HTTP mode, Slack's one route.

`/healthz` tells that the process lives, and checks nothing else, so that an orchestrator does not kill a healthy bot
because Redis is down; `/readyz` tells whether it serves, and why not. Slack's route is open to the internet, the others
need not be: `health:` in `app.yaml` gives them another address.
"""

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

import structlog
from aiohttp import web

from bot.config.problems import ConfigProblem, ProblemsError
from bot.masking import masked
from bot.telemetry import Metrics

log = structlog.get_logger(__name__)

Readiness = Callable[[], Awaitable[Sequence[str]]]
"""Gives the reasons for not being ready, a sentence each; none when everything serves."""

_PATIENCE_SECONDS = 5.0
_LAST_ANSWERS_SECONDS = 5.0
_FIX = "Is something else there? Name another port."


class TakenError(ProblemsError):
    """Something else listens there already."""


async def _nothing_to_read() -> None:
    pass


def health_routes(
    ready: Readiness,
    metrics: Metrics,
    degraded: Callable[[], Sequence[str]] = tuple,
    refresh: Callable[[], Awaitable[None]] = _nothing_to_read,
) -> Sequence[web.AbstractRouteDef]:
    """`/healthz`, `/readyz` and `/metrics`. A bot that is `degraded`, for each of these reasons, is ready.

    `refresh` reads what only the stores know into the metrics, before each scrape.
    """

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        reasons = await _reasons(ready)
        if reasons:
            return web.Response(status=503, text=_lines(reasons))
        return web.Response(text="ready\n" + _lines(f"degraded: {each}" for each in degraded()))

    async def exposition(_: web.Request) -> web.Response:
        await refresh()
        return web.Response(body=metrics.text(), headers={"Content-Type": metrics.content_type})

    return [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", exposition)]


def _lines(sentences: Iterable[str]) -> str:
    return "".join(f"{' '.join(masked(each).split())}\n" for each in sentences)


async def _reasons(ready: Readiness) -> Sequence[str]:
    """Count a check that raises as not ready."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await ready()
    except TimeoutError:
        return [f"the readiness check took longer than {_PATIENCE_SECONDS:g} s"]
    except Exception as error:
        log.exception("the readiness check failed")
        return [f"the readiness check failed ({type(error).__name__})"]


@contextlib.asynccontextmanager
async def serving(
    routes: Iterable[web.AbstractRouteDef], host: str, port: int, where: str = "http.port"
) -> AsyncIterator[str]:
    """Serve until the block ends; gives the address, `http://127.0.0.1:8080`. Port 0 takes a free one.

    Raises ProblemsError where it cannot listen; `where` is what the problem names.
    """
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_LAST_ANSWERS_SECONDS)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            what = f"cannot listen on {host}:{port} ({error.strerror})"
            taken = error.errno == errno.EADDRINUSE
            raise (TakenError if taken else ProblemsError)([ConfigProblem(where, what, _FIX)]) from None
        free = runner.addresses[0][1]
        yield f"http://{f'[{host}]' if ':' in host else host}:{free}"
    finally:
        await runner.cleanup()
