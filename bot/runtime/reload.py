"""Reloads `app.yaml` on SIGHUP: all of it takes effect, or nothing does.

The new file is read, its conditions are compiled and checked against the tools, and its names are looked up in Slack.
Only then, with nothing in between that could fail, do the rules, the defaults and the on-call sources replace the old
ones. If anything is wrong, the old ones stay, the problems are logged, and `/readyz` and a metric say so until a reload
succeeds.

Agents, listeners, storage and Slack's tokens cannot change in a running process. A file that changes them is refused
and needs a restart: its rules may rely on an agent or a gate that is not there yet.

Pending approvals keep the rule that they were asked under, unless somebody is removed from it: see
`bot.rules.in_force`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Protocol, TypeAlias

import structlog

from bot.config.problems import ConfigProblem, ProblemsError
from bot.config.secrets import Secrets
from bot.config.settings import Config
from bot.masking import remember
from bot.runtime.shared_names import SharedNames
from bot.telemetry import Metrics
from engine.ports import Clock

log = structlog.get_logger(__name__)

_RESTART = "Restart the bot for that. Until then nothing of this file takes effect."
_OF_A_PROCESS = ("mode", "http", "health", "data", "retention", "audit_retention", "project")
_KEYS = {"mode": ("slack", "mode")}


class Prepared(Protocol):
    """A new configuration that is ready to take effect."""

    def take_effect(self) -> None:
        """Replace the old one. Never fails."""

    async def tidy_up(self) -> None:
        """Close what only the old one needed; before `take_effect`, what only the new one needs."""


Read: TypeAlias = Callable[[], Config]
"""Raises ProblemsError."""
Prepare: TypeAlias = Callable[[Config, SharedNames | None], Awaitable[Prepared]]
"""Raises ProblemsError for what is wrong; then nothing has changed."""


class Reload:
    """Reloads in `keep` after each `ask`. `read` reads the file.

    The workers of a supervisor reload in two steps, `prepare` and then `take_effect` or `discard`, so that all of them
    take a file, or none.
    """

    def __init__(self, *, config: Config, read: Read, prepare: Prepare, clock: Clock, metrics: Metrics) -> None:
        self._config, self._since = config, clock.now()
        self._read, self._prepare, self._clock, self._metrics = read, prepare, clock, metrics
        self._asked = asyncio.Event()
        self._failed: tuple[datetime, int] | None = None
        self._prepared: tuple[Config, Prepared] | None = None
        self._preparing = object()
        """Stands for the newest preparation: one that a supervisor no longer waited for may end after it."""

    def ask(self) -> None:
        """Ask for a reload; asked for during one, the file is read once more after it."""
        self._asked.set()

    async def keep(self) -> None:
        """Reload whenever it is asked for, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self.now()

    async def now(self) -> bool:
        """Reload. False: something is wrong, and nothing has changed."""
        if problems := await self.prepare():
            await self.discard(len(problems))
            for each in problems:
                log.error("not reloaded", problem=str(each))
            log.error("the rules stay as they were", since=f"{self._since:%Y-%m-%dT%H:%M:%SZ}", problems=len(problems))
            return False
        await self.take_effect()
        return True

    async def prepare(self, read: Read | None = None, shared: SharedNames | None = None) -> Sequence[ConfigProblem]:
        """Read and prepare the file, or what `read` reads. Gives what is wrong; then nothing is prepared.

        `shared` are the names that another worker has looked up for it.
        """
        await self._forget()
        mine = self._preparing
        try:
            config = await asyncio.to_thread(read or self._read)
            remember(config.secret_values)
            _refuse_changes(unchangeable(self._config, config))
            prepared = await self._prepare(config, shared)
        except ProblemsError as error:
            return error.problems
        except Exception as error:
            log.exception("the reload failed")
            what = f"could not be reloaded ({type(error).__name__})"
            return [ConfigProblem(str(self._config.file), what, "See the log.")]
        if self._preparing is not mine:
            await prepared.tidy_up()
            return [ConfigProblem(str(self._config.file), "was read anew, or refused, meanwhile", "Send SIGHUP again.")]
        self._prepared = config, prepared
        return ()

    async def take_effect(self, *, counted: bool = True) -> None:
        """Put what was prepared in force."""
        if self._prepared is None:
            raise AssertionError("nothing was prepared")
        (config, prepared), self._prepared = self._prepared, None
        prepared.take_effect()
        self._config, self._since, self._failed = config, self._clock.now(), None
        self._metrics.reloaded(ok=True, counted=counted)
        log.info("reloaded", file=str(config.file), rules=len(config.approvals), oncall=len(config.oncall))
        await prepared.tidy_up()

    async def discard(self, problems: int, *, counted: bool = True) -> None:
        """Keep the rules in force: this many problems were found, here or by another worker."""
        await self._forget()
        self._failed = self._clock.now(), problems
        self._metrics.reloaded(ok=False, counted=counted)

    async def _forget(self) -> None:
        """Close what a prepared configuration opened; what is still being prepared takes no effect any more."""
        self._preparing = object()
        if self._prepared is not None:
            (_, prepared), self._prepared = self._prepared, None
            await prepared.tidy_up()

    def degraded(self) -> Sequence[str]:
        """A sentence if the file and the rules in force differ."""
        if self._failed is None:
            return ()
        at, count = self._failed
        found = "1 problem" if count == 1 else f"{count} problems"
        refused = f"{self._config.file.name} was not reloaded at {at:%Y-%m-%d %H:%M} UTC ({found}, see the log)"
        return (f"{refused}: the rules of {self._since:%Y-%m-%d %H:%M} UTC are in force.",)


def _refuse_changes(problems: Iterator[ConfigProblem]) -> None:
    if wrong := [*problems]:
        raise ProblemsError(wrong)


def unchangeable(old: Config, new: Config) -> Iterator[ConfigProblem]:
    """Name the differences between two configurations that cannot be changed while the bot runs."""
    for name in dict.fromkeys((*old.agents, *new.agents)):
        if old.agents.get(name) != new.agents.get(name):
            what = "was added" if name not in old.agents else "changed" if name in new.agents else "was removed"
            yield ConfigProblem(new.where("agents", name), f"the agent {name} {what}", _RESTART)
    if old.defaults.gate_tools != new.defaults.gate_tools:
        yield ConfigProblem(new.where("defaults", "gate_tools"), "the gates of all agents changed", _RESTART)
    for key in _OF_A_PROCESS:
        if getattr(old, key) != getattr(new, key):
            yield ConfigProblem(new.where(*_KEYS.get(key, (key,))), "changed", _RESTART)
    for each in fields(Secrets):
        if getattr(old.secrets, each.name) != getattr(new.secrets, each.name):
            yield ConfigProblem(each.name.upper(), "changed", _RESTART)
