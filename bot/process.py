"""A process from its first line to its last: start, say when it serves, drain on SIGTERM.

A stop has an order. First nothing new is taken: the sockets close, so Slack delivers to another process, or later.
Then runs are asked to rest at their next step, which is in the checkpoint already. Then the lanes end. What is not
done after `DRAIN_SECONDS` is cut off; that loses nothing either, it only repeats a step.

Graphs are loaded before anything is served: a wrong one does not start (P10).

What a command needs is imported when it runs, so that each starts fast.
"""

import asyncio
import contextlib
import dataclasses
import functools
import importlib.util
import json
import os
import signal
import sys
import webbrowser
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from bot import loop
from bot.config.problems import ConfigProblem, ProblemsError

if TYPE_CHECKING:
    from bot.clock import DemoClock, SystemClock
    from bot.commands.explain import Asked
    from bot.config.secrets import Secrets
    from bot.config.settings import Config
    from bot.wiring import Bot

log = structlog.get_logger(__name__)

DRAIN_SECONDS = 25.0
"""The longest that a stop waits for runs to reach their next step; orchestrators kill after 30 s by default."""

DEMO_PORT = 8484
"""The demo's page, unless it is told otherwise or the port is taken."""


# Commands, each giving its exit code ----------------------------------------------------------------------------------


def run(config: Path) -> int:
    """`signoff run`."""
    return _to_its_end(_run(config))


def demo(
    config: Path | None, data: Path, port: int | None, people: Path | None, *, speed: float = 1, browser: bool
) -> int:
    """`signoff demo`: the local workspace and the bot, in one process. Prints one line when both serve."""
    return _to_its_end(_demo(config, data.absolute(), port, people, speed=speed, browser=browser))


def workspace(port: int, data: Path, people: Path | None) -> int:
    """`signoff workspace`: the local workspace alone. Prints the environment that points a bot at it."""
    return _to_its_end(_workspace(port, data, people))


def check(config: Path, *, strict: bool, offline: bool, as_json: bool) -> int:
    """`signoff check`."""
    from bot import wiring
    from bot.checks import check as checking

    with contextlib.suppress(ProblemsError):  # the check says it better
        _export(config.absolute().parent)

    async def checked() -> int:
        with contextlib.redirect_stdout(sys.stderr):  # what graphs print, and what is logged, is no part of the result
            report = await checking.check(config, os.environ, wiring.probes(), strict=strict, offline=offline)
        return checking.show_json(report) if as_json else checking.show(report)

    return _to_its_end(checked())


def manifest(url: str | None) -> int:
    """`signoff manifest`."""
    from bot import wiring

    sys.stdout.write(json.dumps(wiring.manifest(url), indent=2) + "\n")
    return 0


def dead_letters(config: Path, revive: str | None, demo: Path | None) -> int:
    """`signoff dead-letters`: list them, or put one back."""
    return _to_its_end(_dead_letters(config, revive, demo))


def audit(config: Path, which: str, demo: Path | None) -> int:
    """`signoff audit`: all rows of a thread, or of one approval, as JSON lines."""
    return _to_its_end(_audit(config, which, demo))


def oncall(config: Path, name: str, at: str, *, offline: bool) -> int:
    """`signoff oncall`: who is on call at some instants, a line of JSON for each."""
    from bot.commands.oncall import run as looked_up

    return _to_its_end(looked_up(config, name, at, offline=offline))


def explain(config: Path, asked: "Asked", *, offline: bool, as_json: bool) -> int:
    """`signoff explain`: which rule governs a tool call, and what follows."""
    from bot.commands.explain import run as explained

    return _to_its_end(explained(config, asked, offline=offline, as_json=as_json))


def policy_test(config: Path, file: Path) -> int:
    """`signoff policy test`: cases, and what the rules say of them."""
    from bot.commands import policy_test as policy_cases

    async def tested() -> int:
        return policy_cases.run(config, file)

    return _to_its_end(tested())


def _to_its_end(main: Coroutine[Any, Any, int]) -> int:
    from bot.masking import masked

    try:
        return loop.run(main)
    except ProblemsError as error:
        sys.stderr.write(f"{masked(str(error))}\n")
        return 1


# Serving --------------------------------------------------------------------------------------------------------------


async def _run(file: Path) -> int:
    from bot import wiring
    from bot.config.load import load

    read = functools.partial(load, file, dict(os.environ))  # before .env is put into the environment
    config = _prepared(read())
    async with stop_signals() as stop, wiring.bot(config, read=read) as bot, hang_ups(bot, stop):
        await bot.load_graphs()
        async with bot.http():
            await serve(bot, stop, on_ready=lambda: log.info("ready", agents=list(config.agents)))
    return 0


