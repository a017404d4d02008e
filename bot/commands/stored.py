"""The commands that read what a bot stored: dead letters, approvals and the audit."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.demo import demo_config, examples_file
from bot.commands.environment import remembered
from bot.config.problems import ConfigProblem, ProblemsError

if TYPE_CHECKING:
    from bot.config.settings import Config
    from bot.runtime.clock import DemoClock, SystemClock


async def dead_letters(file: Path, revive: str | None, demo: Path | None) -> int:
    """`signoff dead-letters`: list them, or put one back. Raises ProblemsError."""
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


async def approvals(file: Path, agent: str | None, demo: Path | None, *, pending: bool, as_json: bool) -> int:
    """`signoff approvals`: list what waits, and what ended lately. Raises ProblemsError."""
    from bot import wiring
    from bot.commands import approvals as approvals_command

    config = _stored(file, demo)
    async with wiring.storage(config) as storage:
        now = _clock(demo).now()
        return await approvals_command.show(config, storage, agent, pending=pending, as_json=as_json, now=now)


async def withdraw(file: Path, which: str, reason: str, demo: Path | None) -> int:
    """`signoff approvals withdraw`: take a pending request back. Raises ProblemsError."""
    from bot import wiring
    from bot.commands import withdraw as withdraw_command
    from bot.masking import masked
    from bot.wiring.terminal import names_of

    config = _stored(file, demo)
    async with wiring.storage(config) as storage:
        names = await names_of(config, storage, (), ())
        done = await withdraw_command.withdraw(storage, which, reason, _clock(demo), names)
    sys.stdout.write(f"{masked(done)}\n")
    return 0


def _clock(demo: Path | None) -> "SystemClock | DemoClock":
    """The clock of what is read: a demo's may be ahead."""
    from bot.runtime.clock import SYSTEM_CLOCK, clock_of

    return SYSTEM_CLOCK if demo is None else clock_of(demo / "clock", 1)


async def audit(file: Path, which: str, demo: Path | None, *, as_json: bool) -> int:
    """`signoff audit`: all rows of a thread, or of one approval, in words or as JSON lines."""
    from bot import wiring
    from bot.commands import audit as audit_command
    from bot.commands import audit_text

    config = _stored(file, demo)
    async with wiring.storage(config) as storage:
        rows = await audit_command.rows(which, storage.audit, storage.approvals)
        lines = [*map(audit_command.line, rows)] if as_json else await audit_text.lines(rows, config, storage)
        sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


def _stored(file: Path, demo: Path | None) -> "Config":
    """The configuration whose storage a command reads: that of the bot, or of a demo with the data folder `demo`.

    It needs no token of Slack: whoever can read Redis may read what is stored.
    """
    from bot.config.load import examined
    from bot.config.problems import ConfigError

    if demo is None:
        config, problems = examined(file, os.environ)
        if config is None:
            raise ConfigError(problems)
        return remembered(config)
    if not (demo / "valkey").is_dir():
        raise ProblemsError(
            [ConfigProblem("--demo", f"no demo has kept anything in {demo}", "Name the demo's --data folder.")]
        )
    return remembered(demo_config(file if file.exists() else examples_file(), demo.absolute(), os.environ))
