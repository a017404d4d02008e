"""The command line. It starts fast: the imports of a command are made when it runs.

Each command hands over to a function of `bot.process` that returns the exit code. A user's mistake is one line on
stderr and exit code 1; a wrong option is exit code 2; Ctrl-C is 130, without a word.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bot.config.problems import ProblemsError

app = typer.Typer(
    name="signoff",
    help="A self-hosted Slack bot for human approvals of LangGraph agents.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

_INTERRUPTED = 130
_MOST_PROCESSES = 64

Config = Annotated[Path, typer.Option("--config", metavar="FILE", help="The configuration.")]
Demo = Annotated[
    Path | None, typer.Option("--demo", metavar="DIR", help="Read what signoff demo keeps here, such as .signoff.")
]
People = Annotated[
    Path | None,
    typer.Option("--people", metavar="FILE", help="People, channels and groups; alice, bob and others if left out."),
]
Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="The folder that keeps everything.")]


def _print_version(value: bool) -> None:  # noqa: FBT001 - typer's way to call it
    if value:
        from importlib.metadata import version

        typer.echo(f"signoff {version('signoff')}")
        raise typer.Exit


def _processes(given: str | int) -> int:
    if (value := str(given)) == "auto":
        from bot.supervisor.cores import usable_cores

        return min(usable_cores(), _MOST_PROCESSES)
    if not value.isascii() or not value.isdecimal() or not 1 <= int(value) <= _MOST_PROCESSES:
        raise typer.BadParameter(f'"{value}" is not a number from 1 to {_MOST_PROCESSES}, and not auto.')
    return int(value)


@app.callback()
def _about(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Hold the options that stand before a command."""


@app.command()
def demo(
    *,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Run these agents [default: app.yaml here, else the examples]."),
    ] = None,
    data: Data = Path(".signoff"),
    people: People = None,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="PORT", min=0, max=65535, help="The page's port; 0 takes a free one."),
    ] = None,
    clock_speed: Annotated[
        float,
        typer.Option("--clock-speed", metavar="N", min=1, max=3600, help="Let time pass N times as fast."),
    ] = 1,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the page.")] = False,
) -> None:
    """Try it with a Slack workspace on this machine."""
    from bot import process

    raise typer.Exit(process.demo(config, data, port, people, speed=clock_speed, browser=not no_browser))


@app.command()
def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="The folder of the project.", show_default=False)
    ] = Path(),
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace an app.yaml that exists.")] = False,
    channel: Annotated[
        str, typer.Option("--channel", metavar="NAME", help="One channel for all agents [default: one for each].")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the file, and write nothing.")] = False,
) -> None:
    """Write an app.yaml for a LangGraph project."""
    from bot import process
    from bot.commands.init import Options

    raise typer.Exit(process.init(Options(folder, force=force, channel=channel, dry_run=dry_run)))


@app.command()
def run(
    *,
    config: Config = Path("app.yaml"),
    processes: Annotated[
        int,
        typer.Option(
            "--processes",
            metavar="N",
            parser=_processes,
            help="Run N workers under a supervisor; auto takes one for each core that it may use.",
        ),
    ] = 1,
    hung_after: Annotated[
        int,
        typer.Option(
            "--hung-after",
            metavar="SECONDS",
            min=0,
            help="Kill a worker that has not answered for so long, and start it again; 0 never does.",
        ),
    ] = 600,
) -> None:
    """Run the bot."""
    from bot import process

    raise typer.Exit(process.run(config, processes, hung_after))


