"""`signoff check`."""

import contextlib
import os
import sys
from pathlib import Path

from bot.commands.environment import export
from bot.config.problems import ProblemsError


async def check(config: Path, *, strict: bool, offline: bool, as_json: bool) -> int:
    """Check everything, and print what was found; gives the exit code."""
    from bot import wiring
    from bot.checks.check import check as checked
    from bot.checks.report import show, show_json

    _export(config)
    with contextlib.redirect_stdout(sys.stderr):  # prints of graphs and logs are no part of the result
        report = await checked(config, os.environ, wiring.probes(), strict=strict, offline=offline)
    return show_json(report) if as_json else show(report)


def _export(config: Path) -> None:
    with contextlib.suppress(ProblemsError):  # the check reports it with its line
        export(config.absolute().parent)
