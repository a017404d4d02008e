"""Draws cards and sheets in Slack, and stores where they are.

Two processes may draw the same card, and a process may die or stop while it draws. So a drawing that has begun is
finished and stored where possible: a card that nobody remembers would keep its buttons.

An update that Slack did not answer may still take effect seconds later, over the update that followed: then a decided
card would have live buttons (P8). So where an earlier attempt may be under way, the card is drawn again after `LATE`,
by a timer, which survives a restart.
"""

import asyncio
from collections.abc import Iterable

import structlog

from bot import concealment
from bot.approvals.register import Register
from bot.outbound.calling import Caller
from bot.outbound.posting import AGAIN, LATE, Owner, Posting
from engine.approvals.approval import Approval, State
from engine.approvals.effects import DrawCard, DrawSheet, PassOn, Timer
from engine.approvals.events import Posted, Withdrew
from engine.ids import ApprovalId
from engine.machine import drawing_of, drawings_of
from engine.ports import Approvals, CannotPostError, Chat, Clock, Lanes, Work

log = structlog.get_logger(__name__)

BEGUN = 3.0
"""Seconds that a card which is being drawn is given when its work is cancelled."""

NEVER_SEEN = "there is nobody who could see it"
ENDED = "A request of yours was to be posted there, so I withdrew it."
ON_ITS_WAY = "A request of yours waits for that. I'll post it as soon as I can."


class Drawing:
    """Performs `DrawCard` and `DrawSheet`."""

    def __init__(
        self,
        *,
        register: Register,
        approvals: Approvals,
        lanes: Lanes,
        chat: Chat,
        clock: Clock,
        posting: Posting,
        caller: Caller,
    ) -> None:
        self._register = register
        self._approvals = approvals
        self._lanes = lanes
        self._chat = chat
        self._clock = clock
        self._posting = posting
        self._caller = caller

    async def draw(self, draw: DrawCard | DrawSheet, work: Work) -> None:
        """Draw, and store the message, also when cancelled in between: no card is forgotten."""
        drawing = asyncio.create_task(
            self._drawn(draw, work) if isinstance(draw, DrawCard) else self._drawn_sheet(draw, work)
        )
        try:
            await asyncio.shield(drawing)
        except asyncio.CancelledError:
            try:
                await asyncio.wait({drawing}, timeout=BEGUN)
            finally:  # also when cancelled again
                drawing.cancel()
                await asyncio.gather(drawing, return_exceptions=True)
            raise

    async def why(self, approvals: Iterable[Approval]) -> str:
        """The reason why the first card of what is pending cannot be posted; "" where none waits for that."""
        return await self._posting.why(_pending(approvals))

    async def again(self, approvals: Iterable[Approval], occasion: str) -> None:
        """Draw the cards of what is pending once more, once for each occasion.

        A card comes back that was deleted while the bot was down.
        """
        await self._posting.again(_pending(approvals), occasion)

    async def again_by_timer(self, approval: Approval, work: Work) -> None:
        """Draw a card and its copies, as their last change may have been overtaken by an earlier one."""
        for effect in drawings_of(approval):
            await self._lanes.put(effect, f"{AGAIN}late/{work.id}")

    async def _drawn(self, draw: DrawCard, work: Work) -> None:
        approval = await self._approvals.get(draw.approval)
        if approval is not None:
            approval = await self._caller.before_card(approval)
        await self._draw_and_store(draw, (approval,) if approval is not None else (), work)

    async def _drawn_sheet(self, draw: DrawSheet, work: Work) -> None:
        rows = await self._approvals.of_sheet(draw.thread, draw.sheet)
        settled: set[ApprovalId] = set()
        while any(each.id not in settled for each in rows):  # more of them may be created meanwhile
            for each in rows:
                await self._caller.before_card(each)
            settled = {each.id for each in rows}
            rows = await self._approvals.of_sheet(draw.thread, draw.sheet)
        await self._draw_and_store(draw, tuple(rows), work)

    async def _draw_and_store(self, draw: DrawCard | DrawSheet, approvals: tuple[Approval, ...], work: Work) -> None:
        if not approvals:  # no longer kept
            await self._posting.done(draw, work)
            return
        first = approvals[0]

        async def write(attempt: int) -> str:
            if isinstance(draw, DrawSheet):
                card = await self._chat.draw_sheet(draw.sheet, [*map(concealment.shown, approvals)], attempt)
            else:
                card = await self._chat.draw(concealment.shown(first), attempt)
            for each in approvals:
                if each.card != card:
                    await self._register.happened(each.id, Posted(card, each.card), stored=each)
            return card

        async def whose() -> Owner | None:
            pending = any(each.state is State.PENDING for each in approvals)
            return Owner(first.thread, first.home, first.requester) if pending else None

        try:
            card = await self._posting.post(draw, work, first.place, write, whose, ON_ITS_WAY)
        except CannotPostError as never:
            await self._give_up(approvals, never)
            return
        if card is not None:
            await self._show_waiting(first)
        if card is not None and work.attempt > 1:
            await self._lanes.set_timer(first.id, Timer.REDRAW, self._clock.now() + LATE)

    async def _show_waiting(self, drawn: Approval) -> None:
        waits = drawn.state is State.PENDING or any(
            each.state is State.PENDING for each in await self._approvals.open(drawn.thread, but=(drawn.id,))
        )
        await self._chat.show_waiting(drawn, waits=waits)

    async def _give_up(self, approvals: tuple[Approval, ...], never: CannotPostError) -> None:
        """Withdraw requests that nobody could ever see, and tell the requester."""
        for each in approvals:
            log.error("a card can never be posted", approval=each.id, channel=each.place.channel, code=never.code)
            if each.state is State.PENDING:
                await self._register.happened(each.id, Withdrew(NEVER_SEEN))
                await self._lanes.put(PassOn(each.thread), f"given-up/{each.id}")
                owner = Owner(each.thread, each.home, each.requester)
                await self._posting.tell(owner, each.place, f"{never.sentence} {ENDED}", never.code)


def _pending(approvals: Iterable[Approval]) -> list[DrawCard | DrawSheet]:
    return list(dict.fromkeys(drawing_of(each) for each in approvals if each.state is State.PENDING))
