"""The commands that read what a bot stored: dead letters, approvals and the audit."""

import os
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.demo import examples_file
from bot.commands.environment import remembered
from bot.config.problems import ConfigProblem, ProblemsError

if TYPE_CHECKING:
    from bot.config.stored import StorageSettings
    from engine.ports import DeadLetter


async def dead_letters(file: Path, revive: str | None, demo: Path | None) -> int:
    """`signoff dead-letters`: list them, or put one back. Raises ProblemsError."""
    from bot.wiring.storage import storage

    async with storage(_stored(file, demo)) as kept:
        if revive is not None:
            if await kept.lanes.revive(revive):
                return 0
            raise ProblemsError([ConfigProblem(revive, "there is no such dead letter", "List them without --revive.")])
        letters = await kept.lanes.dead_letters()
        sys.stdout.writelines(f"{letter_line(each)}\n" for each in letters)
        if not letters:
            sys.stderr.write("No dead letters to show.\n")
    return 0


def letter_line(letter: "DeadLetter") -> str:
    """A dead letter as one line of fields between tabs; an agent may have caused its error, and written into it."""
    from bot.masking import masked
    from bot.wiring.terminal import line

    fields = (letter.id, f"{letter.at:%Y-%m-%dT%H:%M:%SZ}", letter.lane, letter.error)
    return "\t".join(line(masked(str(each))) for each in fields)


async def approvals(file: Path, agent: str | None, demo: Path | None, *, pending: bool, as_json: bool) -> int:
    """`signoff approvals`: list what waits, and what ended lately. Raises ProblemsError."""
    from bot.commands import approvals as approvals_command
    from bot.wiring.storage import storage
    from bot.wiring.terminal import Directory

    config = _stored(file, demo)
    asked = approvals_command.Asked(agent, config.agents, pending=pending, as_json=as_json)
    async with storage(config) as kept:
        return await approvals_command.show(kept, Directory(config, kept), asked, _now(demo))


async def withdraw(file: Path, which: str, reason: str, demo: Path | None) -> int:
    """`signoff approvals withdraw`: take a pending request back. Raises ProblemsError."""
    from bot.commands import withdraw as withdraw_command
    from bot.masking import masked
    from bot.wiring.storage import storage
    from bot.wiring.terminal import Directory

    config = _stored(file, demo)
    async with storage(config) as kept:
        done = await withdraw_command.withdraw(kept, which, reason, _now(demo), Directory(config, kept))
    sys.stdout.write(f"{masked(done)}\n")
    return 0


def _now(demo: Path | None) -> datetime:
    """The time for what is read: a demo's clock may be ahead."""
    from bot.runtime.clock import machine_time, time_shown

    return machine_time() if demo is None else time_shown(demo / "clock")


async def audit(file: Path, which: str, demo: Path | None, *, as_json: bool) -> int:
    """`signoff audit`: all rows of a thread, or of one approval, in words or as JSON lines."""
    from bot.commands import audit as audit_command
    from bot.commands import audit_text
    from bot.wiring.storage import storage
    from bot.wiring.terminal import Directory

    config = _stored(file, demo)
    async with storage(config) as kept:
        rows = await audit_command.rows(which, kept)
        directory = Directory(config, kept)
        lines = [*map(audit_command.line, rows)] if as_json else await audit_text.lines(rows, directory)
        sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


def _stored(file: Path, demo: Path | None) -> "StorageSettings":
    """Where the data is that a command reads: that of the bot, or of a demo with the data folder `demo`.

    It needs no token of Slack: whoever can read Redis may read what is stored. Raises ProblemsError.
    """
    settings = _of_bot(file) if demo is None else _of_demo(file, demo)
    remembered(settings)
    return settings


def _of_bot(file: Path) -> "StorageSettings":
    from bot.config.stored import storage_settings

    settings = storage_settings(file, os.environ)
    if settings.secrets.redis_url is None and not settings.data.is_dir():
        what = f"is not set, and no bot has stored anything in {settings.data}"
        fix = "Set it as for the bot, or name the bot's app.yaml with --config."
        raise ProblemsError([ConfigProblem("REDIS_URL", what, fix)])
    return settings


def _of_demo(file: Path, demo: Path) -> "StorageSettings":
    """The demo's own: Slack and Redis of the environment are those of a real workspace."""
    from bot.config.secrets import Secrets
    from bot.config.stored import storage_settings

    if not (demo / "valkey").is_dir():
        raise ProblemsError(
            [ConfigProblem("--demo", f"no demo has kept anything in {demo}", "Name the demo's --data folder.")]
        )
    settings = storage_settings(file if file.exists() else examples_file(), os.environ)
    return replace(settings, data=demo.absolute() / "valkey", secrets=Secrets(slack_bot_token=""))
