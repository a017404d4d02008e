"""Cards and lists on their way to Slack, and where they stand once they are there.

A card may be drawn by two processes, and a process may die or be told to stop while it draws. So what a drawing begins
is finished and written down where that is possible at all: a card that nobody remembers would keep its buttons.
"""

import asyncio

import structlog

from bot.desk import Desk
from engine.approval import Approval, State
from engine.effects import DrawCard, DrawSheet, TellPerson
from engine.events import Posted
from engine.ports import Approvals, Chat, Lanes, Work

log = structlog.get_logger(__name__)

BEGUN = 3.0
"""Seconds that a card which is being drawn is given when its work is cancelled."""


class Drawing:
    """Draws cards and lists of them."""

    def __init__(self, desk: Desk, approvals: Approvals, lanes: Lanes, chat: Chat) -> None:
        self._desk = desk
        self._approvals = approvals
        self._lanes = lanes
        self._chat = chat

    async def draw(self, draw: DrawCard | DrawSheet, work: Work) -> None:
        """Draw, and write down where the card stands, also when cancelled in between: no card is forgotten."""
        drawing = asyncio.create_task(
            self._drawn(draw, work) if isinstance(draw, DrawCard) else self._drawn_sheet(draw, work)
        )
        try:
            await asyncio.shield(drawing)
        except asyncio.CancelledError:
            await asyncio.wait({drawing}, timeout=BEGUN)
            drawing.cancel()
            await asyncio.gather(drawing, return_exceptions=True)
            raise

    async def _drawn(self, draw: DrawCard, work: Work) -> None:
        approval = await self._approvals.get(draw.approval)
        if approval is None:
            return
        card = await self._chat.draw(self._desk.shown(approval), work.attempt)
        if card is None:
            await self._tell_of_lost_place(approval)
        elif card != approval.card:
            await self._desk.happened(approval.id, Posted(card, approval.card))

    async def _drawn_sheet(self, draw: DrawSheet, work: Work) -> None:
        approvals = await self._desk.sheet(draw.thread, draw.sheet)
        if not approvals:
            return
        card = await self._chat.draw_sheet(draw.sheet, approvals, work.attempt)
        if card is None:
            await self._tell_of_lost_place(approvals[0])
            return
        for approval in approvals:
            if approval.card != card:
                await self._desk.happened(approval.id, Posted(card, approval.card))

    async def _tell_of_lost_place(self, approval: Approval) -> None:
        """The card cannot stand where the rule wants it: its conversation is told, if that is elsewhere."""
        log.error("a card cannot be posted in its place", approval=approval.id, channel=approval.place.channel)
        if approval.state is State.PENDING and approval.place != approval.home:
            sentence = (
                f"The request for approval could not be posted in <#{approval.place.channel}>: I cannot write there."
            )
            told = TellPerson(
                approval.thread, approval.home, approval.requester, f"{sentence} Nobody can decide it now."
            )
            await self._lanes.put(told, f"unposted/{approval.id}")
