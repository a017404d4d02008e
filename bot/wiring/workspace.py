"""The local Slack workspace."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from adapters.localslack import AddressInUseError, JournalError, LocalSlack, RosterError
from adapters.localslack import roster as local_roster
from bot.config import Config, approver_names, channel_names
from bot.faults import Fault, FaultsError


class PortTakenError(FaultsError):
    """Somebody else listens on that port."""


@contextlib.asynccontextmanager
async def local_workspace(
    port: int, data: Path, people: Path | None = None, config: Config | None = None
) -> AsyncIterator[LocalSlack]:
    """A Slack workspace on this machine. With a configuration it has the people and channels that are named there too.

    Raises PortTakenError, and FaultsError for a wrong folder or roster.
    """
    try:
        members = local_roster.load(people)
        if config is not None:
            members = local_roster.widened(members, approver_names(config), channel_names(config))
        async with LocalSlack(port=port, data=data, people=members) as slack:
            yield slack
    except AddressInUseError as error:
        raise PortTakenError([Fault("--port", str(error), "")]) from None
    except JournalError as error:
        raise FaultsError([Fault(str(data), str(error), "")]) from None
    except RosterError as error:
        raise FaultsError([Fault(str(people), str(error), "")]) from None
