"""Loads `app.yaml`, `.env` and the environment into one valid object, or reports every problem (P10).

Names of people and channels stay names here: only Slack knows who they are. `bot.rules.rulebook` makes the engine's
rules once they are looked up, and refuses those that Slack does not know.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from bot.config.approvals import ApprovalEntry
from bot.config.consistency import Agents, Approvals, inconsistencies
from bot.config.entries import Agent, File
from bot.config.file import Document, environment, read
from bot.config.files import Files
from bot.config.oncall import OnCallEntry, people_problems
from bot.config.oncall import name_problem as oncall_name_problem
from bot.config.problems import ConfigError, ConfigProblem
from bot.config.project import Project, read_project
from bot.config.secrets import read_secrets
from bot.config.settings import Config
from bot.config.validation import agent_name_problem, checked
from engine.approvals import audit
from engine.ids import AgentName


def load(path: Path, environ: Mapping[str, str], files: Files | None = None) -> Config:
    """Read and check a configuration. `.env` beside it adds to `environ`, and never overrides it.

    `files` may have been read already: all workers of a supervisor get the same.
    Raises ConfigError with every problem that was found.
    """
    config, problems = examined(path, environ, files)
    if config is None or problems:
        raise ConfigError(problems)
    return config


def examined(
    path: Path, environ: Mapping[str, str], files: Files | None = None
) -> tuple[Config | None, Sequence[ConfigProblem]]:
    """A configuration and its problems. If only Slack's tokens are wrong, it is returned without them."""
    files = files or Files()
    known = environment(path.absolute().parent, environ, files)
    document, problems = read(path, known, files=files)
    if document.data is None:
        return None, [*problems, ConfigProblem(str(path), "is empty", "Add agents: with one entry for each agent.")]
    project, of_project = project_of(document, known, files)
    if project is not None and project.env:
        document, problems = read(path, {**known, **project.env}, files=files)
    problems += of_project
    file, wrong = checked(File, document, document.data, ())
    problems += wrong
    agents, approvals = _entries(document, problems)
    oncall = sources_of(document, problems)
    # For the bot's own tokens the process comes first, as it does before .env: one file of a project must not move it.
    in_reach = {**project.env, **known} if project is not None else known
    mode, secrets, of_tokens = read_secrets(in_reach, file.slack.mode if file else None)
    problems += inconsistencies(document, file, agents, approvals, mode)
    if problems or file is None:
        return None, _first_of_each_place([*problems, *of_tokens])
    config = Config(
        file=path,
        agents=MappingProxyType({name: agent for name, agent in agents.items() if agent}),
        approvals=tuple(approval for approval in approvals if approval),
        defaults=file.defaults,
        mode=mode,
        http=file.http,
        health=file.health,
        data=path.absolute().parent / file.data.expanduser(),
        retention=file.retention,
        audit_retention=file.audit_retention or max(audit.RETENTION, file.retention),
        oncall=MappingProxyType(oncall),
        people=MappingProxyType(file.people),
        secrets=secrets,
        project=project,
        document=document,
    )
    return config, of_tokens


def project_of(
    document: Document, known: Mapping[str, str], files: Files
) -> tuple[Project | None, Sequence[ConfigProblem]]:
    """Read the project that a file names, if it does; what else is wrong with the key is a problem of the file."""
    named = document.data.get("project") if isinstance(document.data, dict) else None
    if not isinstance(named, str) or not named:
        return None, ()
    path = document.file.absolute().parent / Path(named).expanduser()
    if not files.has(path):
        fix = "Correct the path, which starts from the folder of app.yaml, or remove project:."
        return None, [ConfigProblem(document.where(("project",)), f"there is no file {path}", fix)]
    try:
        return read_project(path, known, files=files), ()
    except ConfigError as error:
        return None, error.problems


def _first_of_each_place(problems: Iterable[ConfigProblem]) -> Sequence[ConfigProblem]:
    """Keep the first problem of each place: what follows from it (a variable that is not set, say) only confuses."""
    first: dict[str, ConfigProblem] = {}
    for problem in problems:
        first.setdefault(problem.where, problem)
    return [*first.values()]


def _entries(document: Document, problems: list[ConfigProblem]) -> tuple[Agents, Approvals]:
    """Validate each agent and rule by itself: None for an invalid one, so that the others keep their places."""
    data = document.data if isinstance(document.data, dict) else {}
    agents: dict[AgentName, Agent | None] = {}
    approvals: list[ApprovalEntry | None] = []
    for name, value in _pairs(data.get("agents")):
        agents[AgentName(name)], wrong = checked(Agent, document, value, ("agents", name))
        problems += filter(None, [agent_name_problem(document, name), *wrong])
    rules = data.get("approvals")
    for index, value in enumerate(rules if isinstance(rules, list) else ()):
        approval, wrong = checked(ApprovalEntry, document, value, ("approvals", index))
        approvals.append(approval)
        problems += wrong
    return agents, tuple(approvals)


def sources_of(document: Document, problems: list[ConfigProblem]) -> dict[str, OnCallEntry]:
    """The valid on-call sources."""
    data = document.data if isinstance(document.data, dict) else {}
    found: dict[str, OnCallEntry] = {}
    for name, value in _pairs(data.get("oncall")):
        entry, wrong = checked(OnCallEntry, document, value, ("oncall", name))
        problems += filter(None, [oncall_name_problem(document, name), *wrong])
        if entry is not None:
            found[name] = entry
    problems += people_problems(document, data.get("people"))
    return found


def _pairs(data: object) -> Iterable[tuple[str, object]]:
    return data.items() if isinstance(data, dict) else ()
