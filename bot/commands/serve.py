"""Serves a bot until it is stopped and has drained.

A stop has an order. First nothing new is taken: the sockets close, so Slack delivers to another process, or later.
Then runs are asked to rest at their next step, which is in the checkpoint already. Then the lanes end. What is not
done after `DRAIN_SECONDS` is cut off; that loses nothing, it only repeats a step.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from bot.wiring.running import Bot

log = structlog.get_logger(__name__)

DRAIN_SECONDS = 25.0
"""The longest that a stop waits for runs to reach their next step; orchestrators kill after 30 s by default."""
_STOPS = (signal.SIGTERM, signal.SIGINT)


async def serve(bot: "Bot", stop: asyncio.Event, *, on_ready: Any) -> None:
    """Serve until `stop` is set or a part fails, then drain.

    Raises ProblemsError for a graph that cannot be used, and the error of a part that failed.
    """
    lanes = asyncio.create_task(bot.serve_lanes(), name="lanes")
    graphs = asyncio.create_task(bot.keep_graphs(), name="graphs")
    names = asyncio.create_task(bot.names.keep(), name="names")
    posting = asyncio.create_task(bot.core.posting.keep(), name="posting")
    on_call = asyncio.create_task(bot.keep_on_call(), name="on call")
    reload = asyncio.create_task(bot.reload.keep(), name="reload")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        async with bot.listening():
            on_ready()
            await _first_end(lanes, graphs, names, posting, on_call, reload, stop=stopping)
    finally:
        try:
            bot.drain()
        finally:  # whatever a graph's code raised, the lanes' work is waited for
            stopping.cancel()
            graphs.cancel()
            posting.cancel()
            on_call.cancel()
            reload.cancel()
            await _end(lanes, DRAIN_SECONDS)
            names.cancel()  # last: the names belong to this process until its runs rest
            await asyncio.gather(stopping, graphs, names, posting, on_call, reload, return_exceptions=True)


async def _first_end(lanes: "asyncio.Task[None]", *others: "asyncio.Task[None]", stop: "asyncio.Task[bool]") -> None:
    """Wait until asked to stop; a part that failed ends the wait with its error."""
    waited: set[asyncio.Task[Any]] = {lanes, *others, stop}
    while stop in waited:
        done, waited = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        if lanes in done:
            raise RuntimeError("the lanes ended by themselves")


async def _end(lanes: "asyncio.Task[None]", seconds: float) -> None:
    """Cancel the lanes, wait for the work under way, then cut it off."""
    lanes.cancel()
    done, _ = await asyncio.wait({lanes}, timeout=seconds)
    if not done:
        log.warning("some work did not finish in time; it continues when the bot starts again", seconds=seconds)
        lanes.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await lanes


@contextlib.asynccontextmanager
async def stop_signals() -> AsyncIterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set; a second one of them kills as usual."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stopped(number: signal.Signals) -> None:
        loop.remove_signal_handler(number)
        stop.set()

    for number in _STOPS:
        loop.add_signal_handler(number, stopped, number)
    try:
        yield stop
    finally:
        for number in _STOPS:
            loop.remove_signal_handler(number)


@contextlib.asynccontextmanager
async def killing_signals(stop: asyncio.Event, kill: Callable[[], None]) -> AsyncIterator[None]:
    """After the first signal, `kill` what this process has started before a second one kills it as well."""
    waiting = asyncio.create_task(_kill_at_the_next(stop, kill))
    try:
        yield
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def _kill_at_the_next(stop: asyncio.Event, kill: Callable[[], None]) -> None:
    await stop.wait()
    loop = asyncio.get_running_loop()

    def killed(number: signal.Signals) -> None:
        log.warning("a second signal: all is killed now, and what is unfinished continues at the next start")
        kill()
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    for number in _STOPS:
        loop.add_signal_handler(number, killed, number)


@contextlib.asynccontextmanager
async def hang_ups(reload: Callable[[], None], stop: asyncio.Event) -> AsyncIterator[None]:
    """Reload `app.yaml` on SIGHUP; a SIGHUP from a terminal that was closed stops the bot."""
    loop, had_terminal = asyncio.get_running_loop(), _has_terminal()

    def hung_up() -> None:
        if had_terminal and not _has_terminal():
            stop.set()
        else:
            reload()

    loop.add_signal_handler(signal.SIGHUP, hung_up)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


def _has_terminal() -> bool:
    """True if the process has a terminal that still exists."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
