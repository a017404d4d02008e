"""`signoff demo`: the local workspace and the bot in one process, on the examples or on agents of one's own."""

import contextlib
import dataclasses
import functools
import importlib.util
import os
import sys
import webbrowser
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bot.commands.environment import prepared
from bot.commands.serve import hang_ups, serve, stop_signals
from bot.config.problems import ConfigProblem, ProblemsError
from bot.runtime.garbage import collected_when_ready

if TYPE_CHECKING:
    from bot.config.secrets import Secrets
    from bot.config.settings import Config
    from bot.runtime.clock import DemoClock, SystemClock

DEMO_PORT = 8484
"""The demo's page, unless it is told otherwise or the port is taken."""


async def demo(
    file: Path | None, data: Path, port: int | None, people: Path | None, *, speed: float, browser: bool
) -> int:
    """Serve until SIGTERM or SIGINT; gives the exit code. Prints one line when both serve."""
    from bot.checks.projects import graphs_without_agent
    from bot.wiring import assembly

    read = functools.partial(demo_config, file or _demo_file(), data, dict(os.environ))
    config = read()
    for each in graphs_without_agent(config):
        sys.stderr.write(f"signoff demo: {each}\n")
    async with stop_signals() as stop, _demo_workspace(config, data, port, people) as slack:
        secrets = _secrets(slack.environment())
        config = prepared(dataclasses.replace(config, secrets=secrets))

        def again() -> "Config":
            return dataclasses.replace(read(), secrets=secrets)

        os.environ["SIGNOFF_DEMO_DATA"] = str(data)  # where the example agents keep what they did

        def ready() -> None:
            collect()
            sys.stdout.write(f"ready {slack.url}\n")
            sys.stdout.flush()
            if browser and _has_desktop():
                webbrowser.open(slack.url)

        with _demo_clock(data / "clock", speed) as clock, collected_when_ready() as collect:
            async with assembly.bot(config, clock=clock, read=again) as bot, hang_ups(bot.reload.ask, stop):
                await bot.load_graphs()
                await serve(bot, stop, on_ready=ready)
    return 0


@contextlib.contextmanager
def _demo_clock(file: Path, speed: float) -> Iterator["SystemClock | DemoClock"]:
    """The demo's clock, which goes on where an earlier run left it; prints a line if it differs from the machine's."""
    from bot.runtime.clock import DemoClock, clock_of

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
"""Stand-ins for the secrets of a configuration that the demo reads: those are of a real workspace and its Redis."""


def demo_config(file: Path, data: Path, environ: Mapping[str, str]) -> "Config":
    """The configuration of the demo: without the Slack and Redis of the environment and of `.env`."""
    from bot.config.entries import Mode
    from bot.config.load import load

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
    from bot.wiring.workspace import PortTakenError, local_workspace

    described = not _is_examples(config.file)  # the page itself describes the examples
    opened = functools.partial(local_workspace, data=data / "slack", people=people, config=config, described=described)
    async with contextlib.AsyncExitStack() as stack:
        try:
            yield await stack.enter_async_context(opened(DEMO_PORT if port is None else port))
        except PortTakenError:
            if port is not None:
                raise
            yield await stack.enter_async_context(opened(0))


def _demo_file() -> Path:
    """The `app.yaml` of this folder, else that of the examples; says which, and what is missing to run the examples."""
    if (own := Path("app.yaml")).exists():
        sys.stderr.write(f"signoff demo: running the agents of {own.absolute()}\n")
        return own
    found = examples_file()
    if importlib.util.find_spec("langchain") is None:
        from bot.wiring import install_command

        what = "the example agents need LangChain, which is not installed"
        raise ProblemsError([ConfigProblem("signoff demo", what, f"Run: {install_command('examples')}")])
    sys.stderr.write("signoff demo: running the example agents; an app.yaml in this folder would run in their place\n")
    return found


def examples_file() -> Path:
    """The `app.yaml` of the example agents. Raises ProblemsError."""
    package = Path(__file__).resolve().parents[1]
    found = next(filter(Path.is_file, (package.parent / "app.yaml", package / "demo" / "app.yaml")), None)
    if found is None:
        raise ProblemsError(
            [ConfigProblem("signoff demo", "the example agents are not installed", "Name your own with --config.")]
        )
    return found


def _is_examples(file: Path) -> bool:
    try:
        return file.resolve() == examples_file().resolve()
    except ProblemsError:
        return False


def _has_desktop() -> bool:
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
