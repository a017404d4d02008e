"""Sums up a valid configuration."""

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

from bot.checks import gates
from bot.checks.probes import Workspace
from bot.checks.rules import ungoverned
from bot.config.entries import Agent
from bot.config.names import agents_relying_on_defaults, approver_names, oncall_names
from bot.config.settings import Config
from bot.rules.rulebook import Compiled, group_names
from engine.ids import AgentName

_MOST_NAMED = 8


def summary(config: Config, tools: gates.Tools, workspace: Workspace | None, notes: Iterable[str]) -> Iterable[str]:
    """Agents with their places, requests without a rule, and the workspace where Slack was asked."""
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


def not_looked_up(config: Config, conditions: Compiled) -> Iterable[str]:
    """The people and groups whose names may be misspelt, since Slack was not asked."""
    groups = [*group_names(config), *sorted(frozenset().union(*(each.groups for each in conditions.values())))]
    named = {"people": [*approver_names(config), *oncall_names(config)], "groups": groups}
    bare = {kind: dict.fromkeys(name.removeprefix("@") for name in names) for kind, names in named.items()}
    said = [f"{kind} {', '.join(names)}" for kind, names in bare.items() if names]
    if said:
        yield f"Not looked up: {'; '.join(said)}."


def _left_to_default(config: Config, name: AgentName, tools: Collection[str]) -> str:
    """A line on the requests of an agent that no rule governs, and who can approve those."""
    who = f"{_by_default(config.agents[name])} can approve"
    if not _has_rules(config, name):
        return f"{name} has no rule: {who}."
    if not tools:
        return f"{name} has no rule for some requests: {who}."
    left = [*ungoverned(config, name, tools)]
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
