"""Actions on channels and on the bot's membership; each returns the outcome of the delivery to the bot.

What makes no sense there (a name that is taken, a channel that is archived already) raises `NoSuchThingError`.
Sources: https://docs.slack.dev/reference/events/channel_archive and its neighbours; a private channel's are `group_...`
"""

import re

from adapters.localslack.delivery.deliveries import DeliveryOutcome
from adapters.localslack.people.interactions import NoSuchThingError, deliver_all
from adapters.localslack.state import ids
from adapters.localslack.state.roster import Member
from adapters.localslack.state.state import Channel
from adapters.localslack.workspace import LocalWorkspace

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")


def create(slack: LocalWorkspace, person: Member, name: str) -> Channel:
    """Create a public channel with everybody in it, but not the bot."""
    new = Channel(ids.fresh("C"), _free(slack, name), "channel", {*slack.state.people, person.id})
    slack.state.put_channel(new)
    return slack.state.channels[new.id]


async def invite(slack: LocalWorkspace, person: Member, channel: Channel) -> DeliveryOutcome:
    """Invite the bot, as `/invite @signoff` does. Raises NoSuchThingError."""
    _refuse_archived(channel)
    if slack.state.bot.id in channel.members:
        raise NoSuchThingError(f"the bot is in #{channel.name} already")
    return await deliver_all(slack, slack.joins(channel, by=person))


async def kick(slack: LocalWorkspace, person: Member, channel: Channel) -> DeliveryOutcome:
    """Remove the bot, as `/remove @signoff` does. Raises NoSuchThingError."""
    if slack.state.bot.id not in channel.members or channel.kind == "dm":
        raise NoSuchThingError(f"the bot cannot be removed from {channel.name}")
    return await deliver_all(slack, slack.leaves(channel, by=person))


async def archive(slack: LocalWorkspace, person: Member, channel: Channel) -> DeliveryOutcome:
    """Archive a channel."""
    _refuse_archived(channel)
    return await deliver_all(slack, slack.archive(channel, by=person, archived=True))


async def unarchive(slack: LocalWorkspace, person: Member, channel: Channel) -> DeliveryOutcome:
    """Open an archived channel again. Raises NoSuchThingError."""
    if not channel.archived:
        raise NoSuchThingError(f"#{channel.name} is not archived")
    return await deliver_all(slack, slack.archive(channel, by=person, archived=False))


async def rename(slack: LocalWorkspace, channel: Channel, name: str) -> DeliveryOutcome:
    """Give a channel another name."""
    return await deliver_all(slack, slack.rename(channel, _free(slack, name)))


async def remove(slack: LocalWorkspace, person: Member, channel: Channel) -> DeliveryOutcome:
    """Delete a channel for good."""
    return await deliver_all(slack, slack.remove(channel, by=person))


def _free(slack: LocalWorkspace, name: str) -> str:
    wanted = name.removeprefix("#")
    if not _NAME.fullmatch(wanted):
        raise NoSuchThingError(f"{wanted!r} cannot be the name of a channel")
    if slack.state.find_channel(wanted) is not None:
        raise NoSuchThingError(f"there is a #{wanted} already")
    return wanted


def _refuse_archived(channel: Channel) -> None:
    if channel.archived or channel.kind == "dm":
        raise NoSuchThingError(f"{channel.name} is archived, or no channel")
