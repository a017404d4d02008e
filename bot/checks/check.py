"""`signoff check`: all that can be found wrong before the bot starts, one line for each problem; a table of interrupts.

What has to be asked of the world is asked through `Probes`, which the wiring supplies. A probe that breaks is a problem
too: what could not be checked is not right.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol, TextIO, TypeVar

from bot.checks import gates
from bot.checks import interrupts as foreseen
from bot.checks import oncall as oncall_check
from bot.checks import rules as rule_check
from bot.checks.oncall import OnCallNow
from bot.config.load import examined
from bot.config.names import (
    agents_relying_on_defaults,
    approver_names,
    card_channels,
    channel_names,
    name_problems,
    oncall_names,
)
from bot.config.problems import ConfigError, ConfigProblem, ProblemsError
from bot.config.schema import Agent, Http, Mode
from bot.config.secrets import OF_SLACK, Secrets
from bot.config.settings import Config
from bot.masking import masked
from bot.rules.channel_names import ChannelNames
from bot.rules.group_names import GroupNames
from bot.rules.rulebook import Compiled, KnownNames, by_names, group_names, handle_problems, tried, unasked
from engine.approvals.approval import Notify
from engine.asks.ask import Json
from engine.asks.foreseen import Foreseen
from engine.ids import AgentName, ChannelId, UserId
from engine.ports import ListedPerson
from engine.rules.conditions import Conditions
from engine.sources import Origin, Source

T = TypeVar("T")

OUR_PACKAGES = ("bot", "engine", "adapters")
_PATIENCE_SECONDS = 20.0
_MOST_NAMED = 8
NOT_ASKED = (
    "Slack was not asked, since its tokens are missing or wrong: people, channels and scopes were not looked up."
)
OFFLINE = "Slack and the on-call sources were not asked (--offline): people, channels and scopes were not looked up."

UNGUARDED = (
    "the graph runs on a LangGraph Server, so Signoff can't detect that it does something else than people approved: "
    "see docs/pitfalls.md."
)

OPEN_IT = (
    "Unarchive it, or write /invite and the bot's name in it. The bot starts all the same; until then nothing is "
    "posted there, and what is for that channel waits."
)


class UnfitError(Exception):
    """Raised by a probe: `what`, `fix` and, where the probe knows better, `where` as in `ConfigProblem`."""

    def __init__(self, what: str, fix: str = "", where: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix
        self.where = where


@dataclass(frozen=True, slots=True)
class Workspace:
    """What Slack says of us: the workspace's name, the bot's, and the scopes that its token lacks."""

    team: str
    bot: str
    missing_scopes: tuple[str, ...] = ()


Names = tuple[Mapping[str, ListedPerson], ChannelNames]
"""Ids of people by name, and what the names of channels stand for."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A graph that fits its entry: warnings, and the interrupts and tools that its code shows."""

    warnings: tuple[str, ...] = ()
    interrupts: tuple[Foreseen, ...] = ()
    tools: frozenset[str] = frozenset()
    schemas: Mapping[str, Mapping[str, Json] | None] = field(default_factory=dict)


class Probes(Protocol):
    """What the check asks of the world. Each raises UnfitError where the answer is no."""

    @property
    def conditions(self) -> Conditions:
        """The language of conditions."""

    @property
    def reads_calendars(self) -> bool:
        """Whether the packages for calendars are installed."""

    async def graph(self, config: Config, name: AgentName) -> Loaded:
        """Load an agent's graph as `run` does, and see that it fits its entry."""

    async def server(self, agent: Agent) -> Sequence[str]:
        """Reach an agent's LangGraph Server, and see that it has what the entry names; gives warnings."""

    async def redis(self, url: str | None, data: Path) -> Sequence[str]:
        """Reach Redis, or start the private one in `data`, and see that it is fit; gives warnings."""

    async def address(self, at: Http) -> Sequence[str]:
        """See that the bot can listen there; gives a warning where something else does."""

    async def slack(self, secrets: Secrets, mode: Mode) -> Workspace:
        """See that the tokens are good. `where` names the variable at fault."""

    async def on_call(self, config: Config, *, in_slack: bool) -> Mapping[str, OnCallNow]:
        """Ask all sources who is on call now; `in_slack`: and Slack, who of them are members."""

    async def absent(self, secrets: Secrets, channel: ChannelId, people: Collection[UserId]) -> Collection[UserId]:
        """Those of these people who cannot see a channel."""

    async def groups(self, secrets: Secrets, names: Collection[str]) -> GroupNames:
        """Look up user groups by handle or id; leaves out what is not there."""

    async def names(self, secrets: Secrets, people: Collection[str], channels: Collection[str], data: Path) -> Names:
        """Look up names as `config.approver_names` and `channel_names` spell them; leaves out what is not there."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. `lines` sum up a configuration that is right; `warnings` do not stop the bot.

    `interrupts` are those of each agent whose graph could be loaded, None for one that runs on a LangGraph Server.
    """

    problems: tuple[ConfigProblem, ...]
    lines: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    interrupts: Mapping[str, Sequence[Foreseen] | None] = field(default_factory=dict)