async def _demo(
    file: Path | None, data: Path, port: int | None, people: Path | None, *, speed: float, browser: bool
) -> int:
    from bot import wiring

    read = functools.partial(_demo_config, file or _demo_file(), data, dict(os.environ))
    config = read()
    async with stop_signals() as stop, _demo_workspace(config, data, port, people) as slack:
        secrets = _secrets(slack.environment())
        config = _prepared(dataclasses.replace(config, secrets=secrets))

        def again() -> "Config":
            return dataclasses.replace(read(), secrets=secrets)

        os.environ["SIGNOFF_DEMO_DATA"] = str(data)  # where the example agents keep what they did

        def ready() -> None:
            sys.stdout.write(f"ready {slack.url}\n")
            sys.stdout.flush()
            if browser and _has_desktop():
                webbrowser.open(slack.url)

        with _demo_clock(data / "clock", speed) as clock:
            async with wiring.bot(config, clock=clock, read=again) as bot, hang_ups(bot, stop):
                await bot.load_graphs()
                await serve(bot, stop, on_ready=ready)
    return 0


@contextlib.contextmanager
def _demo_clock(file: Path, speed: float) -> Iterator["SystemClock | DemoClock"]:
    """The demo's clock, which goes on where an earlier run left it; says so where it is not the machine's."""
    from bot.clock import DemoClock, clock_of

    clock = clock_of(file, speed)
    if not isinstance(clock, DemoClock):
        yield clock
        return
    said = f"runs {speed:g} times as fast" if speed > 1 else f"is ahead since it ran faster; without {file} it is not"
    sys.stderr.write(f"signoff demo: the clock {said}. It is {clock.now():%Y-%m-%d %H:%M} UTC\n")
    try:
        yield clock
    finally:
        clock.stop()


_STAND_INS: Final = {
    "SLACK_API_URL": "http://127.0.0.1/api/",
    "SLACK_BOT_TOKEN": "xoxb-demo",
    "SLACK_APP_TOKEN": "xapp-demo",
    "SLACK_SIGNING_SECRET": "demo",
    "REDIS_URL": "",
}
"""What stands in for the secrets of a configuration that the demo reads: they are of a real workspace and its Redis."""


def _demo_config(file: Path, data: Path, environ: Mapping[str, str]) -> "Config":
    """A configuration as the demo runs it: by itself, whatever Slack and Redis are in the environment and in `.env`."""
    from bot.config.load import load
    from bot.config.schema import Mode

    config = load(file, {**environ, **_STAND_INS})
    return dataclasses.replace(config, data=data / "valkey", mode=Mode.SOCKET)


def _secrets(environ: Mapping[str, str]) -> "Secrets":
    from bot.config.secrets import Secrets

    return Secrets(
        slack_bot_token=environ["SLACK_BOT_TOKEN"],
        slack_app_token=environ["SLACK_APP_TOKEN"],
        slack_api_url=environ["SLACK_API_URL"],
    )


@contextlib.asynccontextmanager
async def _demo_workspace(config: "Config", data: Path, port: int | None, people: Path | None) -> AsyncIterator[Any]:
    from bot import wiring

    described = not _is_examples(config.file)  # of those the page itself knows more
    opened = functools.partial(
        wiring.local_workspace, data=data / "slack", people=people, config=config, described=described
    )
    async with contextlib.AsyncExitStack() as stack:
        try:
            yield await stack.enter_async_context(opened(DEMO_PORT if port is None else port))
        except wiring.PortTakenError:
            if port is not None:
                raise
            yield await stack.enter_async_context(opened(0))


async def _workspace(port: int, data: Path, people: Path | None) -> int:
    from bot import wiring

    async with stop_signals() as stop, wiring.local_workspace(port, data, people) as slack:
        sys.stdout.writelines(f"{name}={value}\n" for name, value in slack.environment().items())
        sys.stdout.write(f"# the page: {slack.url}\n")
        sys.stdout.flush()
        await stop.wait()
    return 0


async def serve(bot: "Bot", stop: asyncio.Event, *, on_ready: Any) -> None:
    """Serve until `stop` is set or a part fails, then drain.

    Raises ProblemsError when the graphs turn out wrong, and whatever a part of the bot failed with.
    """
    lanes = asyncio.create_task(bot.serve_lanes(), name="lanes")
    graphs = asyncio.create_task(bot.load_graphs(), name="graphs")
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
        bot.drain()
        stopping.cancel()
        graphs.cancel()
        posting.cancel()
        on_call.cancel()
        reload.cancel()
        await _end(lanes, DRAIN_SECONDS)
        names.cancel()  # last: what still runs is this process's until it rests
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
    """Cancel the lanes, which waits for what is under way; then cut it off."""
    lanes.cancel()
    done, _ = await asyncio.wait({lanes}, timeout=seconds)
    if not done:
        log.warning("some work did not come to rest in time; it goes on when the bot starts again", seconds=seconds)
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

    handled = (signal.SIGTERM, signal.SIGINT)
    for number in handled:
        loop.add_signal_handler(number, stopped, number)
    try:
        yield stop
    finally:
        for number in handled:
            loop.remove_signal_handler(number)


