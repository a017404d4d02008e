"""What is wrong with rules that only the graphs' tools and Slack's people show: `signoff check`, start and reload.

A condition is held against the schema of each tool that the rule is for. Where it suits none of them, the rule never
does what it says, which is a problem. Where it suits some, calls of the others ask a person, which may be meant.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from bot.checks.gates import Tools
from bot.config.approvals import People as Entry
from bot.config.order import is_for
from bot.config.problems import ConfigProblem, suggestion
from bot.config.settings import Config
from bot.rules.rulebook import Compiled, at_place
from engine.asks.ask import Json
from engine.authority.eligibility import unreachable
from engine.authority.matching import fillable
from engine.authority.policy import Policy, escalated
from engine.ids import AgentName, ChannelId, UserId
from engine.rules.conditions import Circumstances, Condition, Mistake, Verdict
from engine.rules.routing import Rule
from engine.rules.tool_names import match
from engine.sources import Origin, Source

Schemas: TypeAlias = Mapping[AgentName, Mapping[str, Mapping[str, Json] | None]]
"""The tools of each agent that could be loaded, with their JSON Schemas; None for one that has none."""
People: TypeAlias = Mapping[Source, frozenset[UserId]]
"""The people of sources, as far as they are known."""

_MOST_NAMED = 3


# Tools ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Misfits:
    """What of the rules does not suit the tools: `problems` stop a start, `warnings` do not."""

    problems: tuple[ConfigProblem, ...] = ()
    warnings: tuple[str, ...] = ()


def misfits(config: Config, conditions: Compiled, schemas: Schemas) -> Misfits:
    """All that does not suit the tools that the rules are for."""
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

    No problem: a node of an agent's own may ask about a tool that no tool node holds. An agent that shows no tools, or
    runs on a LangGraph Server, may have any.
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


# People ---------------------------------------------------------------------------------------------------------------


def out_of_reach(config: Config, rules: Sequence[Rule], people: People) -> Iterator[ConfigProblem]:
    """Quorums that the people of today cannot reach, with all steps of the ladder taken."""
    for index, rule in enumerate(rules):
        if rule.policy is None:
            continue
        policy = escalated(rule.policy, len(rule.policy.ladder))
        where = config.where("approvals", index)
        if not fillable(policy.stages, members=people):
            what = f"{_approvals(policy.quorum)} needed, and {_counted(policy, people)} cannot give them"
            yield ConfigProblem(where, what, "Name more people, or ask for fewer: a person counts once, for one part.")
        elif (known := _all_people(policy, people)) is not None and policy.reject_quorum > len(known):
            what = f"{policy.reject_quorum} rejections cannot come from {_counted(policy, people)}"
            yield ConfigProblem(where, what, "Ask for fewer.")


def never_by_requester(rules: Sequence[Rule], people: People, spelled: Mapping[UserId, str]) -> Iterator[str]:
    """Rules that are right, but leave too few people where one of the approvers is who asks; `spelled` are names."""
    for index, rule in enumerate(rules):
        if rule.policy is None or rule.policy.ladder or rule.policy.own_requests:
            continue
        known = _all_people(rule.policy, people)
        wanted = _needed(rule.policy, known or frozenset(), people)
        if wanted and known is not None:
            who = (
                "an approver"
                if len(wanted) == len(known)
                else " or ".join(sorted(spelled.get(each, each) for each in wanted))
            )
            yield f"approvals[{index}]: if {who} makes the request, it can't reach its quorum."


def one_at_a_time(config: Config) -> Iterator[str]:
    """Parts that ask for more people than are there at one time: of each rotation one person is on call."""
    for index, approval in enumerate(config.approvals):
        steps = [step.to for step in approval.escalate]
        for path, part in (each for stage in approval.of_stages for each in stage):
            wanted, most = approval.quorum_of(part), _most_at_a_time(config, [part, *steps])
            if most is None or most >= wanted or not part.oncall:
                continue
            named = list(dict.fromkeys(name for each in (part, *steps) for name in (*each.users, *each.oncall)))
            who = (
                f"{named[0]} has one person on call"
                if len(named) == 1
                else f"{', '.join(named[:-1])} and {named[-1]} are at most {most} {'people' if most > 1 else 'person'}"
            )
            yield (
                f"{config.where('approvals', index, *path)}: {_approvals(wanted)} needed, and {who} at a time. "
                "Lower quorum, or add users or groups."
            )


def _most_at_a_time(config: Config, entries: Sequence[Entry]) -> int | None:
    """How many people these are at most at one time; None where that is not known."""
    users = {name for each in entries for name in each.users}
    sources = {name: config.oncall.get(name) for each in entries for name in each.oncall}
    if any(each.groups or each.channel for each in entries):
        return None
    rotations = [each.rotation for each in sources.values() if each is not None and each.rotation is not None]
    if len(rotations) < len(sources):
        return None  # a schedule may have several people on call
    return len(users) + sum(not users.issuperset(each.people) for each in rotations)


def _needed(policy: Policy, known: frozenset[UserId], people: People) -> frozenset[UserId]:
    """Those without whom the quorum cannot be reached. Who is in the same parts counts the same: a group has many."""
    alike: dict[tuple[bool, ...], set[UserId]] = {}
    for user in known:
        parts = (part.named.union(*(people.get(each, ()) for each in part.sources)) for part in policy.parts)
        alike.setdefault(tuple(user in each for each in parts), set()).add(user)
    return frozenset().union(*(each for each in alike.values() if unreachable(policy, next(iter(each)), people)))


def idle_steps(config: Config) -> Iterator[str]:
    """Steps of a ladder that add nobody: all of their people may decide in each part already."""
    for index, approval in enumerate(config.approvals):
        parts = [part for stage in approval.of_stages for _, part in stage]
        known = [frozenset(_named(each)) for each in parts]
        for place, step in enumerate(approval.escalate):
            added = frozenset(_named(step.to))
            if all(added <= each for each in known):
                yield f"{config.where('approvals', index, 'escalate', place)}: everybody here may decide already."
            known = [each | added for each in known]


def _named(people: Entry) -> Iterator[tuple[str, str]]:
    yield from (("users", each) for each in people.users)
    yield from (("groups", each) for each in people.groups)
    yield from (("oncall", each) for each in people.oncall)
    yield from [("channel", "")] * people.channel


def _all_people(policy: Policy, people: People) -> frozenset[UserId] | None:
    """Everybody whom a policy names; None where some of its sources cannot be counted."""
    found: set[UserId] = set()
    for source in policy.sources:
        if source.origin is Origin.USER:
            found.add(UserId(source.name))
        elif source in people:
            found |= people[source]
        else:
            return None
    return frozenset(found)


def _counted(policy: Policy, people: People) -> str:
    groups = ", ".join(f"@{each.label} has {len(people[each])}" for each in policy.sources if each in people)
    return f"those who are named ({groups})" if groups else "those who are named"


def _approvals(count: int) -> str:
    return "1 approval is" if count == 1 else f"{count} approvals are"
