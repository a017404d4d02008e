"""Handles messages and changes of the workspace: stored before Slack is told "ok" (P1).

Without that "ok" Slack delivers an event again. https://docs.slack.dev/apis/events-api
"""

import asyncio
from typing import assert_never

import structlog
from slack_bolt.response import BoltResponse

from adapters.slack.inbound.commands import Commands
from adapters.slack.inbound.payloads.changes import (
    CardGone,
    Change,
    ChannelClosed,
    ChannelOpened,
    ChannelRenamed,
    GroupsChanged,
    PersonChanged,
)
from adapters.slack.inbound.responses import not_done, ok
from engine.ports import IncomingMessage, Intake, WorkspaceEvents

log = structlog.get_logger(__name__)


class Events:
    """Passes messages to the desk, and changes to the desk or to those who keep what changed."""

    def __init__(self, desk: Intake, channels: WorkspaceEvents, commands: Commands, patience: float) -> None:
        self._desk, self._channels, self._commands, self._patience = desk, channels, commands, patience

    async def take(self, what: IncomingMessage | Change) -> BoltResponse:
        """Handle an event; not done on any error, so that Slack delivers it again."""
        try:
            async with asyncio.timeout(self._patience):
                await self._take(what)
        except Exception as error:  # noqa: BLE001 - whatever it was, Slack shall deliver the event again
            log.error("event_not_kept", **_fields(what), error=type(error).__name__)  # noqa: TRY400
            return not_done()
        return ok()

    async def _take(self, what: IncomingMessage | Change) -> None:
        match what:
            case IncomingMessage():
                if not await self._commands.reply(what):
                    await self._desk.hear(what)
            case CardGone(channel, ts, approvals):
                for approval in approvals:
                    await self._desk.card_deleted(approval, channel, ts)
            case ChannelOpened(channel, event):
                await self._channels.opened(channel, event)
            case ChannelClosed(channel, why):
                await self._channels.closed(channel, why)
            case ChannelRenamed(channel, name):
                await self._channels.renamed(channel, name)
            case GroupsChanged(groups):
                await self._channels.groups_changed(groups)
            case PersonChanged(user):
                self._channels.person_changed(user)
            case _:
                assert_never(what)


def _fields(what: IncomingMessage | Change) -> dict[str, object]:
    """An event's fields for the log."""
    kind = {"kind": type(what).__name__}
    match what:
        case IncomingMessage():
            return {**kind, "channel": what.place.channel}
        case GroupsChanged():
            return {**kind, "groups": sorted(what.groups)}
        case PersonChanged():
            return {**kind, "user": what.user}
        case _:
            return {**kind, "channel": what.channel}
