"""Keeps track of the channels that the bot listens and posts in, and passes on changes of people and groups."""

from collections.abc import Awaitable, Callable, Collection

import structlog

from bot.outbound.posting import Posting
from bot.rules.channel_names import ChannelNames
from bot.telemetry import Metrics
from engine.ids import ChannelId, UserId
from engine.machine import drawing_of
from engine.ports import Approvals, Backlog, Conversations

DELETED = "deleted"
"""The one end of a channel that is for good."""

log = structlog.get_logger(__name__)


class Channels:
    """Implements `engine.ports.WorkspaceEvents`. Problems with channels at the start are logged once, as errors."""

    def __init__(
        self,
        *,
        posting: Posting,
        backlog: Backlog,
        approvals: Approvals,
        conversations: Conversations,
        names: ChannelNames,
        metrics: Metrics,
        groups_changed: Callable[[Collection[str]], Awaitable[None]],
        person_changed: Callable[[UserId], None],
    ) -> None:
        self._posting = posting
        self._backlog = backlog
        self._approvals = approvals
        self._conversations = conversations
        self._metrics = metrics
        self._groups_changed, self._person_changed = groups_changed, person_changed
        self.look_after(names)

    def look_after(self, names: ChannelNames) -> None:
        """Watch these channels from now on, and log what is wrong with them."""
        self._ours = frozenset(names.ids.values())
        self._closed = {names.ids[name] for name in names.closed}
        for name, why in names.closed.items():
            log.error("channel_closed", name=name, channel=names.ids[name], why=f"{name} {why}")
        for name, note in names.notes.items():
            log.warning("channel_name", name=name, channel=names.ids[name], note=f"{name} {note}")
        self._metrics.show_closed_channels(len(self._closed))

    async def opened(self, channel: ChannelId, event: str) -> None:
        """Post what waits for a channel in which the bot can post again."""
        log.info("channel_opened", channel=channel, by=event.partition("/")[0])
        self._closed.discard(channel)
        self._metrics.show_closed_channels(len(self._closed))
        await self._posting.opened(channel, event)

    async def closed(self, channel: ChannelId, why: str) -> None:
        """Record that nothing can be posted in a channel any more."""
        if channel in self._ours:
            log.error("channel_closed", channel=channel, why=why)
            self._closed.add(channel)
            self._metrics.show_closed_channels(len(self._closed))
        if why == DELETED:
            await self._bury(channel)

    async def _bury(self, channel: ChannelId) -> None:
        """End the requests that only a deleted channel showed, and tell requesters: see `bot.outbound.drawing`."""
        await self._backlog.bury(channel)
        await self._posting.opened(channel, f"deleted/{channel}")
        for conversation in await self._conversations.of_channel(channel):
            approvals = await self._approvals.open(conversation.thread)
            await self._posting.again([drawing_of(each) for each in approvals], f"deleted/{channel}")

    async def renamed(self, channel: ChannelId, name: str) -> None:
        """Log a new name; the bot knows channels by their ids."""
        if channel in self._ours:
            log.warning("channel_renamed", channel=channel, name=name)

    async def groups_changed(self, groups: Collection[str]) -> None:
        """Forget what was known of these groups: nobody decides by it any more."""
        await self._groups_changed(groups)

    def person_changed(self, user: UserId) -> None:
        """Forget what was known of this person: nobody decides by it any more."""
        self._person_changed(user)
