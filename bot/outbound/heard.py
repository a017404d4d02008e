"""Handles messages of people from the lane: a new turn, an answer, a comment, or words that have to wait."""

import time
from collections.abc import Sequence
from dataclasses import replace

from bot.approvals.decisions import Decisions
from bot.approvals.register import Register
from bot.outbound.drawing import Drawing
from bot.outbound.graph_runs import GraphRuns
from engine.approvals.approval import Approval, State
from engine.approvals.effects import Hear, TellPerson
from engine.approvals.events import Click
from engine.asks.ask import Choice
from engine.conversation import (
    AnswerTo,
    Comment,
    Conversation,
    Explain,
    Hold,
    NewTurn,
    Undecided,
    Wait,
    has_room,
    meaning,
)
from engine.ids import ApprovalId
from engine.ports import Approvals, Clock, Lanes, Later, Work
from engine.sentences.notices import NOT_QUEUED

CARD_ON_ITS_WAY = 0.2
"""Seconds until a message that arrived before its question's card is looked at again."""

CARD_OVERDUE = 60.0
"""Seconds after which messages no longer wait for a card: what is behind them in their lane has to go on."""

_MOST_CARDS = 1000

HELD_UNSEEN = "{why} Until then nobody can decide your request. Your message is queued."
ASKED_UNSEEN = "{why} I have a question for you, and I'll post it there as soon as I can, together with your message."
PRESS = "Words don't count as a decision. To decide, use the buttons on the card{where}."
NOT_THEIRS = "Words don't count as a decision, and the request that waits here is for others to decide."
HELD = "Queued until the request above is decided."


class _Overdue:
    """How long messages have waited for each card, in this process: the clock of the one that asked may differ."""

    def __init__(self) -> None:
        self._since: dict[ApprovalId, float] = {}

    def is_overdue(self, card: ApprovalId) -> bool:
        """Tell whether messages have waited long enough for a card."""
        since = self._since.setdefault(card, time.monotonic())
        if len(self._since) > _MOST_CARDS:
            del self._since[next(iter(self._since))]
        return time.monotonic() - since >= CARD_OVERDUE


class Messages:
    """Performs `Hear`, from a thread's `run` lane."""

    def __init__(
        self,
        *,
        register: Register,
        decisions: Decisions,
        runs: GraphRuns,
        approvals: Approvals,
        lanes: Lanes,
        clock: Clock,
        drawing: Drawing,
    ) -> None:
        self._register = register
        self._decisions = decisions
        self._runs = runs
        self._approvals = approvals
        self._lanes = lanes
        self._clock = clock
        self._drawing = drawing
        self._overdue = _Overdue()

    async def hear(self, heard: Hear, work: Work) -> None:
        """Handle a message by its meaning in the conversation."""
        conversation = await self._register.conversation(heard.thread)
        approvals = await self._approvals.open(heard.thread) if conversation else ()
        match meaning(heard, conversation, approvals):
            case NewTurn():
                await self._take_turn(heard, conversation or self._begun(heard), work)
            case AnswerTo(approval):
                await self._answer(heard, approval)
            case Wait(approval):
                await self._wait_for_card(heard, approval, conversation, approvals, work)
            case Hold():
                await self._hold(heard, conversation, approvals, work)
            case Explain(sentence):
                await self._tell(heard, sentence)
            case Undecided(waiting):
                await self._point_to_card(heard, waiting)
            case Comment():
                pass

    async def _take_turn(self, heard: Hear, conversation: Conversation, work: Work) -> None:
        if not await self._runs.take_turn(heard, conversation, work):
            kept, approvals = await self._register.conversation(heard.thread), await self._approvals.open(heard.thread)
            await self._hold(heard, kept, approvals, work)

    async def _point_to_card(self, heard: Hear, waiting: Sequence[Approval]) -> None:
        """Tell a person who may decide where the buttons are, and others only if they spoke to the bot."""
        found = await self._decisions.may_decide_any(waiting, heard.user)
        if found is None and not heard.mentioned:
            return
        if found is None:
            await self._tell(heard, NOT_THEIRS)
            return
        elsewhere = found.place.channel != heard.place.channel
        await self._tell(heard, PRESS.format(where=f" in <#{found.place.channel}>" if elsewhere else ""))

    def _begun(self, heard: Hear) -> Conversation:
        if heard.agent is None:
            raise AssertionError("a conversation begins with an agent")
        direct = heard.place.channel.startswith("D")
        now = self._clock.now()
        return Conversation(heard.thread, heard.agent, heard.user, heard.place, direct, now, opened_by=heard.ts)

    async def _wait_for_card(
        self,
        heard: Hear,
        card: ApprovalId,
        conversation: Conversation | None,
        approvals: Sequence[Approval],
        work: Work,
    ) -> None:
        if not await self._drawing.why(approvals) and not self._overdue.is_overdue(card):
            raise Later(CARD_ON_ITS_WAY)
        await self._hold(heard, conversation, approvals, work)

    async def _answer(self, heard: Hear, approval: Approval) -> None:
        click = Click(
            approval.id,
            action=0,
            revision=approval.reviews[0].revision,
            by=heard.user,
            choice=Choice.ANSWER,
            text=heard.text,
            said=heard.ts,
            at=heard.at or self._clock.now(),
        )
        await self._decisions.consider(click)

    async def _hold(
        self, heard: Hear, conversation: Conversation | None, approvals: Sequence[Approval], work: Work
    ) -> None:
        if conversation is None:
            raise AssertionError("nothing is open where there is no conversation")
        if all(each.ts != heard.ts for each in conversation.held):
            if not has_room(conversation, heard):
                await self._tell(heard, NOT_QUEUED.format(count=len(conversation.held)))
                return
            conversation = replace(conversation, held=(*conversation.held, heard))
            await self._register.keep(conversation, work.fence)
        why = await self._drawing.why(approvals)
        await self._drawing.again(approvals, f"heard/{heard.ts}")
        offered = await self._runs.offer(conversation, approvals)
        if why:
            await self._tell(heard, (ASKED_UNSEEN if offered else HELD_UNSEEN).format(why=why))
        elif not offered and any(each.state is State.PENDING for each in approvals):
            await self._tell(heard, HELD)

    async def _tell(self, heard: Hear, sentence: str) -> None:
        told = TellPerson(heard.thread, heard.place, heard.user, sentence)
        await self._lanes.put(told, f"told/{heard.place.channel}/{heard.ts}")
