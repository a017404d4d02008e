"""`signoff run`: the bot. Graphs are loaded before anything is served: a wrong one does not start (P10)."""

import functools
import os
from pathlib import Path

import structlog

from bot.commands.environment import prepared
from bot.commands.serve import hang_ups, serve, stop_signals
from bot.runtime.garbage import collected_when_ready

log = structlog.get_logger(__name__)


async def run(file: Path) -> int:
    """Run until SIGTERM or SIGINT; gives the exit code."""
    from bot import wiring
    from bot.config.load import load

    read = functools.partial(load, file, dict(os.environ))  # before .env is put into the environment
    config = prepared(read())
    with collected_when_ready() as collect:

        def ready() -> None:
            collect()
            log.info("ready", agents=list(config.agents))

        async with stop_signals() as stop, wiring.bot(config, read=read) as bot, hang_ups(bot, stop):
            await bot.load_graphs()
            async with bot.http():
                await serve(bot, stop, on_ready=ready)
    return 0
