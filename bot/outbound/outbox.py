"""Performs what the lanes hold: dispatches each effect to the part that does it, and reports dead letters.

Each effect may be delivered more than once, to this process or to another after this one died. So each part checks
before it acts, and stores what it did before it returns.
"""

from collections.abc import Mapping
from typing import assert_never

import structlog

from bot.approvals.decisions import Decisions
from bot.approvals.register import Register
from bot.outbound.calling import Caller
from bot.outbound.drawing import Drawing
from bot.outbound.graph_runs import GraphRuns
from bot.outbound.heard import Messages
from bot.outbound.speech import Speech
from bot.outbound.timers import ApprovalTimers
from bot.rules.granting import Granting
from bot.telemetry import Metrics
from engine.approvals.effects import (
    Call,
    ClearTimer,
    Consider,
    DrawCard,
    DrawCopies,
    DrawSheet,
    Effect,
    EndRun,
    GiveGrant,
    Hear,
    PassOn,
    Remind,
    Resume,
    Say,
    SetTimer,
    TakeBack,
    TellPerson,
    TimerFired,
    Travel,
    Withdraw,
)
from engine.ids import ApprovalId, ThreadId
from engine.ports import Approvals, Chat, DeadLetter, Lanes, Work

log = structlog.get_logger(__name__)

_GIVEN_UP: Mapping[type[Effect], str] = {
    Hear: "I could not work on a message here.",
    Resume: "I could not pass a decision on to the agent.",
    Consider: "I could not find out whether somebody may decide a request here, so their click had no effect.",
    DrawCard: "I could not post or redraw a request here.",
    DrawSheet: "I could not post or redraw a list of requests here.",
    Travel: "I could not restart from an earlier step here.",
}
_REVIVABLE = "The bot's operator can see why and retry it."


class Outbox:
    """The handler of the lanes."""

    def __init__(  # noqa: PLR0913 - every part once, by keyword, from wiring alone
        self,
        *,
        register: Register,
        decisions: Decisions,
        granting: Granting,
        runs: GraphRuns,
        messages: Messages,
        timers: ApprovalTimers,
        drawing: Drawing,
        caller: Caller,
        speech: Speech,
        approvals: Approvals,
        lanes: Lanes,
        chat: Chat,
        metrics: Metrics,
    ) -> None:
        self._register = register
        self._decisions = decisions
        self._granting = granting
        self._runs = runs
        self._messages = messages
        self._timers = timers
        self._drawing = drawing
        self._caller = caller
        self._speech = speech
        self._approvals = approvals
        self._lanes = lanes
        self._chat = chat
        self._metrics = metrics

    async def perform(self, work: Work) -> None:
        """Do one piece of work. Raises `Later`, or any error: then the lane delivers it again."""
        with structlog.contextvars.bound_contextvars(thread=work.lane.thread, work=work.id, attempt=work.attempt):
            await self._perform(work.effect, work)

    async def _perform(self, effect: Effect, work: Work) -> None:
        match effect:
            case Hear():
                await self._messages.hear(effect, work)
            case Resume():
                await self._runs.resume(effect, work)
            case EndRun(thread):
                await self._runs.settle_again(thread, work)
            case PassOn(thread):
                await self._runs.pass_on(thread, work)
            case Travel():
                await self._runs.time_travel(effect, work)
            case Consider() | GiveGrant() | Withdraw():
                await self._follow(effect)
            case Call() | DrawCopies():
                await self._caller.perform(effect, work)
            case DrawCard() | DrawSheet():
                await self._drawing.draw(effect, work)
            case Remind() | Say() | TakeBack():
                await self._speech.perform(effect, work)
            case TellPerson(_, place, user, sentence):
                await self._chat.tell(place, user, sentence)
            case SetTimer(approval, timer, at):
                await self._lanes.set_timer(approval, timer, at)
            case ClearTimer(approval, timer):
                await self._lanes.clear_timer(approval, timer)
            case TimerFired():
                await self._timers.fire(effect, work)
            case _:
                assert_never(effect)

    async def _follow(self, effect: Consider | GiveGrant | Withdraw) -> None:
        """Finish what a person did."""
        match effect:
            case Withdraw():
                await self._decisions.withdraw_all(effect)
            case Consider(click):
                await self._decisions.consider(click)
            case GiveGrant(approval, action):
                await self._give_grant(approval, action)

    async def _give_grant(self, approval: ApprovalId, action: int) -> None:
        known = await self._approvals.get(approval)
        if known is not None:
            await self._granting.give(known, action)

    # Dead letters -----------------------------------------------------------------------------------------------------

    async def set_aside(self, letter: DeadLetter) -> None:
        """Tell the people of a conversation that work of theirs was given up; the operator can retry it."""
        self._metrics.set_aside()
        log.error("work was set aside", letter=letter.id, lane=str(letter.lane), error=letter.error)
        text = _GIVEN_UP.get(type(letter.effect))
        if text is not None:
            await self._say_failed(letter.lane.thread, f"{text} {_REVIVABLE}", f"given-up/{letter.id}")

    async def _say_failed(self, thread: ThreadId, text: str, key: str) -> None:
        conversation = await self._register.conversation(thread)
        if conversation is not None:
            await self._register.say(conversation, text, key, failed=True)
