"""Handles the last row of a card: its menu, Nudge, Withdraw, and their modals.

A trigger lives 3 s, so a modal opens after one look at the approval; the desk checks whether the person may when the
modal comes back. Drawn by `adapters.slack.cards.card_menu` and `adapters.slack.forms.card_menu`.
"""

import asyncio

import structlog
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.drawing import blocks
from adapters.slack.drawing.actions import MENU_FORMS
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.sentences import menu
from adapters.slack.drawing.sentences import responses as sentences
from adapters.slack.forms import card_menu
from adapters.slack.inbound.commands import Commands
from adapters.slack.inbound.payloads.buttons import PressedMenu
from adapters.slack.inbound.payloads.forms import MenuFormSent
from adapters.slack.inbound.responses import CLOSED, errors, not_done, ok, replaced
from adapters.slack.inbound.telling import Teller
from engine.approvals.approval import Approval, State
from engine.approvals.events import Act, Doing
from engine.machine import refusal_when_closed
from engine.ports import Intake
from engine.sentences.refusals import CannotTakeOver

log = structlog.get_logger(__name__)


class CardMenu:
    """Acts on a request without deciding it."""

    def __init__(self, client: AsyncWebClient, desk: Intake, commands: Commands, teller: Teller) -> None:
        self._client, self._desk, self._commands, self._teller = client, desk, commands, teller

    async def press(self, pressed: PressedMenu) -> BoltResponse:
        """Handle a button or an option of the row."""
        try:
            async with asyncio.timeout(self._teller.patience):
                await self._press(pressed)
        except Exception as error:  # noqa: BLE001 - nobody is left without an answer
            log.error("act_not_kept", approval=pressed.choice.approval, error=type(error).__name__)  # noqa: TRY400
            await self._teller.tell(pressed.person, sentences.NOT_KEPT if pressed.at_once else sentences.NOT_DONE)
            return not_done()
        return ok()

    async def send(self, sent: MenuFormSent) -> BoltResponse:
        """Handle a submitted modal."""
        try:
            async with asyncio.timeout(self._teller.patience):
                return ok(await self._send(sent))
        except Exception as error:  # noqa: BLE001 - nobody is left without an answer
            log.error("act_not_kept", approval=sent.choice.approval, error=type(error).__name__)  # noqa: TRY400
            return ok(replaced(sentences.NOT_KEPT))

    async def _press(self, pressed: PressedMenu) -> None:
        doing, approval = pressed.choice.doing, await self._desk.look(pressed.choice.approval)
        if approval is None:
            await self._teller.tell(pressed.person, sentences.REQUEST_GONE)
        elif pressed.choice.stops_allowing:
            await self._teller.tell(pressed.person, await self._desk.disallow(approval.id, pressed.person.user))
        elif doing is not None and (pressed.at_once or doing not in MENU_FORMS):
            await self._desk.act(Act(approval.id, pressed.person.user, doing, on=pressed.on))
        elif approval.state is not State.PENDING:
            await self._teller.tell(pressed.person, refusal_when_closed(approval).sentence)
        elif doing is not None:
            await self._open(pressed, card_menu.form(approval, doing))
        else:
            await self._open(pressed, await self._who_can_decide(self._desk.shown(approval)))

    async def _who_can_decide(self, approval: Approval) -> Block:
        return blocks.modal(menu.who_label(approval), await self._commands.who(approval))

    async def _open(self, pressed: PressedMenu, view: Block) -> None:
        try:
            await self._client.views_open(trigger_id=pressed.trigger, view=view)
        except SlackApiError:
            await self._teller.tell(pressed.person, sentences.TOO_SLOW)

    async def _send(self, sent: MenuFormSent) -> Block:
        act = Act(sent.choice.approval, sent.person.user, sent.doing)
        match sent.doing:
            case Doing.HAND_OVER:
                to = card_menu.chosen_person(sent.values)
                if to is None:
                    return _error(menu.CHOOSE)
                act = Act(act.approval, act.by, act.doing, to=to)
            case Doing.EXTEND:
                span = card_menu.chosen_span(sent.values)
                if span is None:
                    return _error(menu.CHOOSE)
                act = Act(act.approval, act.by, act.doing, span=span)
        refusal = await self._desk.act(act)
        if isinstance(refusal, CannotTakeOver):
            return _error(menu.NOT_THEM)
        return CLOSED if refusal is None else replaced(refusal.sentence, refusal.title)


def _error(words: str) -> Block:
    """An error at the input, where Slack shows plain text."""
    return errors({card_menu.FIELD: words})
