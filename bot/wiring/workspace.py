"""The local Slack workspace."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from adapters.localslack import AddressInUseError, JournalError, LocalSlack, RosterError, people_file
from adapters.localslack import roster as local_roster
from bot.config import Agent, Config, approver_names, channel_names, oncall_names
from bot.faults import Fault, FaultsError
from bot.rulebook import group_names


class PortTakenError(FaultsError):
    """Somebody else listens on that port."""


@contextlib.asynccontextmanager
async def local_workspace(
    port: int, data: Path, people: Path | None = None, config: Config | None = None, *, described: bool = False
) -> AsyncIterator[LocalSlack]:
    """A Slack workspace on this machine. With a configuration it has the people and channels that are named there too.

    `described`: its page says of each channel what the configuration has there. Raises PortTakenError, and FaultsError
    for a wrong folder or roster.
    """
    try:
        members = people_file.load(people)
        if config is not None:
            purposes = _purposes(config, members) if described else {}
            named = {**approver_names(config), **oncall_names(config)}
            members = local_roster.widened(members, named, channel_names(config), purposes, group_names(config))
        async with LocalSlack(port=port, data=data, people=members) as slack:
            yield slack
    except AddressInUseError as error:
        raise PortTakenError([Fault("--port", str(error), "")]) from None
    except JournalError as error:
        raise FaultsError([Fault(str(data), str(error), "")]) from None
    except RosterError as error:
        raise FaultsError(Fault(each.where, each.what, each.fix) for each in error.wrong) from None


def _purposes(config: Config, members: local_roster.Roster) -> dict[str, str]:
    """What each channel is for, by name, and under `dm` the direct messages with the bot."""
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
