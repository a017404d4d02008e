"""Makes the engine's rules from those of `app.yaml`, once Slack has resolved their names.

The configuration keeps names: only Slack knows people, groups and channels. A name that it does not know is a problem,
and so is a person who may never decide, and a quorum that the named people cannot reach.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from bot.config.approvals import ApprovalEntry, PartEntry, PeopleEntry
from bot.config.names import approver_names, channel_names, name_problems
from bot.config.problems import ConfigError, ConfigProblem, suggestion
from bot.config.settings import Config
from bot.rules.group_names import GroupNames
from engine.authority.matching import fillable
from engine.authority.parts import Part, Stage
from engine.authority.policy import CHANNEL, REQUESTER, Deadlines, GrantTerms, Policy, Rung, person
from engine.ids import ChannelId, UserId
from engine.ports import ListedGroup, ListedPerson
from engine.rules.conditions import Condition, Conditions, Mistake
from engine.rules.routing import Rule, Rulebook
from engine.sources import Origin, Source

Compiled: TypeAlias = Mapping[int, Condition]
"""The conditions of rules, by their places in `approvals:`."""


@dataclass(frozen=True, slots=True)
class KnownNames:
    """Slack's answers about the names of a configuration, as it spells them. `listed` are all channels that it has."""

    people: Mapping[str, ListedPerson]
    channels: Mapping[str, ChannelId]
    listed: tuple[str, ...] = ()
    groups: GroupNames = field(default_factory=GroupNames)


def compiled(config: Config, conditions: Conditions) -> Compiled:
    """The conditions of all rules. Raises ConfigError with the line and column of each mistake."""
    found, wrong = tried(config, conditions)
    if wrong:
        raise ConfigError(wrong)
    return found


def tried(config: Config, conditions: Conditions) -> tuple[Compiled, Sequence[ConfigProblem]]:
    """The conditions that compile, and the problems of the others."""
    found: dict[int, Condition] = {}
    problems: list[ConfigProblem] = []
    for index, approval in enumerate(config.approvals):
        if approval.when.condition is None:
            continue
        made = conditions.compiled(approval.when.condition, approval.zone or "UTC")
        if isinstance(made, Sequence):
            where = config.where("approvals", index, "when", "if")
            problems += [at_place(where, each) for each in made]
        else:
            found[index] = made
    return found, problems


def at_place(where: str, mistake: Mistake) -> ConfigProblem:
    """The problem with a condition; its lines are counted from its own first one."""
    return ConfigProblem(where, f"line {mistake.line}, column {mistake.column}: {mistake.what}", mistake.fix)


def group_names(config: Config) -> Mapping[str, str]:
    """Every user group of the rules, with its first place in app.yaml."""
    found: dict[str, str] = {}
    for index, approval in enumerate(config.approvals):
        for path, people in approval.people:
            for position, name in enumerate(people.groups):
                found.setdefault(name, config.where("approvals", index, *path, "groups", position))
    return found


def unasked(config: Config) -> KnownNames:
    """The names where Slack is not asked: each is its own id."""
    people = {name: ListedPerson(UserId(name)) for name in approver_names(config)}
    groups = {name: ListedGroup(name, name, frozenset()) for name in group_names(config)}
    channels = {name: ChannelId(name) for name in channel_names(config)}
    return KnownNames(people, channels, tuple(channels), GroupNames(groups, {name: name for name in groups}))


def problems(config: Config, known: KnownNames) -> Iterable[ConfigProblem]:
    """Problems that Slack's answers show."""
    yield from name_problems(config, known.people, known.channels, known.listed)
    yield from known.groups.problems(group_names(config))


def handle_problems(config: Config, conditions: Compiled, groups: GroupNames) -> Iterator[ConfigProblem]:
    """Handles in conditions that no group has, or a disabled one: nobody would ever be found in it."""
    for index, condition in conditions.items():
        for handle in sorted(condition.groups - groups.ids.keys()):
            where = config.where("approvals", index, "when", "if")
            what = f'this workspace has no enabled user group "{handle}", so nobody is ever in it'
            yield ConfigProblem(
                where, what, suggestion(handle, groups.handles, "Create it in Slack, or correct its handle.")
            )