async def check(
    file: Path, environ: Mapping[str, str], probes: Probes, *, strict: bool = False, offline: bool = False
) -> Report:
    """Check everything, and report all problems at once. Never raises for a mistake of the user's.

    `offline`: all but Slack and the sources of who is on call.
    `strict`: an interrupt whose answers are not known is a problem, and no warning; so is a gate that no tool matches.
    """
    config, wrong = examined(file, environ)
    if offline:
        wrong = [each for each in wrong if each.where not in OF_SLACK]
    without_tokens = bool(wrong)
    problems = [*wrong, *clashes(_folders(file, config))]
    if config is None:
        return Report(tuple(problems))
    conditions, wrong = tried(config, probes.conditions)
    problems += wrong
    warnings: list[str] = []
    schemas: dict[AgentName, Mapping[str, Mapping[str, Json] | None]] = {}
    interrupts: dict[str, Sequence[Foreseen] | None] = {}
    tools: dict[AgentName, frozenset[str]] = {}
    for name, agent in config.agents.items():
        if agent.server is not None:
            where = config.where("agents", name, "server")
            warnings.append(f"{where}: {UNGUARDED}")
            problems += await _noting(warnings, probes.server(agent), where)
            interrupts[name] = None
            continue
        where = config.where("agents", name, "graph")
        loaded, wrong = await _asked(probes.graph(config, name), where)
        problems += wrong
        if loaded is not None:
            warnings += loaded.warnings
            interrupts[name] = loaded.interrupts
            tools[name], schemas[name] = loaded.tools, loaded.schemas
            problems += _unknown(name, loaded, where, warnings, strict=strict)
    problems += _of_gates(config, tools, warnings, strict=strict)
    problems += _of_rules(config, conditions, schemas, warnings)
    warnings += rule_check.without_tool(config, tools)
    problems += await _noting(warnings, probes.redis(config.secrets.redis_url, config.data), "REDIS_URL")
    notes: list[str] = []
    for key, at in config.listeners.items():
        problems += await _noting(warnings, probes.address(at), config.where(key))
    if offline:
        problems += oncall_check.extra_problems(config, installed=probes.reads_calendars)
        problems += [] if problems else _in_reach(config, conditions, unasked(config), notes)
        lines = (
            *_summary(config, tools, None, notes),
            *gates.notes(config, tools),
            *_not_looked_up(config, conditions),
        )
        return Report(tuple(problems), lines, (*warnings, OFFLINE), interrupts)
    problems += await _of_sources(config, probes, warnings, in_slack=not without_tokens)
    if without_tokens:
        return Report(tuple(problems), warnings=(*warnings, NOT_ASKED), interrupts=interrupts)
    workspace, wrong = await _asked(probes.slack(config.secrets, config.mode), "SLACK_BOT_TOKEN")
    problems += wrong
    if workspace is not None:
        problems += await _in_slack(config, probes, workspace, conditions, warnings, notes)
    lines = (*_summary(config, tools, workspace, notes), *gates.notes(config, tools))
    return Report(tuple(problems), lines, tuple(warnings), interrupts)


