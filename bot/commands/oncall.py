"""`signoff oncall NAME`: the people on call at some instants, a line of JSON for each.

The source is asked as the bot asks it. `--offline` skips Slack, not the source. A source that only knows who is on call
now gives that for every instant; a line on stderr says so.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.config.load import examined
from bot.config.problems import ConfigError, ConfigProblem, ProblemsError, suggestion
from bot.config.secrets import OF_SLACK
from bot.config.settings import Config
from bot.masking import masked, remember
from bot.oncall.people import People
from bot.telemetry import set_up_logs
from engine.oncall.shifts import Shift, Shifts, said_of
from engine.ports import AccountsUnknownError, ShiftSource, SourceFailedError

_FORM = "Write it with its offset: 2026-11-30T09:00+01:00, or 2026-11-30T08:00Z."


async def run(file: Path, name: str, at: str, *, offline: bool) -> int:
    """Print the lines; returns the exit code. A source that fails says so in its line, and the code is still 0.

    Raises ProblemsError.
    """
    set_up_logs()
    config = read_config(file, offline=offline)
    if name not in config.oncall:
        what = f'app.yaml has no "{name}" below oncall:'
        raise ProblemsError([ConfigProblem("signoff oncall", what, suggestion(name, config.oncall, "Add it."))])
    if at == "now":
        at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if at != "-":
        instant(at)
    async with _Lookup.opened(config, name, offline=offline) as lookup:
        async for text in _lines(at):
            sys.stdout.write(json.dumps(await lookup.line(text), ensure_ascii=False) + "\n")
            sys.stdout.flush()
    return 0


def read_config(file: Path, *, offline: bool) -> Config:
    """The configuration; of Slack's tokens only the bot's is needed, and none `offline`. Raises ConfigError."""
    config, problems = examined(file, os.environ)
    of_slack = [each for each in problems if each.where in ("SLACK_BOT_TOKEN", "SLACK_API_URL")]
    needed = [] if offline else [replace(each, fix=f"{each.fix.rstrip('.')}, or add --offline.") for each in of_slack]
    wrong = [each for each in problems if each.where not in OF_SLACK]
    if config is None or needed:
        raise ConfigError([*wrong, *needed])
    remember(config.secret_values)
    return config


async def _lines(at: str) -> AsyncIterator[str]:
    if at != "-":
        yield at
        return
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip():
            yield line.strip()


def instant(text: str) -> datetime:
    """An instant with its offset. Raises ProblemsError."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
        what = f'"{text}" has no offset, so it is not an instant'
    except (ValueError, OverflowError):
        what = f'"{text}" is not an instant'
    raise ProblemsError([ConfigProblem("--at", what, _FORM)])


@dataclass(slots=True)
class _Lookup:
    """Looks up one source; `people` is None where Slack is not asked."""

    name: str
    source: ShiftSource
    people: People | None
    last: Shifts | None = None
    only_now: bool = False

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, config: Config, name: str, *, offline: bool) -> AsyncIterator["_Lookup"]:
        """Open the source. Raises ProblemsError where Slack cannot be reached."""
        from bot.wiring.oncall import asked_people, shift_sources

        async with contextlib.AsyncExitStack() as stack:
            people = None if offline else await stack.enter_async_context(asked_people(config))
            sources = await stack.enter_async_context(shift_sources(config))
            yield cls(name, sources[name], people)

    async def line(self, text: str) -> Mapping[str, Any]:
        """The answer for one instant."""
        found: dict[str, Any] = {"at": text, "who": [], "error": None}
        if self.people is not None:
            found["people"] = []
        try:
            on_call = await self._on_call(instant(text))
            found["who"] = [*said_of(on_call)]
            if self.people is not None:
                users = [await self.people.user(each) for each in on_call]
                found["people"] = [*dict.fromkeys(filter(None, users))]
        except (SourceFailedError, AccountsUnknownError, ProblemsError) as error:
            found["error"] = masked(str(error))
        return found

    async def _on_call(self, at: datetime) -> tuple[Shift, ...]:
        now = datetime.now(UTC)
        if self.last is None or not self.last.is_fresh(now) or not (self.only_now or self.last.covers(at)):
            self.last = await self.source.shifts(at, now)
        if not self.last.covers(at) and not self.only_now:
            self.only_now = True
            sys.stderr.write(f"{self.name} only tells who is on call now, so that is the answer for every instant\n")
        return self.last.on_call(at)
