"""Lists the people and channels that a configuration names, and the problems with those that Slack does not know."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from bot.config.oncall import spelled
from bot.config.problems import ConfigProblem, suggestion
from bot.config.settings import Config
from bot.config.unreachable_rules import governs, is_for
from engine.ids import AgentName, ChannelId
from engine.ports import ListedPerson


def approver_names(config: Config) -> Mapping[str, str]:
    """Every name of a person in the rules, with its first place in the file."""
    found: dict[str, str] = {}
    for index, approval in enumerate(config.approvals):
        for path, people in approval.people:
            for position, name in enumerate(people.users):
                found.setdefault(name, config.where("approvals", index, *path, "users", position))
    return found


def oncall_names(config: Config) -> Mapping[str, str]:
    """Every name that `people:` and the rotations have for a member of Slack, with its first place in the file.

    A rotation's name that is a key of `people:` is left out: its value there is the member.
    """
    found: dict[str, str] = {}
    for name, member in config.people.items():
        found.setdefault(member, config.where("people", name))
    mapped = {*map(spelled, config.people)}
    for source, entry in config.oncall.items():
        for position, name in enumerate(entry.rotation.people if entry.rotation is not None else ()):
            if spelled(name) not in mapped:
                found.setdefault(name, config.where("oncall", source, "rotation", "people", position))
    return found


def channel_names(config: Config) -> Mapping[str, str]:
    """Every channel of the agents and rules, `#name` or a Slack id, with its first place in the file."""
    found: dict[str, str] = {}
    for agent_name, agent in config.agents.items():
        for position, name in enumerate(agent.channels):
            found.setdefault(name, config.where("agents", agent_name, "channels", position))
    for index, approval in enumerate(config.approvals):
        if approval.post_to is not None:
            found.setdefault(approval.post_to, config.where("approvals", index, "post_to"))
    return found


def name_problems(
    config: Config, people: Mapping[str, ListedPerson], channels: Mapping[str, ChannelId], listed: Collection[str] = ()
) -> list[ConfigProblem]:
    """A problem for each approver and channel that Slack does not know, and each approver who may never decide.

    `people` and `channels` are what Slack knows; `listed` are the names of all channels that the bot sees, for
    suggestions.
    """
    problems = []
    for name, where in approver_names(config).items():
        if name not in people:
            fix = suggestion(name, people, "Write a member's name, e-mail address or Slack id.")
            problems.append(ConfigProblem(where, f'nobody in this workspace is called "{name}"', fix))
    problems += _unable(config, people)
    problems += _same_people(config, people)
    for name, where in channel_names(config).items():
        if name not in channels:
            fix = suggestion(name, [*channels, *listed], "Create it and invite the bot, or correct its name.")
            problems.append(ConfigProblem(where, f"the bot sees no channel {name}", fix))
    return problems


def card_channels(config: Config, index: int) -> Sequence[str]:
    """The channels in which the cards of a rule are posted, without direct messages."""
    approval = config.approvals[index]
    if approval.post_to is not None:
        return (approval.post_to,)
    governed = (agent for name, agent in config.agents.items() if governs(config.approvals, index, name))
    return tuple(dict.fromkeys(channel for agent in governed for channel in agent.channels))


def _unable(config: Config, people: Mapping[str, ListedPerson]) -> Iterable[ConfigProblem]:
    """Problems with people who may never decide, each once: no full members, and not let in by `guests` and an id."""
    told: set[str] = set()
    for index, approval in enumerate(config.approvals):
        for path, each in approval.people:
            for position, name in enumerate(each.users):
                known = people.get(name)
                if known is None or not known.unable or name in told or (each.guests and known.is_named_by(name)):
                    continue
                told.add(name)
                fix = "Name a full member."
                if known.outsider:
                    fix += f" Or write users: [{known.id}] and guests: true."
                what = f"{name} is {known.unable}, and only full members of this workspace decide"
                yield ConfigProblem(config.where("approvals", index, *path, "users", position), what, fix)


def _same_people(config: Config, people: Mapping[str, ListedPerson]) -> Iterable[ConfigProblem]:
    """Parts whose quorum cannot be reached, since several of their names are one person's."""
    for index, approval in enumerate(config.approvals):
        for path, part in (each for stage in approval.of_stages for each in stage):
            known = [people[name].id for name in part.users if name in people]
            only_users = not (part.is_open or approval.escalate)
            quorum = approval.quorum_of(part)
            if only_users and len(known) == len(part.users) and len(set(known)) < quorum:
                what = f"a quorum of {quorum} cannot be reached: some of these names are the same person"
                yield ConfigProblem(config.where("approvals", index, *path, "users"), what, "Name each person once.")


def agents_relying_on_defaults(config: Config) -> tuple[AgentName, ...]:
    """The agents with requests that no rule governs, without questions."""
    always = [each for each in config.approvals if each.when.tool is None and each.when.condition is None]
    for_any_request = [each for each in always if not each.is_question]
    return tuple(name for name in config.agents if not any(is_for(each, name) for each in for_any_request))
