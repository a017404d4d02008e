"""`signoff run`: the bot, as one process or as several workers under a supervisor.

Graphs are loaded before anything is served: a wrong one does not start (P10).
"""

import asyncio
import functools
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from bot.commands.environment import prepared
from bot.commands.serve import hang_ups, killing_signals, serve, stop_signals
from bot.config.problems import ProblemsError
from bot.runtime import loop
from bot.runtime.garbage import collected_when_ready

if TYPE_CHECKING:
    from bot.config.settings import Config
    from bot.supervisor.assignment import Assignment
    from bot.supervisor.channel import Texts
    from bot.supervisor.link import Link

log = structlog.get_logger(__name__)


async def run(file: Path) -> int:
    """Run one process until SIGTERM or SIGINT; gives the exit code."""
    from bot.config.load import load
    from bot.wiring import assembly

    read = functools.partial(load, file, dict(os.environ))  # before .env is put into the environment
    config = prepared(read())
    with collected_when_ready() as collect:

        def ready() -> None:
            collect()
            log.info("ready", agents=list(config.agents), http=address, loop=loop.name())

        async with stop_signals() as stop, assembly.bot(config, read=read) as bot, hang_ups(bot.reload.ask, stop):
            await bot.load_graphs()
            async with bot.http() as address:
                await serve(bot, stop, on_ready=ready)
    return 0


async def supervise(file: Path, count: int, hung_seconds: int) -> int:
    """Run a supervisor and `count` workers until SIGTERM or SIGINT; gives the exit code."""
    from bot.config.files import Files
    from bot.config.load import load
    from bot.masking import remember
    from bot.runtime.listening import first_address, listening
    from bot.supervisor.cores import usable_cores
    from bot.supervisor.supervisor import Supervisor
    from bot.supervisor.worker import Worker
    from bot.telemetry import set_up_logs

    environ = dict(os.environ)

    def read() -> "Texts":
        files = Files()
        remember(load(file, environ, files).secret_values)
        return files.texts

    texts = read()
    config = load(file, environ, Files(texts))
    set_up_logs()
    log.info("starting workers under a supervisor", workers=count, cores=usable_cores())
    async with listening(config) as listeners, stop_signals() as stop:
        workers = [Worker(number) for number in range(1, count + 1)]
        supervisor = Supervisor(workers, file, environ, listeners, read, texts, hung_seconds)
        said = {
            "agents": list(config.agents),
            "http": first_address(config, listeners),
            "workers": count,
            "loop": loop.name_of_fast(),  # that of the workers
        }
        async with hang_ups(supervisor.reload, stop), killing_signals(stop, supervisor.kill):
            return await supervisor.run(stop, on_ready=lambda: log.info("ready", **said))


async def work(assignment: "Assignment") -> int:
    """Be a worker until its supervisor asks it to stop, or is gone; gives the exit code."""
    from bot.supervisor.link import Link

    environ = dict(os.environ)
    async with stop_signals() as stop:
        # The supervisor reloads all workers together. Not SIG_IGN: programs that a graph starts would inherit it.
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, lambda: None)
        link = Link(assignment, stop)
        async with link.joined():
            try:
                await _work(link, stop, environ)
            except ProblemsError as error:
                link.failed(error)
                return 1
    return 0


async def _work(link: "Link", stop: asyncio.Event, environ: Mapping[str, str]) -> None:
    from bot.config.files import Files
    from bot.config.load import load
    from bot.wiring import assembly

    assignment = link.assignment

    def read(texts: "Texts") -> "Config":
        return load(Path(assignment.file), environ, Files(texts))

    told = await link.configuration()
    config = prepared(read(told.texts), worker=assignment.number, files=Files(told.first))
    with collected_when_ready() as collect:

        def ready() -> None:
            collect()
            link.serving()

        async with assembly.bot(config, connections=assignment.connections, shared=told.names) as bot:
            link.represent(bot, read)
            await bot.load_graphs()
            if not await link.may_serve():
                return
            async with bot.http(link):
                await serve(bot, stop, on_ready=ready)
