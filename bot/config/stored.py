"""Reads what commands need that only look at what a bot stored: where it is, and what to mask.

An operator reads the audit also with a rule that is wrong, a graph that is gone, or without the tokens of Slack and of
on-call sources. So only the keys that say where the data is, and how long it is kept, must be right.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from bot.config.consistency import inconsistencies
from bot.config.entries import File
from bot.config.file import Document, environment, read
from bot.config.files import Files
from bot.config.load import project_of
from bot.config.problems import ConfigError
from bot.config.project import Project
from bot.config.secrets import Secrets, read_secrets
from bot.config.settings import secrets_in
from bot.config.validation import checked
from bot.masking import secret_variables
from engine.approvals import audit

_KEYS: Final = ("project", "data", "retention", "audit_retention")
_HOLD_SECRETS: Final = ("server", "context", "configurable")
"""The keys of an agent under which secrets stand."""
_MAY_HOLD_KEYS: Final = ("url", "headers")
"""The keys of an on-call source whose texts are secrets: an address may hold a key in its path or query."""


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """Where a bot stores its data, and for how long. Slack's tokens may be missing, and may be wrong."""

    file: Path
    data: Path
    retention: timedelta
    audit_retention: timedelta
    secrets: Secrets
    agents: Sequence[str]
    """The agents that the file names, valid or not."""
    secret_values: tuple[str | None, ...] = field(repr=False)
    """Values that must never be shown: see `Config.secret_values`."""

    @property
    def base(self) -> Path:
        """The folder of `app.yaml`."""
        return self.file.absolute().parent


def storage_settings(path: Path, environ: Mapping[str, str]) -> StorageSettings:
    """Read them from `app.yaml`, the `.env` beside it and the environment. Raises ConfigError."""
    files = Files()
    own = environment(path.absolute().parent, environ, files)
    document, problems = read(path, own, keys=_KEYS, files=files)
    project, of_project = project_of(document, own, files)
    of_graphs = project.env if project is not None else {}
    if of_graphs:
        document, problems = read(path, {**own, **of_graphs}, keys=_KEYS, files=files)
    mode, secrets, _ = read_secrets({**of_graphs, **own}, None)  # in this order: see `bot.config.load.examined`
    if secrets.redis_url is None:  # which the project's env may hold
        problems += of_project
    given = document.data if isinstance(document.data, dict) else {}
    file, wrong = checked(File, document, {"agents": {}, **given}, ())
    problems += [*wrong, *inconsistencies(document, file, {}, (), mode)]
    if problems or file is None:
        raise ConfigError(problems)
    whole, _ = read(path, {**own, **of_graphs}, files=files)
    return StorageSettings(
        file=path,
        data=path.absolute().parent / file.data.expanduser(),
        retention=file.retention,
        audit_retention=file.audit_retention or max(audit.RETENTION, file.retention),
        secrets=secrets,
        agents=_agents(whole),
        secret_values=(*secrets.values(), *_secret_values(whole, project)),
    )


def _agents(whole: Document) -> Sequence[str]:
    named = whole.data.get("agents") if isinstance(whole.data, dict) else None
    return tuple(named) if isinstance(named, dict) else ()


def _secret_values(whole: Document, project: Project | None) -> Iterator[str | None]:
    """The secrets of the whole file, also of entries that are wrong."""
    data = whole.data if isinstance(whole.data, dict) else {}
    agents = data.get("agents")
    for agent in agents.values() if isinstance(agents, dict) else [agents]:
        yield from secrets_in({key: agent.get(key) for key in _HOLD_SECRETS} if isinstance(agent, dict) else agent)
    yield from secrets_in(data.get("oncall"))
    yield from _addresses(data.get("oncall"))
    if project is not None:
        yield from secret_variables(project.env)


def _addresses(given: object, *, within: bool = False) -> Iterator[str]:
    match given:
        case str() if within:
            yield given
        case list():
            for each in given:
                yield from _addresses(each, within=within)
        case dict():
            for key, each in given.items():
                yield from _addresses(each, within=within or key in _MAY_HOLD_KEYS)