def _of_gates(config: Config, tools: gates.Tools, warnings: list[str], *, strict: bool) -> list[ConfigProblem]:
    """The patterns of `gate_tools` that no tool matches: problems, or a warning of each."""
    warnings += gates.unreached(config)
    found = list(gates.idle(config, tools))
    if strict:
        return found
    warnings += map(str, found)
    return []


def _of_rules(
    config: Config, conditions: Compiled, schemas: rule_check.Schemas, warnings: list[str]
) -> list[ConfigProblem]:
    """What of the rules does not suit the tools, and the sources that they name."""
    found = rule_check.misfits(config, conditions, schemas)
    warnings += [*found.warnings, *rule_check.one_at_a_time(config), *rule_check.idle_steps(config)]
    return [*found.problems]


def _in_reach(config: Config, conditions: Compiled, known: KnownNames, notes: list[str]) -> list[ConfigProblem]:
    """The quorums that nobody can reach. Where some requests are left without enough people, `notes` say so."""
    try:
        rules = by_names(config, known, conditions).rules
    except ConfigError as error:
        return [*error.problems]
    members = {Source(Origin.GROUP, each.id, each.handle): each.people for each in known.groups.found.values()}
    counted = {source: people for source, people in members.items() if people}
    spelled = {each.id: name for name, each in known.people.items()}
    notes += rule_check.never_by_requester(rules, counted, spelled)
    return [*rule_check.out_of_reach(config, rules, counted)]


async def _of_sources(config: Config, probes: Probes, warnings: list[str], *, in_slack: bool) -> list[ConfigProblem]:
    if not config.oncall:
        return []
    found, problems = await _asked(probes.on_call(config, in_slack=in_slack), config.where("oncall"))
    if found is None:
        return problems
    warnings += oncall_check.source_warnings(config, found)
    return [*oncall_check.source_problems(config, found)]


def _unknown(name: str, loaded: Loaded, where: str, warnings: list[str], *, strict: bool) -> list[ConfigProblem]:
    """The interrupts whose answers are not known: problems, or a warning of each."""
    told = list(foreseen.unknown(loaded.interrupts))
    fix = f"Add the entry of answers: that signoff check prints for {name}."
    if strict:
        return [ConfigProblem(where, each, fix) for each in told]
    warnings += (f"{where}: {each}. {fix}" for each in told)
    return []


