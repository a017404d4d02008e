"""Handles the buttons of cards and sheets.

Slack does not deliver a click again, so a person learns at once if a click could not be stored. Before a form opens the
approval is read once, and nothing is asked of Slack: the trigger lives 3 s.
"""

import asyncio

import structlog
from slack_bolt.response import BoltResponse

from adapters.slack.cards import card, sheet
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.full_request import full_request
from adapters.slack.drawing.sentences import responses as sentences
from adapters.slack.forms import modals
from adapters.slack.inbound.approve_all import approve_all
from adapters.slack.inbound.open_actions import may_open_form
from adapters.slack.inbound.payloads.buttons import Pressed, PressedAll
from adapters.slack.inbound.responses import not_done, ok
from adapters.slack.inbound.telling import Teller
from adapters.slack.inbound.views import ViewOpener
from engine.approvals.approval import Approval
from engine.asks.ask import Choice, Kind
from engine.machine import is_on_card
from engine.ports import Intake
from engine.sentences.refusals import Closed, NotTheCard

_AT_ONCE = (Choice.APPROVE, Choice.SKIP, Choice.REDO)
"""Decided by the press alone, as are options without words; every other choice opens a form first."""
_ACTS = (Choice.APPROVE, Choice.OPTION)
"""Confirmed in a second step if the card shows only part of the request (P4)."""

log = structlog.get_logger(__name__)


class Buttons:
    """Decides, or opens a form."""

    def __init__(self, desk: Intake, views: ViewOpener, teller: Teller) -> None:
        self._desk, self._views, self._teller = desk, views, teller

    async def press(self, pressed: Pressed) -> BoltResponse:
        """Handle a button of a card."""
        try:
            async with asyncio.timeout(self._teller.patience):
                await self._press(pressed)
        except Exception as error:  # noqa: BLE001 - nobody is left without an answer
            log.error("click_not_kept", approval=pressed.target.approval, error=type(error).__name__)  # noqa: TRY400
            decides = pressed.choice in _AT_ONCE
            await self._teller.tell(pressed.person, sentences.NOT_KEPT if decides else sentences.NOT_DONE)
            return not_done()
        return ok()

    async def press_all(self, pressed: PressedAll) -> BoltResponse:
        """Handle Approve all."""
        try:
            async with asyncio.timeout(self._teller.patience):
                result = await approve_all(self._desk, pressed)
        except Exception as error:  # noqa: BLE001 - nobody is left without an answer
            log.error("clicks_not_kept", sheet=pressed.shown.sheet, error=type(error).__name__)  # noqa: TRY400
            await self._teller.tell(pressed.person, sentences.NOT_KEPT)
            return not_done()
        if result.sentence:
            await self._teller.tell(pressed.person, result.sentence)
        return ok() if result.kept else not_done()

    async def _press(self, pressed: Pressed) -> None:
        if pressed.choice in _AT_ONCE or pressed.said is not None:
            await self._choose(pressed)
            return
        approval = await self._desk.look(pressed.target.approval)
        if approval is None:
            await self._teller.tell(pressed.person, sentences.REQUEST_GONE)
        elif pressed.choice is None:
            await self._show_all(approval, pressed)
        elif pressed.choice is Choice.REJECT and approval.ask.may_recur:
            await self._choose(pressed)  # nobody reads a reason there
        elif pressed.choice is Choice.OPTION and not modals.takes_words(approval, pressed.target):
            await self._choose(pressed)
        elif may_open_form(approval, pressed, pressed.choice):
            seen = await self._seen_in_part(approval, pressed)
            await self._open(pressed, modals.form(self._desk.shown(approval), pressed.target, pressed.choice, seen))
        else:
            await self._choose(pressed)  # the desk refuses it, records that and tells the person

    async def _show_all(self, approval: Approval, pressed: Pressed) -> None:
        if is_on_card(approval, pressed.on):
            await self._open(pressed, full_request(self._desk.shown(approval)))
        else:
            await self._teller.tell(pressed.person, NotTheCard(approval.place.channel).sentence)

    async def _choose(self, pressed: Pressed) -> None:
        asked: list[Block] = []

        async def shown_in_part(approval: Approval) -> bool:
            asked[:] = await self._confirmation(approval, pressed)
            return bool(asked)

        refusal = await self._desk.choose(pressed.click(), shown_in_part)
        if asked:
            await self._open(pressed, asked[0])
        # A refusal is told from the approval's own lane; there is none if the approval is not stored.
        if isinstance(refusal, Closed) and await self._desk.look(pressed.target.approval) is None:
            await self._teller.tell(pressed.person, sentences.REQUEST_GONE)

    async def _confirmation(self, approval: Approval, pressed: Pressed) -> list[Block]:
        """The modal that asks for confirmation of a request shown only in part (P4); empty if none is needed.

        The approval is checked, not the button: neither an old card nor a repeated press gets past it.
        """
        if pressed.choice not in _ACTS or approval.ask.kind is Kind.FAILURE:
            return []
        if not may_open_form(approval, pressed, pressed.choice) or _has_voted(approval, pressed):
            return []
        seen = await self._seen_in_part(approval, pressed)
        if seen is None:
            return []
        return [modals.confirmation(self._desk.shown(approval), pressed.target, pressed.choice, seen)]

    async def _seen_in_part(self, approval: Approval, pressed: Pressed) -> tuple[int, int] | None:
        """The characters that the card shows, and all; None if it shows all, or if the choice acts on nothing shown."""
        if pressed.choice not in _ACTS:
            return None
        if approval.sheet:
            seen = sheet.seen(await self._desk.sheet(approval.thread, approval.sheet), approval.id)
        else:
            seen = card.seen(self._desk.shown(approval), pressed.target.action)
        if pressed.unshown:
            seen = 0, seen[1]
        return seen if seen[0] < seen[1] else None

    async def _open(self, pressed: Pressed, view: Block) -> None:
        await self._views.open(pressed.person, pressed.trigger, view, pressed.target.approval, on_top=pressed.in_view)


def _has_voted(approval: Approval, pressed: Pressed) -> bool:
    return any(vote.by == pressed.person.user for vote in approval.reviews[pressed.target.action].votes)
