"""`signoff check`: all problems that can be found before the bot starts, one line each, and a table of interrupts.

Slack, Redis, graphs and on-call services are asked through `Probes`. A check that fails to run is a problem, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.checks import gates, oncall, reach
from bot.checks.interrupts import unknown
from bot.checks.modules import clashes
from bot.checks.probes import LoadedGraph, Probes, asked
from bot.checks.projects import project_warnings
from bot.checks.report import Findings, Report
from bot.checks.rules import misfits, without_tool
from bot.checks.slack import check_names
from bot.checks.summary import not_looked_up, summary
from bot.config.entries import Agent
from bot.config.load import examined
from bot.config.problems import ConfigProblem
from bot.config.secrets import OF_SLACK
from bot.config.settings import Config
from bot.rules.rulebook import Compiled, tried, unasked
from engine.asks.ask import Json
from engine.asks.foreseen import Foreseen
from engine.ids import AgentName

NOT_ASKED = (
    "Slack was not asked, since its tokens are missing or wrong: people, channels and scopes were not looked up."
)
OFFLINE = "Slack and the on-call sources were not asked (--offline): people, channels and scopes were not looked up."

UNGUARDED = (
    "the graph runs on a LangGraph Server, so Signoff can't detect that it does something else than people approved: "
    "see docs/pitfalls.md."
)


@dataclass(slots=True)
class _Graphs:
    """Interrupts of each agent (None for one on a server), its tools, and the schemas of these."""

    interrupts: dict[str, Sequence[Foreseen] | None] = field(default_factory=dict)
    tools: dict[AgentName, frozenset[str]] = field(default_factory=dict)
    schemas: dict[AgentName, Mapping[str, Mapping[str, Json] | None]] = field(default_factory=dict)


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
    findings = Findings([*wrong])
    if config is None:
        return Report(tuple(findings.problems))
    findings.warnings += project_warnings(config)
    conditions, not_compiled = tried(config, probes.conditions)
    findings.problems += not_compiled
    clashing = [*clashes(config)]
    findings.problems += clashing
    graphs = _Graphs() if clashing else await _check_graphs(config, probes, findings, strict=strict)
    if config.project is not None and config.project.store and not clashing:
        await findings.ask(probes.store(config), f"{config.project.file}: store")
    _check_gates(config, graphs.tools, findings, strict=strict)
    _check_rules(config, conditions, graphs, findings)
    await _check_addresses(config, probes, findings)
    if offline:
        return _offline(config, probes, conditions, graphs, findings)
    await _check_sources(config, probes, findings, in_slack=not wrong)
    if wrong:
        return Report(tuple(findings.problems), (), (*findings.warnings, NOT_ASKED), graphs.interrupts)
    return await _online(config, probes, conditions, graphs, findings)


def _offline(config: Config, probes: Probes, conditions: Compiled, graphs: _Graphs, findings: Findings) -> Report:
    findings.problems += oncall.extra_problems(config, probes.calendars_lack)
    if not findings.problems:
        reach.check_reach(config, conditions, unasked(config), findings)
    lines = (
        *summary(config, graphs.tools, None, findings.notes),
        *gates.notes(config, graphs.tools),
        *not_looked_up(config, conditions),
    )
    return Report(tuple(findings.problems), lines, (*findings.warnings, OFFLINE), graphs.interrupts)


async def _online(config: Config, probes: Probes, conditions: Compiled, graphs: _Graphs, findings: Findings) -> Report:
    workspace, wrong = await asked(probes.slack(config.secrets, config.mode), "SLACK_BOT_TOKEN")
    findings.problems += wrong
    if workspace is not None:
        await check_names(config, probes, workspace, conditions, findings)
    lines = (*summary(config, graphs.tools, workspace, findings.notes), *gates.notes(config, graphs.tools))
    return Report(tuple(findings.problems), lines, tuple(findings.warnings), graphs.interrupts)


async def _check_graphs(config: Config, probes: Probes, findings: Findings, *, strict: bool) -> _Graphs:
    graphs = _Graphs()
    for name, agent in config.agents.items():
        if agent.server is not None:
            await _check_server(config, name, agent, probes, findings)
            graphs.interrupts[name] = None
            continue
        where = config.where("agents", name, "graph")
        loaded, wrong = await asked(probes.graph(config, name), where, patience=None)  # as long as run would wait
        findings.problems += wrong
        if loaded is not None:
            findings.warnings += loaded.warnings
            graphs.interrupts[name] = loaded.interrupts
            graphs.tools[name], graphs.schemas[name] = loaded.tools, loaded.schemas
            _check_answers(name, loaded, where, findings, strict=strict)
    return graphs


async def _check_server(config: Config, name: AgentName, agent: Agent, probes: Probes, findings: Findings) -> None:
    where = config.where("agents", name, "server")
    findings.warnings.append(f"{where}: {UNGUARDED}")
    await findings.ask(probes.server(agent), where)


def _check_answers(name: str, loaded: LoadedGraph, where: str, findings: Findings, *, strict: bool) -> None:
    """Find the interrupts whose answers are not known: problems, or a warning of each."""
    told = list(unknown(loaded.interrupts))
    fix = f"Add the entry of answers: that signoff check prints for {name}."
    if strict:
        findings.problems += [ConfigProblem(where, each, fix) for each in told]
    else:
        findings.warnings += (f"{where}: {each}. {fix}" for each in told)


def _check_gates(config: Config, tools: gates.Tools, findings: Findings, *, strict: bool) -> None:
    """Find the patterns of `gate_tools` that no tool matches: problems, or a warning of each."""
    findings.warnings += gates.unreached(config)
    found = list(gates.idle(config, tools))
    if strict:
        findings.problems += found
    else:
        findings.warnings += map(str, found)


def _check_rules(config: Config, conditions: Compiled, graphs: _Graphs, findings: Findings) -> None:
    """Compare the rules with the tools, and with the sources that they name."""
    found = misfits(config, conditions, graphs.schemas)
    findings.warnings += [*found.warnings, *reach.one_at_a_time(config), *reach.idle_steps(config)]
    findings.problems += found.problems
    findings.warnings += without_tool(config, graphs.tools)


async def _check_addresses(config: Config, probes: Probes, findings: Findings) -> None:
    found, problems = await asked(probes.redis(config.secrets.redis_url, config.data), "REDIS_URL")
    findings.problems += problems
    if found is not None:
        findings.warnings += found.warnings
        findings.notes += [f"Redis: {found.cluster}"] if found.cluster else []
    for key, at in config.listeners.items():
        await findings.ask(probes.address(at), config.where(key))


async def _check_sources(config: Config, probes: Probes, findings: Findings, *, in_slack: bool) -> None:
    if not config.oncall:
        return
    found, problems = await asked(probes.on_call(config, in_slack=in_slack), config.where("oncall"))
    findings.problems += problems
    if found is not None:
        findings.warnings += oncall.source_warnings(config, found)
        findings.problems += oncall.source_problems(config, found)
