"""`signoff check`."""

import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from bot.commands.environment import enter, export
from bot.config.problems import ProblemsError


async def check(config: Path, *, strict: bool, offline: bool, as_json: bool) -> int:
    """Check everything, and print what was found; gives the exit code."""
    from bot.checks.check import check as checked
    from bot.checks.report import show, show_json
    from bot.wiring.probes import probes

    environ = dict(os.environ)  # before .env and a project's env are put into it, as the bot reads it
    _prepare(config, environ)
    with contextlib.redirect_stdout(sys.stderr):  # prints of graphs and logs are no part of the result
        report = await checked(config, environ, probes(), strict=strict, offline=offline)
    return show_json(report) if as_json else show(report)


def _prepare(file: Path, environ: Mapping[str, str]) -> None:
    from bot.config.load import examined

    with contextlib.suppress(ProblemsError):  # the check reports it with its line
        export(file.absolute().parent)
        config, _ = examined(file, environ)
        enter(config.project if config is not None else None)
