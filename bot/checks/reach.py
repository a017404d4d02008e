"""Quorums that the people whom Slack and the rotations know cannot reach, and steps that add nobody."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from bot.checks.report import Findings
from bot.config.approvals import PeopleEntry
from bot.config.problems import ConfigError, ConfigProblem
from bot.config.settings import Config
from bot.rules.rulebook import Compiled, KnownNames, by_names
from engine.authority.eligibility import unreachable
from engine.authority.matching import fillable
from engine.authority.policy import Policy, escalated
from engine.ids import UserId
from engine.rules.routing import Rule
from engine.sources import Origin, Source

People: TypeAlias = Mapping[Source, frozenset[UserId]]
"""The people of sources, as far as they are known."""


def check_reach(config: Config, conditions: Compiled, known: KnownNames, findings: Findings) -> None:
    """Find quorums that nobody can reach, and note the requests that are left without enough people."""
    try:
        rules = by_names(config, known, conditions).rules
    except ConfigError as error:
        findings.problems += error.problems
        return
    members = {Source(Origin.GROUP, each.id, each.handle): each.people for each in known.groups.found.values()}
    counted = {source: people for source, people in members.items() if people}
    spelled = {each.id: name for name, each in known.people.items()}
    findings.notes += never_by_requester(rules, counted, spelled)
    findings.problems += out_of_reach(config, rules, counted)


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


def _most_at_a_time(config: Config, entries: Sequence[PeopleEntry]) -> int | None:
    """The most people that these can be at one time; None where that is not known."""
    users = {name for each in entries for name in each.users}
    sources = {name: config.oncall.get(name) for each in entries for name in each.oncall}
    if any(each.groups or each.channel for each in entries):
        return None
    rotations = [each.rotation for each in sources.values() if each is not None and each.rotation is not None]
    if len(rotations) < len(sources):
        return None  # a schedule may have several people on call
    return len(users) + sum(not users.issuperset(each.people) for each in rotations)


def _needed(policy: Policy, known: frozenset[UserId], people: People) -> frozenset[UserId]:
    """The people without whom the quorum cannot be reached. Members of the same parts count the same."""
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


def _named(people: PeopleEntry) -> Iterator[tuple[str, str]]:
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
