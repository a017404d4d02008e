"""Handles every payload of Slack's; the same for Socket Mode and HTTP.

A response is Slack's "ok", so it is given only when the desk has returned (P1).
"""

import asyncio
from collections.abc import Mapping
from typing import Any, assert_never

import structlog
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.drawing.actions import Pages
from adapters.slack.inbound.buttons import Buttons
from adapters.slack.inbound.card_menu import CardMenu
from adapters.slack.inbound.commands import Commands
from adapters.slack.inbound.decision_forms import DecisionForms
from adapters.slack.inbound.events import Events
from adapters.slack.inbound.payloads.buttons import (
    HomePageTurned,
    Pressed,
    PressedAll,
    PressedMenu,
    RevokePressed,
    TimeTravelOpened,
)
from adapters.slack.inbound.payloads.changes import (
    CardGone,
    ChannelClosed,
    ChannelOpened,
    ChannelRenamed,
    GroupsChanged,
    PersonChanged,
)
from adapters.slack.inbound.payloads.commands import Commanded
from adapters.slack.inbound.payloads.fields import MalformedError
from adapters.slack.inbound.payloads.forms import ConversationChosen, DecisionSent, MenuFormSent, RunFromSent
from adapters.slack.inbound.payloads.incoming import HomeOpened, Incoming, incoming
from adapters.slack.inbound.responses import not_done, not_read, ok
from adapters.slack.inbound.telling import PATIENCE, Teller
from adapters.slack.inbound.time_travel import TimeTravelModals
from adapters.slack.inbound.views import ViewOpener
from adapters.slack.workspace.identity import Identity
from engine.ports import Chat, IncomingMessage, Intake, TimeTravel, WorkspaceEvents

log = structlog.get_logger(__name__)


class Handlers:
    """Reads a payload and passes it to the handler of its kind."""

    def __init__(
        self,
        *,
        client: AsyncWebClient,
        identity: Identity,
        desk: Intake,
        chat: Chat,
        time_travel: TimeTravel,
        channels: WorkspaceEvents,
        commands: Commands,
        patience: float = PATIENCE,
    ) -> None:
        self._identity, self._commands, self._patience = identity, commands, patience
        teller = Teller(chat, patience)
        views = ViewOpener(client, teller)
        self._events = Events(desk, channels, commands, patience)
        self._buttons = Buttons(desk, views, teller)
        self._decision_forms = DecisionForms(desk, patience)
        self._card_menu = CardMenu(client, desk, commands, teller)
        self._time_travel = TimeTravelModals(client, time_travel, commands, teller)

    async def answer(self, payload: Mapping[str, Any]) -> BoltResponse:
        """The response to one payload; not 200 if Slack must not take it for done."""
        try:
            what = incoming(payload, bot=self._identity.user, team=self._identity.team)
        except MalformedError as error:
            return not_read(payload, error)
        return await self._answer(what)

    async def _answer(self, what: Incoming | None) -> BoltResponse:  # noqa: PLR0911 - one for each kind
        match what:
            case None:
                return ok()
            case (
                IncomingMessage() | CardGone() | ChannelOpened() | ChannelClosed() | ChannelRenamed() | GroupsChanged()
                | PersonChanged()
            ):  # fmt: skip
                return await self._events.take(what)
            case Pressed():
                return await self._buttons.press(what)
            case PressedAll():
                return await self._buttons.press_all(what)
            case DecisionSent():
                return await self._decision_forms.send(what)
            case PressedMenu():
                return await self._card_menu.press(what)
            case MenuFormSent():
                return await self._card_menu.send(what)
            case Commanded():
                return await self._command(what)
            case TimeTravelOpened():
                return await self._time_travel.open(what)
            case ConversationChosen() | RunFromSent():
                return await self._time_travel.send(what)
            case HomeOpened() | HomePageTurned() | RevokePressed():
                return await self._home(what)
            case _:
                assert_never(what)

    async def _command(self, commanded: Commanded) -> BoltResponse:
        word, _, spelled = commanded.text.strip().partition(" ")
        if word.lower() == "history":
            return await self._time_travel.command(commanded, spelled)
        return await self._commands.command(commanded, self._patience)

    async def _home(self, what: HomeOpened | HomePageTurned | RevokePressed) -> BoltResponse:
        match what:
            case HomeOpened(user):
                self._commands.draw_home(user, Pages())
            case HomePageTurned(user, pages):
                self._commands.draw_home(user, pages)
            case RevokePressed(user, grant, pages):
                try:
                    async with asyncio.timeout(self._patience):
                        await self._commands.revoke(user, grant, pages)
                except Exception as error:  # noqa: BLE001 - the grant is still listed, so the person can try again
                    log.error("grant_not_revoked", error=type(error).__name__)  # noqa: TRY400
                    return not_done()
        return ok()