def rulebook(config: Config, known: KnownNames, conditions: Compiled) -> Rulebook:
    """The engine's rules.

    Raises ConfigError for names that Slack does not know or that may never decide, and for quorums out of reach.
    """
    if wrong := [*problems(config, known), *handle_problems(config, conditions, known.groups)]:
        raise ConfigError(wrong)
    return by_names(config, known, conditions)


def by_names(config: Config, known: KnownNames, conditions: Compiled) -> Rulebook:
    """The engine's rules, where all names are known. Raises ConfigError for quorums that nobody could reach."""
    made = [_rule(config, index, known, conditions.get(index)) for index in range(len(config.approvals))]
    if wrong := [*_unreachable(config, made)]:
        raise ConfigError(wrong)
    return Rulebook(tuple(made), Deadlines(config.defaults.remind_after, config.defaults.expires_after))


def _unreachable(config: Config, rules: Sequence[Rule]) -> Iterator[ConfigProblem]:
    """Rules whose parts cannot be filled by different people: several names may be one person's."""
    for index, rule in enumerate(rules):
        if rule.policy is not None and not fillable(rule.policy.stages) and not rule.policy.ladder:
            what = f"{rule.policy.quorum} approvals are needed, and those who are named cannot give them"
            fix = "Name more people, or ask for fewer: a person counts once, for one part."
            yield ConfigProblem(config.where("approvals", index), what, fix)


def _rule(config: Config, index: int, known: KnownNames, condition: Condition | None) -> Rule:
    approval, name = config.approvals[index], f"approvals[{index}]"
    return Rule(
        name=name,
        policy=None if approval.decide is not None else _policy(approval, name, known),
        deadlines=_deadlines(approval),
        agent=approval.when.agent,
        tool=approval.when.tool,
        condition=condition,
        question=approval.is_question,
        decide=approval.decide,
        quiet=approval.quiet,
        post_to=None if approval.post_to is None else known.channels[approval.post_to],
        notify=approval.notify,
        broadcast=approval.broadcast,
    )


def _deadlines(approval: ApprovalEntry) -> Deadlines:
    return Deadlines(
        reminders=approval.remind_after,
        expires_after=approval.expires_after,
        on_expiry=approval.on_expiry,
        hours=None if approval.hours is None else approval.hours.hours,
        always=approval.hours is not None and approval.hours.always,
    )


def _policy(approval: ApprovalEntry, name: str, known: KnownNames) -> Policy:
    grants = approval.grants
    ladder = (Rung(each.after, _sources(each.to, known), _outsiders(each.to, known)) for each in approval.escalate)
    return Policy(
        name,
        _stages(approval, known) or ((Part((REQUESTER,)),),),
        own_requests=approval.own_requests,
        reject_quorum=approval.reject_quorum,
        ladder=tuple(ladder),
        grants=None if grants is None else GrantTerms(grants.lasts, grants.fields or ()),
    )


def _stages(approval: ApprovalEntry, known: KnownNames) -> tuple[Stage, ...]:
    return tuple(tuple(_part(approval, part, known) for _, part in stage) for stage in approval.of_stages)


def _part(approval: ApprovalEntry, part: PartEntry, known: KnownNames) -> Part:
    return Part(_sources(part, known), approval.quorum_of(part), _outsiders(part, known))


def _outsiders(people: PeopleEntry, known: KnownNames) -> frozenset[UserId]:
    return frozenset(known.people[each].id for each in people.users) if people.guests else frozenset()


def _sources(people: PeopleEntry, known: KnownNames) -> tuple[Source, ...]:
    users = sorted({known.people[each].id for each in people.users})
    groups = (known.groups.found[each] for each in people.groups)
    found = (
        *map(person, users),
        *(Source(Origin.GROUP, each.id, each.handle) for each in groups),
        *(Source(Origin.ON_CALL, each) for each in people.oncall),
        *((CHANNEL,) if people.channel else ()),
    )
    return tuple(dict.fromkeys(found))
