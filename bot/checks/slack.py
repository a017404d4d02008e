"""Checks a configuration in Slack: scopes, people, channels, groups."""

from collections.abc import Mapping, Sequence

from bot.checks.oncall import people_problems
from bot.checks.probes import Probes, Workspace, asked
from bot.checks.reach import check_reach
from bot.checks.report import Findings
from bot.config.names import approver_names, card_channels, channel_names, name_problems, oncall_names
from bot.config.problems import ConfigProblem
from bot.config.secrets import Secrets
from bot.config.settings import Config
from bot.rules.group_names import GroupNames
from bot.rules.rulebook import Compiled, KnownNames, group_names, handle_problems
from engine.approvals.approval import Notify
from engine.ids import ChannelId
from engine.ports import ListedPerson

OPEN_IT = (
    "Unarchive it, or write /invite and the bot's name in it. The bot still starts; until then messages for this "
    "channel wait."
)


async def check_names(
    config: Config, probes: Probes, workspace: Workspace, conditions: Compiled, findings: Findings
) -> None:
    """Look up every name of the configuration in Slack."""
    problems: list[ConfigProblem] = []
    if workspace.missing_scopes:
        scopes = ", ".join(workspace.missing_scopes)
        fix = "Add them on your app's OAuth & Permissions page (signoff manifest lists all), and reinstall the app."
        problems.append(ConfigProblem("SLACK_BOT_TOKEN", f"lacks the scopes {scopes}", fix))
    named = {**approver_names(config), **oncall_names(config)}
    question = probes.names(config.secrets, named, channel_names(config), config.data)
    names, wrong = await asked(question, "SLACK_BOT_TOKEN")
    if names is None:
        findings.problems += [*problems, *wrong]
        return
    people, channels = names
    where = channel_names(config)
    findings.warnings += (f"{where[name]}: {name} {note}." for name, note in channels.notes.items())
    closed = (ConfigProblem(where[name], f"{name} {why}", OPEN_IT) for name, why in channels.closed.items())
    problems += [*closed, *name_problems(config, people, channels.ids, channels.listed)]
    problems += people_problems(config, people)
    groups, of_groups = await known_groups(config.secrets, probes, group_names(config))
    problems += of_groups
    problems += [] if of_groups else await _of_handles(config, probes, conditions)
    findings.problems += problems
    if not problems:
        known = KnownNames(people, channels.ids, channels.listed, groups)
        check_reach(config, conditions, known, findings)
        await findings.ask(_out_of_sight(config, probes, people, channels.ids), "SLACK_BOT_TOKEN")


async def known_groups(
    secrets: Secrets, probes: Probes, where: Mapping[str, str]
) -> tuple[GroupNames, Sequence[ConfigProblem]]:
    """The user groups that rules name, and what is wrong with them, each with the place of its name.

    Only a bot whose rules name groups needs a paid plan and the scope for them; a refusal of Slack's is reported at the
    first of the names.
    """
    if not where:
        return GroupNames(), ()
    found, wrong = await asked(probes.groups(secrets, where.keys()), next(iter(where.values())))
    return (GroupNames(), wrong) if found is None else (found, [*found.problems(where)])


async def _of_handles(config: Config, probes: Probes, conditions: Compiled) -> Sequence[ConfigProblem]:
    """Problems with the handles of groups that conditions name."""
    naming = [index for index, each in conditions.items() if each.groups]
    if not naming:
        return []
    handles = frozenset().union(*(each.groups for each in conditions.values()))
    question = probes.groups(config.secrets, handles)
    found, wrong = await asked(question, config.where("approvals", naming[0], "when", "if"))
    return wrong if found is None else [*handle_problems(config, conditions, found)]


async def _out_of_sight(
    config: Config, probes: Probes, people: Mapping[str, ListedPerson], channels: Mapping[str, ChannelId]
) -> Sequence[str]:
    """Approvers who are not in the private channel where their cards are posted.

    These are warnings: people come and go, and the bot should still start.
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
