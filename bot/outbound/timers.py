"""Fires the timers of approvals: reminders, escalation, expiry, a card that is drawn again."""

import asyncio
from datetime import datetime

from bot.approvals.decisions import CONSIDERED_WITHIN
from bot.approvals.earlier import Earlier
from bot.approvals.register import Register
from bot.outbound.calling import LATER
from bot.outbound.drawing import Drawing
from bot.rules.facts import WITH_PATIENCE, Authority
from engine.approvals.approval import Approval, State
from engine.approvals.effects import Call, Timer, TimerFired
from engine.approvals.events import Deferred, Event, ExpiryDue, LadderDue, ReminderDue
from engine.authority.policy import CHANNEL, OnExpiry
from engine.machine import timers_of
from engine.ports import Approvals, Clock, Lanes, Work


class ApprovalTimers:
    """Performs `TimerFired`."""

    def __init__(
        self,
        *,
        register: Register,
        approvals: Approvals,
        authority: Authority,
        lanes: Lanes,
        clock: Clock,
        drawing: Drawing,
    ) -> None:
        self._register = register
        self._approvals = approvals
        self._authority = authority
        self._lanes = lanes
        self._clock = clock
        self._drawing = drawing
        self._earlier = Earlier(lanes)

    async def fire(self, fired: TimerFired, work: Work) -> None:
        """Do what was due, or set the timer again where it fired too early."""
        known = await self._approvals.get(fired.approval)
        if known is None:
            return
        if fired.timer is Timer.REDRAW:
            await self._drawing.again_by_timer(known, work)
        elif fired.timer is Timer.CALL:
            await self._lanes.put(Call(known.id, known.sheet), f"{LATER}{work.id}")
        elif known.state is State.PENDING and (again := self._too_early(known, fired)) is not None:
            await self._lanes.set_timer(known.id, fired.timer, again)
        elif known.state is State.PENDING and fired.timer is Timer.EXPIRE and await self._earlier.waits(known):
            await self._put_off(known)
        elif known.state is State.PENDING:
            await self._register.happened(known.id, await self._due(known, fired.timer), stored=known)

    async def _put_off(self, approval: Approval) -> None:
        """Let the expiry wait for what came before it."""
        until = self._clock.now() + CONSIDERED_WITHIN
        await self._register.happened(approval.id, Deferred(until), stored=approval)
        await self._lanes.set_timer(approval.id, Timer.EXPIRE, until)

    def _too_early(self, approval: Approval, fired: TimerFired) -> datetime | None:
        """The time at which a timer that fired too early has to fire, by the clock of the process that fired it.

        It was postponed: then at its new time. Or that clock is ahead of this one, or was set back: then later by the
        difference, since the same time again would count as the same timer.
        """
        due, now = dict(timers_of(approval)).get(fired.timer), self._clock.now()
        if due is None or due <= now:
            return None
        at = fired.at or due
        return due if at < due else at + (due - now)

    async def _due(self, approval: Approval, timer: Timer) -> Event:
        match timer:
            case Timer.REMIND:
                return ReminderDue()
            case Timer.ESCALATE:
                return LadderDue(await self._empty_rungs(approval))
            case _ if approval.deadlines.on_expiry is OnExpiry.ESCALATE:
                return ExpiryDue(await self._empty_rungs(approval))
            case _:
                return ExpiryDue()

    async def _empty_rungs(self, approval: Approval) -> frozenset[tuple[int, int]]:
        """The steps to come of its ladders with nobody on them now, each as (action, step)."""
        steps = {
            (place, number): rung.sources
            for place, review in enumerate(approval.reviews)
            if review.decision is None
            for number, rung in enumerate(review.policy.ladder)
            if number >= review.escalated and CHANNEL not in rung.sources
        }
        found = await asyncio.gather(*(self._authority.people(each, WITH_PATIENCE) for each in steps.values()))
        return frozenset(step for step, (people, _) in zip(steps, found, strict=True) if not people)