@app.command()
def check(
    *,
    config: Config = Path("app.yaml"),
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail where it is not known what an answer means to the graph.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask Slack and the on-call sources.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Check configuration, graphs, Redis and Slack."""
    from bot import process

    raise typer.Exit(process.check(config, strict=strict, offline=offline, as_json=as_json))


@app.command()
def manifest(
    *,
    http: Annotated[
        str | None, typer.Option("--http", metavar="URL", help="Reach the bot here, instead of by Socket Mode.")
    ] = None,
) -> None:
    """Print the manifest to create the Slack app from."""
    if http is not None and not http.startswith("https://"):
        _fail(f'--http: "{http}" is not an address that Slack can call. Write https://HOST.')
    from bot import process

    raise typer.Exit(process.manifest(http))


@app.command()
def workspace(
    *,
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="The page's port; 0 takes a free one.")
    ],
    data: Data,
    people: People = None,
    http: Annotated[
        str | None,
        typer.Option("--http", metavar="URL", help="Deliver to the bot here, signed, instead of by Socket Mode."),
    ] = None,
) -> None:
    """Run the local Slack workspace alone.

    Prints the environment that points a bot at it.
    """
    if http is not None and not http.startswith(("http://", "https://")):
        _fail(f'--http: "{http}" is not the address of a bot. Write http://127.0.0.1:8080/slack/events.')
    from bot import process

    raise typer.Exit(process.workspace(port, data, people, http))


@app.command()
def schema() -> None:
    """Print the JSON Schema of app.yaml, for editors."""
    from bot import process

    raise typer.Exit(process.schema())


@app.command("dead-letters")
def dead_letters(
    *,
    config: Config = Path("app.yaml"),
    revive: Annotated[str | None, typer.Option("--revive", metavar="ID", help="Retry this item.")] = None,
    demo: Demo = None,
) -> None:
    """List the work that failed too often."""
    from bot import process

    raise typer.Exit(process.dead_letters(config, revive, demo))


approvals_app = typer.Typer(help="List the requests, and withdraw one.")
app.add_typer(approvals_app, name="approvals")


@approvals_app.callback(invoke_without_command=True)
def approvals(
    context: typer.Context,
    *,
    pending: Annotated[bool, typer.Option("--pending", help="List only those that wait.")] = False,
    agent: Annotated[str | None, typer.Option("--agent", metavar="A", help="List only those of this agent.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    demo: Demo = None,
    config: Config = Path("app.yaml"),
) -> None:
    """List the requests that wait, since when and for whom."""
    if context.invoked_subcommand is not None:
        return
    from bot import process

    raise typer.Exit(process.approvals(config, agent, demo, pending=pending, as_json=as_json))


@approvals_app.command("withdraw")
def approvals_withdraw(
    which: Annotated[
        str, typer.Argument(metavar="ID", help="The request's short id, a link to its card, or its full id.")
    ],
    *,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; its requester and the audit get it.")],
    demo: Demo = None,
    config: Config = Path("app.yaml"),
) -> None:
    """Withdraw a pending request; its run stops."""
    from bot import process

    raise typer.Exit(process.withdraw(config, which, reason, demo))


@app.command()
def audit(
    which: Annotated[
        str, typer.Argument(metavar="WHICH", help="A request's short id, a link to its conversation, or a thread.")
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print each row as a JSON object.")] = False,
    config: Config = Path("app.yaml"),
    demo: Demo = None,
) -> None:
    """Show who did what, when, under which rule."""
    from bot import process

    raise typer.Exit(process.audit(config, which, demo, as_json=as_json))


@app.command()
def oncall(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An entry of oncall: in app.yaml.")],
    *,
    at: Annotated[
        str, typer.Option("--at", metavar="TIME", help="An instant, 2026-11-30T09:00Z; - reads one a line.")
    ] = "now",
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask Slack who people are.")] = False,
    config: Config = Path("app.yaml"),
) -> None:
    """Show who is on call, as JSON lines."""
    from bot import process

    raise typer.Exit(process.oncall(config, name, at, offline=offline))


policy = typer.Typer(no_args_is_help=True, help="Test the rules of app.yaml.")
app.add_typer(policy, name="policy")


@policy.command("test")
def policy_test(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A table of cases: see docs/policy-tests.md.")],
    *,
    config: Config = Path("app.yaml"),
) -> None:
    """Check that the rules say of each case what is expected."""
    from bot import process

    raise typer.Exit(process.policy_test(config, file))


@app.command()
def explain(  # noqa: PLR0913 - an option each
    *,
    agent: Annotated[str, typer.Option("--agent", metavar="A", help="The agent that calls the tool.")],
    tool: Annotated[str, typer.Option("--tool", metavar="T", help="The tool.")],
    args: Annotated[str, typer.Option("--args", metavar="JSON", help="The arguments of the call.")] = "{}",
    requester: Annotated[str, typer.Option("--requester", metavar="U", help="Who asks: a name or an id.")] = "",
    channel: Annotated[
        str, typer.Option("--channel", metavar="C", help="Where; dm for a direct message [default: the agent's first].")
    ] = "",
    at: Annotated[str, typer.Option("--at", metavar="TIME", help="When, 2026-11-30T09:00Z [default: now].")] = "",
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask Slack and the on-call sources.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    config: Config = Path("app.yaml"),
) -> None:
    """Show which rule governs a tool call, and who decides."""
    from bot import process
    from bot.commands.explain import ExplainedCall

    asked = ExplainedCall(agent, tool, args, requester, channel, at)
    raise typer.Exit(process.explain(config, asked, offline=offline, as_json=as_json))


def _fail(line: str) -> None:
    typer.echo(line, err=True)
    raise typer.Exit(1)


def invoke(arguments: Sequence[str]) -> int:
    """Run a command line; gives its exit code."""
    try:
        app(list(arguments), prog_name="signoff")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except ProblemsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


def main() -> None:
    """Run `signoff`, as the command line says."""
    sys.exit(invoke(sys.argv[1:]))
