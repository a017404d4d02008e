"""Starts the local Slack workspace."""

import contextlib
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from adapters.localslack import AddressInUseError, JournalError, LocalSlack, RosterError
from adapters.localslack.state import people_file
from adapters.localslack.state import roster as local_roster
from bot.config.entries import Agent
from bot.config.names import approver_names, channel_names, oncall_names
from bot.config.problems import ConfigProblem, ProblemsError, nearest
from bot.config.settings import Config
from bot.masking import masked
from bot.rules.rulebook import group_names


class PortTakenError(ProblemsError):
    """Somebody else listens on that port."""


@contextlib.asynccontextmanager
async def local_workspace(
    port: int, data: Path, people: Path | None = None, config: Config | None = None, *, described: bool = False
) -> AsyncIterator[LocalSlack]:
    """Start a Slack workspace on this machine. It also has the people and channels that a configuration names.

    `described`: its page says of each channel what the configuration has there. Raises PortTakenError, and
    ProblemsError for a wrong folder or roster.
    """
    try:
        known = members = people_file.load(people)
        if config is not None:
            purposes = _purposes(config, members) if described else {}
            named = {**approver_names(config), **oncall_names(config)}
            members = local_roster.widened(members, named, channel_names(config), purposes, group_names(config))
        async with LocalSlack(port=port, data=data, people=members) as slack:
            if config is not None and (added := "".join(_added(config, known, members))):
                sys.stderr.write(masked(f"signoff demo: {added}\n"))
            yield slack
    except AddressInUseError as error:
        raise PortTakenError([ConfigProblem("--port", str(error), "")]) from None
    except JournalError as error:
        raise ProblemsError([ConfigProblem(str(data), str(error), "")]) from None
    except RosterError as error:
        raise ProblemsError(ConfigProblem(each.where, each.what, each.fix) for each in error.wrong) from None


def _added(config: Config, known: local_roster.PeopleFile, members: local_roster.PeopleFile) -> Iterator[str]:
    """A line on people and groups that the workspace has only because rules name them, misspelt ones too."""
    people = [each.id or each.email or each.name for each in members.people[len(known.people) :]]
    groups = [each.id or each.handle for each in members.groups[len(known.groups) :]]
    said = []
    if groups:
        said.append(f"group{'s' * (len(groups) > 1)} {', '.join(f'@{each}' for each in groups)} (all full members)")
    if people:
        said.append(f"{'people' if len(people) > 1 else 'person'} {', '.join(people)}")
    if not said:
        return
    yield f"added for {config.file.name}, since the workspace has none of the name: {', '.join(said)}."
    spelled = [name for each in known.people for name in (each.name, each.email) if name]
    meant = [f"@{near}" for each in groups if (near := nearest(each, [group.handle for group in known.groups]))]
    meant += [near for each in people if (near := nearest(each, spelled))]
    if meant:
        yield f" Did you mean {', '.join(dict.fromkeys(meant))}?"


def _purposes(config: Config, members: local_roster.PeopleFile) -> dict[str, str]:
    """The purpose of each channel, by name, and under `dm` that of direct messages with the bot."""
    posted = {rule.post_to.removeprefix("#") for rule in config.approvals if rule.post_to is not None}
    purposes = dict.fromkeys((each.name for each in members.channels), "No agent is set up for this channel.")
    purposes |= dict.fromkeys(posted, "Approvals that are posted apart from their conversation arrive here.")
    for name in channel_names(config):
        here = [_agent(each, agent) for each, agent in config.agents.items() if name in agent.channels]
        if here:
            listens = "listens here" if len(here) == 1 else "listen here"
            purposes[name.removeprefix("#")] = f"{' and '.join(here)} {listens}. Mention the bot to start."
    direct = next((_agent(name, agent) for name, agent in config.agents.items() if agent.direct_messages), None)
    return purposes | {"dm": f"{direct} listens here." if direct else "No agent takes direct messages."}


def _agent(name: str, agent: Agent) -> str:
    return f"{name} ({agent.description})" if agent.description else name
