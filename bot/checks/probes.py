"""The port through which the check asks the world; the wiring implements it. A probe that breaks is a problem too."""

import asyncio
from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from bot.checks.oncall import OnCallNow
from bot.config.entries import Agent, Http, Mode
from bot.config.problems import ConfigProblem, ProblemsError
from bot.config.secrets import Secrets
from bot.config.settings import Config
from bot.rules.channel_names import ChannelNames
from bot.rules.group_names import GroupNames
from engine.asks.ask import Json
from engine.asks.foreseen import Foreseen
from engine.ids import AgentName, ChannelId, UserId
from engine.ports import ListedPerson
from engine.rules.conditions import Conditions

T = TypeVar("T")

_PATIENCE_SECONDS = 20.0


class UnfitError(Exception):
    """Raised by a probe: `what`, `fix` and, where the probe knows better, `where` as in `ConfigProblem`."""

    def __init__(self, what: str, fix: str = "", where: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix
        self.where = where


@dataclass(frozen=True, slots=True)
class Workspace:
    """Slack's answer about the bot: the workspace's name, the bot's, and the scopes that its token lacks."""

    team: str
    bot: str
    missing_scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RedisFound:
    """Redis as it was found: warnings, and what a cluster consists of, "" for a single server."""

    warnings: tuple[str, ...] = ()
    cluster: str = ""


Names = tuple[Mapping[str, ListedPerson], ChannelNames]
"""Ids of people by name, and what the names of channels stand for."""


@dataclass(frozen=True, slots=True)
class LoadedGraph:
    """A graph that fits its entry: warnings, and the interrupts and tools that its code shows."""

    warnings: tuple[str, ...] = ()
    interrupts: tuple[Foreseen, ...] = ()
    tools: frozenset[str] = frozenset()
    schemas: Mapping[str, Mapping[str, Json] | None] = field(default_factory=dict)


class Probes(Protocol):
    """The questions of the check. Each raises UnfitError where the answer is no."""

    @property
    def conditions(self) -> Conditions:
        """The language of conditions."""

    @property
    def calendars_lack(self) -> str:
        """The command that installs the packages for calendars; empty if they are installed."""

    async def graph(self, config: Config, name: AgentName) -> LoadedGraph:
        """Load an agent's graph as `run` does, and see that it fits its entry."""

    async def store(self, config: Config) -> Sequence[str]:
        """Make the store of the project's graphs, and try the model of its index. Raises ProblemsError."""

    async def server(self, agent: Agent) -> Sequence[str]:
        """Reach an agent's LangGraph Server, and see that it has what the entry names; gives warnings."""

    async def redis(self, url: str | None, data: Path) -> RedisFound:
        """Reach Redis, or start the private one in `data`, and see that it is fit."""

    async def address(self, at: Http) -> Sequence[str]:
        """See that the bot can listen there; gives a warning where something else does."""

    async def slack(self, secrets: Secrets, mode: Mode) -> Workspace:
        """See that the tokens are good. `where` names the variable at fault."""

    async def on_call(self, config: Config, *, in_slack: bool) -> Mapping[str, OnCallNow]:
        """Ask all sources who is on call now; `in_slack`: and Slack, who of them are members."""

    async def absent(self, secrets: Secrets, channel: ChannelId, people: Collection[UserId]) -> Collection[UserId]:
        """The people, of these, who cannot see a channel."""

    async def groups(self, secrets: Secrets, names: Collection[str]) -> GroupNames:
        """Look up user groups by handle or id; leaves out what is not there."""

    async def names(self, secrets: Secrets, people: Collection[str], channels: Collection[str], data: Path) -> Names:
        """Look up names as `config.approver_names` and `channel_names` spell them; leaves out what is not there."""


async def asked(
    question: Awaitable[T], where: str, patience: float | None = _PATIENCE_SECONDS
) -> tuple[T | None, list[ConfigProblem]]:
    """The answer of a probe, or None and the problem in its place; `where` is what the problem is about.

    `patience` is in seconds; None waits as long as it takes.
    """
    try:
        async with asyncio.timeout(patience):
            return await question, []
    except UnfitError as error:
        return None, [ConfigProblem(error.where or where, error.what, error.fix)]
    except ProblemsError as error:
        return None, list(error.problems)
    except TimeoutError:
        return None, [ConfigProblem(where, f"gave no answer within {patience:g} s", "Is it reachable from here?")]
    except Exception as error:  # noqa: BLE001 - a probe that breaks must not pass, nor hide the other checks
        return None, [
            ConfigProblem(where, f"could not be checked ({type(error).__name__}: {error})", "Run the check again.")
        ]