def show(report: Report, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Print a report, problems and warnings on stderr; gives the exit code."""
    out, err = out or sys.stdout, err or sys.stderr
    err.writelines(masked(f"warning: {' '.join(each.split())}\n") for each in report.warnings)
    err.writelines(masked(f"{problem}\n") for problem in report.problems)
    if not report.problems:
        out.writelines(f"{line}\n" for line in report.lines)
    out.writelines(masked(f"{line}\n") for line in foreseen.table(report.interrupts))
    return 1 if report.problems else 0


def show_json(report: Report, out: TextIO | None = None) -> int:
    """Print a report as one JSON object (see docs/check.md); gives the exit code."""
    problems: list[Json] = [{"where": each.where, "what": each.what, "fix": each.fix} for each in report.problems]
    agents: dict[str, Json] = {name: foreseen.as_json(each) for name, each in report.interrupts.items()}
    made: dict[str, Json] = {
        "version": 1,
        "ok": not report.problems,
        "faults": problems,
        "warnings": [*report.warnings],
        "summary": [*report.lines],
        "agents": agents,
    }
    (out or sys.stdout).write(json.dumps(_masked(made), ensure_ascii=False, indent=2) + "\n")
    return 1 if report.problems else 0


def _masked(value: Json) -> Json:
    """A value without secrets in its texts."""
    match value:
        case str():
            return masked(value)
        case list():
            return [_masked(each) for each in value]
        case dict():
            return {masked(key): _masked(each) for key, each in value.items()}
    return value


async def _noting(warnings: list[str], question: Awaitable[Sequence[str]], where: str) -> list[ConfigProblem]:
    answer, problems = await _asked(question, where)
    warnings += answer or ()
    return problems


async def _in_slack(
    config: Config, probes: Probes, workspace: Workspace, conditions: Compiled, warnings: list[str], notes: list[str]
) -> list[ConfigProblem]:
    problems = []
    if workspace.missing_scopes:
        scopes = ", ".join(workspace.missing_scopes)
        fix = "Add them on your app's OAuth & Permissions page (signoff manifest lists all), and reinstall the app."
        problems.append(ConfigProblem("SLACK_BOT_TOKEN", f"lacks the scopes {scopes}", fix))
    named = {**approver_names(config), **oncall_names(config)}
    asked = probes.names(config.secrets, named, channel_names(config), config.data)
    names, wrong = await _asked(asked, "SLACK_BOT_TOKEN")
    if names is None:
        return [*problems, *wrong]
    people, channels = names
    where = channel_names(config)
    warnings += (f"{where[name]}: {name} {note}." for name, note in channels.notes.items())
    closed = (ConfigProblem(where[name], f"{name} {why}", OPEN_IT) for name, why in channels.closed.items())
    problems += [*closed, *name_problems(config, people, channels.ids, channels.listed)]
    problems += oncall_check.people_problems(config, people)
    groups, of_groups = await known_groups(config.secrets, probes, group_names(config))
    problems += of_groups
    problems += [] if of_groups else await _of_handles(config, probes, conditions)
    if not problems:
        problems += _in_reach(config, conditions, KnownNames(people, channels.ids, channels.listed, groups), notes)
        problems += await _noting(warnings, _out_of_sight(config, probes, people, channels.ids), "SLACK_BOT_TOKEN")
    return problems


async def _of_handles(config: Config, probes: Probes, conditions: Compiled) -> Sequence[ConfigProblem]:
    """What is wrong with the handles of groups that conditions name."""
    naming = [index for index, each in conditions.items() if each.groups]
    if not naming:
        return []
    handles = frozenset().union(*(each.groups for each in conditions.values()))
    asked = probes.groups(config.secrets, handles)
    found, wrong = await _asked(asked, config.where("approvals", naming[0], "when", "if"))
    return wrong if found is None else [*handle_problems(config, conditions, found)]


async def known_groups(
    secrets: Secrets, probes: Probes, where: Mapping[str, str]
) -> tuple[GroupNames, Sequence[ConfigProblem]]:
    """The user groups that rules name, and what is wrong with them, each with the place of its name.

    Only a bot whose rules name groups needs a paid plan and the scope for them; what Slack refuses is told at the first
    of the names.
    """
    if not where:
        return GroupNames(), ()
    found, wrong = await _asked(probes.groups(secrets, where.keys()), next(iter(where.values())))
    return (GroupNames(), wrong) if found is None else (found, [*found.problems(where)])


async def _out_of_sight(
    config: Config, probes: Probes, people: Mapping[str, ListedPerson], channels: Mapping[str, ChannelId]
) -> Sequence[str]:
    """Approvers who are not in the private channel where their cards stand.

    No problem: people come and go, and a bot that does not start helps nobody.
    """
    found = []
    for index, approval in enumerate(config.approvals):
        if approval.notify is Notify.DIRECT:
            continue
        users = dict.fromkeys(name for _, part in approval.people for name in part.users)
        ids = {people[name].id: name for name in users}
        for name in card_channels(config, index) if ids else ():
            absent = await probes.absent(config.secrets, channels[name], ids.keys())
            if absent:
                names = ", ".join(ids[each] for each in sorted(absent))
                found.append(f"{config.where('approvals', index)}: {name} is private. Invite {names}, or add post_to.")
    return found


async def _asked(question: Awaitable[T], where: str) -> tuple[T | None, list[ConfigProblem]]:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await question, []
    except UnfitError as error:
        return None, [ConfigProblem(error.where or where, error.what, error.fix)]
    except ProblemsError as error:
        return None, list(error.problems)
    except TimeoutError:
        return None, [
            ConfigProblem(where, f"gave no answer within {_PATIENCE_SECONDS:g} s", "Is it reachable from here?")
        ]
    except Exception as error:  # noqa: BLE001 - a probe that breaks must not pass, nor hide the other checks
        return None, [
            ConfigProblem(where, f"could not be checked ({type(error).__name__}: {error})", "Run the check again.")
        ]


# Packages of the user's own -------------------------------------------------------------------------------------------


def clashes(folders: Iterable[Path]) -> Iterable[ConfigProblem]:
    """A problem for each module of the user's whose name is one of ours: a graph that imports it would get ours."""
    ours = Path(__file__).resolve().parents[2]
    beside = dict.fromkeys(folder.resolve() for folder in folders)
    elsewhere = dict.fromkeys(Path(place).resolve() for place in sys.path)
    for place in beside | elsewhere:
        if place == ours:
            continue
        for name in OUR_PACKAGES:
            if found := _module(place, name, loose=place in beside):
                what = f"has the name of a module of Signoff's, and a graph that imports {name} gets that one"
                yield ConfigProblem(str(found), what, f"Rename yours, such as my_{name}.")


def _module(place: Path, name: str, *, loose: bool) -> Path | None:
    """A module of this name in a folder; `loose` takes a folder with code in it, too, which has no `__init__.py`."""
    file, folder = place / f"{name}.py", place / name
    if file.is_file():
        return file
    is_package = (folder / "__init__.py").is_file()
    return folder if is_package or (loose and (any(folder.glob("*.py")) or any(folder.glob("*/*.py")))) else None


def _folders(file: Path, config: Config | None) -> set[Path]:
    """Where the graphs' own modules are looked for: beside app.yaml, and beside each graph's file."""
    if config is None:
        return {file.absolute().parent}
    files = [agent.graph.rpartition(":")[0] for agent in config.agents.values() if agent.graph is not None]
    return {config.base, *((config.base / file).parent for file in files if file.endswith(".py"))}


# In short -------------------------------------------------------------------------------------------------------------


def _summary(config: Config, tools: gates.Tools, workspace: Workspace | None, notes: Iterable[str]) -> Iterable[str]:
    count = len(config.agents)
    yield f"{config.file}: OK ({count} agent{'s' * (count > 1)}, {_rules(config)})."
    for name, agent in config.agents.items():
        places = [*agent.channels, *(["direct messages"] if agent.direct_messages else [])]
        yield f"  {name}: {', '.join(places)}"
    for name in agents_relying_on_defaults(config):
        yield _left_to_default(config, name, tools.get(name, ()))
    yield from notes
    if workspace is not None:
        yield f"Slack: {workspace.bot} in {workspace.team}, {config.mode.value} mode."


def _not_looked_up(config: Config, conditions: Compiled) -> Iterable[str]:
    """The people and groups whose names may be misspelt, since Slack was not asked."""
    groups = [*group_names(config), *sorted(frozenset().union(*(each.groups for each in conditions.values())))]
    named = {"people": [*approver_names(config), *oncall_names(config)], "groups": groups}
    bare = {kind: dict.fromkeys(name.removeprefix("@") for name in names) for kind, names in named.items()}
    said = [f"{kind} {', '.join(names)}" for kind, names in bare.items() if names]
    if said:
        yield f"Not looked up: {'; '.join(said)}."


def _left_to_default(config: Config, name: AgentName, tools: Collection[str]) -> str:
    """What of an agent no rule governs, and who can approve that."""
    who = f"{_by_default(config.agents[name])} can approve"
    if not _has_rules(config, name):
        return f"{name} has no rule: {who}."
    if not tools:
        return f"{name} has no rule for some requests: {who}."
    left = [*rule_check.ungoverned(config, name, tools)]
    if left:
        more = f" and {len(left) - _MOST_NAMED} more" if len(left) > _MOST_NAMED else ""
        return f"{name}: no rule for {', '.join(left[:_MOST_NAMED])}{more}: {who}."
    return f"{name}: no rule for requests other than its tool calls: {who} (when: {{agent: {name}}} would match them)."


def _has_rules(config: Config, name: str) -> bool:
    own = [each.when.agent for each in config.approvals if not each.is_question]
    return any(agent is None or fnmatchcase(name, agent) for agent in own)


def _by_default(agent: Agent) -> str:
    member = ["any channel member except the requester"] if agent.channels else []
    person = ["the person in the direct message"] if agent.direct_messages else []
    return " or ".join([*member, *person])


def _rules(config: Config) -> str:
    count = len(config.approvals)
    return f"{count} approval rule{'s' * (count != 1)}"
