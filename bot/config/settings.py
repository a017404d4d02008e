"""The settings of a bot: a valid `app.yaml` with the secrets of the environment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.config.approvals import ApprovalEntry
from bot.config.entries import Agent, Defaults, Health, Http, Mode
from bot.config.file import Document
from bot.config.oncall import OnCallEntry
from bot.config.project import Project
from bot.config.secrets import Secrets
from bot.masking import is_secret_name, secret_variables
from engine.ids import AgentName


@dataclass(frozen=True, slots=True)
class Config:
    """A valid configuration. `base` is the folder that paths in it start from; `data` is absolute."""

    file: Path
    agents: Mapping[AgentName, Agent]
    approvals: tuple[ApprovalEntry, ...]
    defaults: Defaults
    mode: Mode
    http: Http
    health: Health | None
    data: Path
    retention: timedelta
    audit_retention: timedelta
    oncall: Mapping[str, OnCallEntry]
    people: Mapping[str, str]
    """The members, as Slack's directory is asked for them, by the names that other services have for them."""
    secrets: Secrets
    project: Project | None
    """The LangGraph project of the graphs; `None` where `app.yaml` names none."""
    document: Document = field(repr=False)

    @property
    def base(self) -> Path:
        """The folder of `app.yaml`."""
        return self.file.absolute().parent

    @property
    def secret_values(self) -> tuple[str | None, ...]:
        """Values that must never be shown, besides what the environment holds under secret names: see `bot.masking`."""
        keys = (agent.server.api_key for agent in self.agents.values() if agent.server is not None)
        of_sources = (value for entry in self.oncall.values() for value in entry.secret_values)
        of_project = secret_variables(self.project.env) if self.project is not None else ()
        of_runs = (each for agent in self.agents.values() for each in secrets_in([agent.context, agent.configurable]))
        return (*self.secrets.values(), *keys, *of_sources, *of_project, *of_runs)

    def gates(self, agent: AgentName) -> Mapping[str, str]:
        """The patterns of `gate_tools` for an agent, each with its place in the file."""
        own = [("agents", agent), *([("defaults",)] if self.agents[agent].server is None else [])]
        said = (self.agents[agent].gate_tools, self.defaults.gate_tools)
        found: dict[str, str] = {}
        for path, patterns in zip(own, said, strict=False):
            for index, pattern in enumerate(patterns):
                found.setdefault(pattern, self.where(*path, "gate_tools", index))
        return found

    @property
    def listeners(self) -> Mapping[str, Http]:
        """The addresses that the bot listens on, by key: over HTTP for Slack, and for health unless both share one."""
        if self.health is None:
            return {"http": self.http}
        return {**({"http": self.http} if self.mode is Mode.HTTP else {}), "health": self.health}

    def where(self, *path: str | int) -> str:
        """The file, line and key of an entry, for a `ConfigProblem`: `where("agents", "deploy", "graph")`."""
        return self.document.where(path)


def secrets_in(given: Any, name: str = "") -> Iterator[str]:
    """The texts under secret names in a value of the file."""
    match given:
        case str() if is_secret_name(name):
            yield given.replace("$$", "$")
        case list():
            for each in given:
                yield from secrets_in(each, name)
        case dict():
            for key, each in given.items():
                yield from secrets_in(each, key)