@contextlib.asynccontextmanager
async def hang_ups(bot: "Bot", stop: asyncio.Event) -> AsyncIterator[None]:
    """SIGHUP reloads `app.yaml`; one that comes of a terminal that was closed stops the bot."""
    loop, had_terminal = asyncio.get_running_loop(), _has_terminal()

    def hung_up() -> None:
        if had_terminal and not _has_terminal():
            stop.set()
        else:
            bot.reload.ask()

    loop.add_signal_handler(signal.SIGHUP, hung_up)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


def _has_terminal() -> bool:
    """Whether the process has a terminal that is still there."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _prepared(config: "Config") -> "Config":
    """What has to be there before anything else is imported: logs, and `.env` for LangSmith and model keys."""
    from bot.telemetry import set_up_logs

    set_up_logs()
    return _known(config)


def _known(config: "Config") -> "Config":
    """From now on the secrets of the configuration, and those of `.env`, are masked wherever they turn up."""
    from bot.masking import remember

    remember(config.secret_values)
    _export(config.base)
    return config


def _export(folder: Path) -> None:
    """Put `.env` into the environment, where graphs look for their own keys when they are imported."""
    from bot.config.file import environment

    for name, value in environment(folder, {}).items():
        os.environ.setdefault(name, value)


def _demo_file() -> Path:
    """The `app.yaml` of this folder, else that of the examples; says which, and what is missing to run the examples."""
    if (own := Path("app.yaml")).exists():
        sys.stderr.write(f"signoff demo: running the agents of {own.absolute()}\n")
        return own
    found = _examples_file()
    if importlib.util.find_spec("langchain") is None:
        what = "the example agents need LangChain, which is not installed"
        raise ProblemsError([ConfigProblem("signoff demo", what, 'Run: pip install "signoff[examples]"')])
    sys.stderr.write("signoff demo: running the example agents; an app.yaml in this folder would run in their place\n")
    return found


def _examples_file() -> Path:
    """The `app.yaml` of the example agents."""
    here = Path(__file__).resolve().parent
    found = next(filter(Path.is_file, (here.parent / "app.yaml", here / "demo" / "app.yaml")), None)
    if found is None:
        raise ProblemsError(
            [ConfigProblem("signoff demo", "the example agents are not installed", "Name your own with --config.")]
        )
    return found


def _is_examples(file: Path) -> bool:
    try:
        return file.resolve() == _examples_file().resolve()
    except ProblemsError:
        return False


def _has_desktop() -> bool:
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


# Looking --------------------------------------------------------------------------------------------------------------


def _stored(file: Path, demo: Path | None) -> "Config":
    """The configuration whose storage a command reads: that of the bot, or of a demo with the data folder `demo`."""
    from bot.config.load import load

    if demo is None:
        return _known(load(file, os.environ))
    if not (demo / "valkey").is_dir():
        raise ProblemsError(
            [ConfigProblem("--demo", f"no demo has kept anything in {demo}", "Name the demo's --data folder.")]
        )
    return _known(_demo_config(file if file.exists() else _examples_file(), demo.absolute(), os.environ))


async def _dead_letters(file: Path, revive: str | None, demo: Path | None) -> int:
    from bot import wiring
    from bot.masking import masked

    async with wiring.storage(_stored(file, demo)) as storage:
        if revive is not None:
            if await storage.lanes.revive(revive):
                return 0
            raise ProblemsError([ConfigProblem(revive, "there is no such dead letter", "List them without --revive.")])
        for letter in await storage.lanes.dead_letters():
            line = f"{letter.id}\t{letter.at:%Y-%m-%dT%H:%M:%SZ}\t{letter.lane}\t{letter.error}"
            sys.stdout.write(f"{masked(line)}\n")
    return 0


async def _audit(file: Path, which: str, demo: Path | None) -> int:
    from bot import wiring
    from bot.commands import audit as audit_command

    async with wiring.storage(_stored(file, demo)) as storage:
        for line in await audit_command.lines(which, storage.audit, storage.approvals):
            sys.stdout.write(f"{line}\n")
    return 0
