"""Finds rules that do not fit the graphs' tools: for `signoff check`, start and reload.

A condition is checked against the schema of each tool that the rule is for. If it fits none of them, the rule can never
apply, which is a problem. If it fits some, calls of the others ask a person, which may be intended.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from bot.checks.gates import Tools
from bot.config.problems import ConfigProblem, suggestion
from bot.config.settings import Config
from bot.config.unreachable_rules import is_for
from bot.rules.rulebook import Compiled, at_place
from engine.asks.ask import Json
from engine.ids import AgentName, ChannelId, UserId
from engine.rules.conditions import Circumstances, Condition, Mistake, Verdict
from engine.rules.tool_names import match
from engine.sources import Source

Schemas: TypeAlias = Mapping[AgentName, Mapping[str, Mapping[str, Json] | None]]
"""The tools of each agent that could be loaded, with their JSON Schemas; None for one that has none."""
People: TypeAlias = Mapping[Source, frozenset[UserId]]
"""The people of sources, as far as they are known."""

_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Misfits:
    """Rules that do not suit the tools: `problems` stop a start, `warnings` do not."""

    problems: tuple[ConfigProblem, ...] = ()
    warnings: tuple[str, ...] = ()


def misfits(config: Config, conditions: Compiled, schemas: Schemas) -> Misfits:
    """Compare rules and conditions with the tools that they are for."""
    problems: list[ConfigProblem] = []
    warnings: list[str] = []
    for index in range(len(config.approvals)):
        tools = _tools_for(config, index, schemas)
        problems += _unknown_fields(config, index, tools)
        if (condition := conditions.get(index)) is None:
            continue
        where = config.where("approvals", index, "when", "if")
        problems += _constant(where, condition)
        wrong = {tool: found for tool, schema in tools.items() if (found := condition.mistakes(tool, schema))}
        if wrong and len(wrong) == len(tools):
            problems += [at_place(where, each) for each in next(iter(wrong.values()))]
        elif wrong:
            warnings.append(f"{where}: {_suits_some(wrong)}")
    return Misfits(tuple(problems), tuple(warnings))


def without_tool(config: Config, tools: Tools) -> Iterator[str]:
    """Rules for tools that no agent of theirs has: a misspelt one leaves the tool to the default rule.

    These are warnings: a node of an agent's own may ask about a tool that no tool node has. An agent that shows no
    tools, or runs on a LangGraph Server, may have any.
    """
    for index, rule in enumerate(config.approvals):
        pattern = rule.when.tool
        agents = [name for name in config.agents if is_for(rule, name)]
        if pattern is None or not all(tools.get(name) for name in agents):
            continue
        known = sorted({tool for name in agents for tool in tools[name]})
        if all(match(pattern, tool) is Verdict.FAILS for tool in known):
            where = config.where("approvals", index, "when", "tool")
            has = f"{agents[0]} has no tool" if len(agents) == 1 else "no agent of this rule has a tool"
            yield f'{where}: {has} that "{pattern}" matches, so this rule may never apply. {suggestion(pattern, known)}'


def ungoverned(config: Config, agent: AgentName, tools: Collection[str]) -> Iterator[str]:
    """The tools of an agent that no rule is for, and those that are left where no condition holds."""
    rules = [each for each in config.approvals if not each.is_question and is_for(each, agent)]
    for tool in sorted(tools):
        matching = [each for each in rules if match(each.when.tool, tool) is not Verdict.FAILS]
        if not matching:
            yield tool
        elif all(each.when.condition is not None for each in matching):
            yield f"{tool} (where no condition holds)"


def _tools_for(config: Config, index: int, schemas: Schemas) -> dict[str, Mapping[str, Json]]:
    """The tools that a rule is for, as far as their arguments are known."""
    rule = config.approvals[index]
    if rule.is_question:
        return {}
    return {
        tool: schema
        for agent, tools in schemas.items()
        if is_for(rule, agent)
        for tool, schema in sorted(tools.items())
        if schema is not None and match(rule.when.tool, tool) is not Verdict.FAILS
    }


def _constant(where: str, condition: Condition) -> Iterator[ConfigProblem]:
    """A condition that asks for nothing and is false."""
    nobody = Circumstances(AgentName(""), ChannelId(""), UserId(""), datetime.now(UTC))
    if not condition.names and condition.judge({}, None, nobody).verdict is Verdict.FAILS:
        yield ConfigProblem(
            where, "this is always false, so the rule can never apply", "Use args, requester or now in it."
        )


def _suits_some(wrong: Mapping[str, Sequence[Mistake]]) -> str:
    named = ", ".join([*wrong][:_MOST_NAMED])
    more = f" and {len(wrong) - _MOST_NAMED} more" if len(wrong) > _MOST_NAMED else ""
    first = next(iter(wrong.values()))[0]
    return f"cannot be judged for {named}{more} ({first.what}), so a person is asked for each such call."


def _unknown_fields(config: Config, index: int, tools: Mapping[str, Mapping[str, Json]]) -> Iterator[ConfigProblem]:
    """Fields of `grants:` that no tool has: a grant would never be used."""
    grants = config.approvals[index].grants
    declared = [each.get("properties") for each in tools.values()]
    known = {name for each in declared if isinstance(each, dict) for name in each}
    closed = all(each.get("additionalProperties", False) is False for each in tools.values())
    for place, name in enumerate((grants and grants.fields) or ()):
        if tools and closed and name not in known:
            where = config.where("approvals", index, "grants", "fields", place)
            yield ConfigProblem(where, f'no tool of this rule has an argument "{name}"', _known_are(known))


def _known_are(names: set[str]) -> str:
    return f"Known are: {', '.join(sorted(names))}." if names else "Remove it."
