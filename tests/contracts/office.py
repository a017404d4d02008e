"""The real desk and outbox on stores that a test hands in, with people and sources that it moves about."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

from contracts.samples import NOW

from adapters.memory import (
    ManualClock,
    MemoryApprovals,
    MemoryAudit,
    MemoryBacklog,
    MemoryChat,
    MemoryConversations,
    MemoryGrants,
    MemoryLanes,
    MemoryRoster,
)
from bot.approvals.decisions import Decisions
from bot.inbound.agents import Agents
from bot.inbound.desk import Desk
from bot.outbound.outbox import Outbox
from bot.rules.in_force import Rules
from bot.telemetry import Metrics
from bot.wiring.core import core
from bot.wiring.ports import Ports
from engine.approvals.approval import Approval
from engine.approvals.effects import Call, DrawCopies, Effect, EndRun, PassOn, Resume, Say
from engine.approvals.events import Click, Opened
from engine.asks.ask import Choice
from engine.authority.eligibility import AccountType
from engine.ids import ApprovalId, UserId
from engine.machine import step
from engine.ports import Approvals, Change, Clock, Duty, Graphs, Lanes, Membership, OnDuty, Work
from engine.rules.routing import Rulebook
from engine.sentences.refusals import Refusal

LONG_AGO, FAR_AHEAD = NOW - timedelta(days=365), NOW + timedelta(days=365)
PASSED_BY = (Resume, EndRun, PassOn, Say, Call, DrawCopies)
"""What belongs to graphs and to those who are called."""


@dataclass(slots=True)
class Shifts:
    """The port `OnCall`: who is on call from when until when. `late` sources answer only those who have patience."""

    clock: ManualClock
    shifts: dict[str, list[tuple[UserId, datetime, datetime]]] = field(default_factory=dict)
    late: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    """Those that answer nobody, however patient."""
    failing: dict[str, str] = field(default_factory=dict)
    takes: float = 0.0
    asked: list[tuple[str, datetime]] = field(default_factory=list)

    def put(self, schedule: str, user: UserId, starts: datetime = LONG_AGO, ends: datetime = FAR_AHEAD) -> None:
        """Somebody has a shift."""
        self.shifts.setdefault(schedule, []).append((user, starts, ends))

    async def on_duty(self, schedule: str, at: datetime, patience: float) -> Duty:
        """Who has a shift at that moment."""
        await asyncio.sleep(0)
        self.asked.append((schedule, at))
        self.clock.advance(self.takes)
        now = self.clock.now()
        if schedule in self.silent or (schedule in self.late and patience < 5):
            return Duty((), now, "it did not answer in time", unanswered=True)
        if error := self.failing.get(schedule):
            return Duty((), now, error)
        found = [each for each in self.shifts.get(schedule, []) if each[1] <= at < each[2]]
        return Duty(tuple(OnDuty(user, user, 1, starts, ends) for user, starts, ends in found), now)


@dataclass(slots=True)
class Rooms:
    """The port `Groups`."""

    clock: Clock
    members_of: dict[str, set[UserId]] = field(default_factory=dict)
    late: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    async def members(self, group: str, patience: float) -> Membership:
        """Who is in it."""
        await asyncio.sleep(0)
        self.asked.append(group)
        now = self.clock.now()
        if group in self.late and patience < 5:
            return Membership(frozenset(), now, "Slack did not answer in time", unanswered=True)
        if group in self.failing:
            return Membership(frozenset(), now, "Slack is down")
        return Membership(frozenset(self.members_of.get(group, ())), now)


class Everybody(MemoryRoster):
    """Everybody is a full member, but for those who are named."""

    async def facts(self, user: UserId, place: Any, *, membership: bool) -> Any:
        """As the port says."""
        self.standings.setdefault(user, AccountType.MEMBER)
        return await super().facts(user, place, membership=membership)


@dataclass(slots=True)
class Office:
    """One or several desks and outboxes over the same stores. What graphs and calls would get is kept in `passed`."""

    clock: ManualClock
    shifts: Shifts
    groups: Rooms
    roster: Everybody
    approvals: Approvals
    lanes: Lanes
    audit: MemoryAudit
    chat: MemoryChat
    rules: Rules
    desks: list[Desk] = field(default_factory=list)
    decisions: list[Decisions] = field(default_factory=list)
    outboxes: list[Outbox] = field(default_factory=list)
    passed: list[Effect] = field(default_factory=list)

    @property
    def desk(self) -> Desk:
        """The first."""
        return self.desks[0]

    def another(self, clock: Clock | None = None, approvals: Approvals | None = None) -> Desk:
        """One more process: a desk and an outbox of its own, with its own clock and access to what is stored."""
        clock = clock or self.clock
        ports = Ports(
            approvals=approvals or self.approvals,
            conversations=MemoryConversations(),
            audit=self.audit,
            backlog=MemoryBacklog(),
            grants=MemoryGrants(self.audit),
            lanes=self.lanes,
            graphs=cast("Graphs", None),
            roster=self.roster,
            groups=self.groups,
            on_call=self.shifts,
            chat=self.chat,
            clock=clock,
        )
        made = core(ports, self.rules, Agents({}, None, {}), Metrics())
        self.desks.append(made.desk)
        self.decisions.append(made.decisions)
        self.outboxes.append(made.outbox)
        return made.desk

    async def ask(self, approval: Approval) -> ApprovalId:
        """A graph asks."""
        approval = replace(approval, edition=approval.edition or self.rules.edition, created_at=self.clock.now())
        taken = step(approval, Opened(), self.clock.now())
        assert await self.approvals.create(Change(taken.approval, taken.effects, taken.entries))
        return approval.id

    async def click(
        self, approval: ApprovalId, by: UserId, choice: Choice = Choice.APPROVE, **more: Any
    ) -> Refusal | None:
        """Somebody clicks on what stands."""
        at: Desk = more.pop("at_desk", self.desk)
        action = more.pop("action", 0)
        revision = more.pop("revision", None) or (await self.kept(approval)).reviews[action].revision
        return await at.choose(Click(approval, action, revision, by, choice, **more))

    async def kept(self, approval: ApprovalId) -> Approval:
        """The approval as it stands."""
        found = await self.approvals.get(approval)
        assert found is not None
        return found

    async def perform(self, work: Work, outbox: int = 0) -> None:
        """Do one piece of work."""
        if isinstance(work.effect, PASSED_BY):
            self.passed.append(work.effect)
        else:
            await self.outboxes[outbox].perform(work)

    async def settle(self) -> None:
        """Do all that can be done now."""
        assert isinstance(self.lanes, MemoryLanes)
        await self.lanes.run_until_idle(self.perform)

    def told(self, user: UserId) -> Sequence[str]:
        """What one person was told."""
        return [each.text for each in self.chat.messages if each.kind == "told" and each.user == user]

    @property
    def resumed(self) -> int:
        """How often a graph got an answer."""
        return sum(isinstance(each, Resume) for each in self.passed)


def office(approvals: Approvals | None = None, lanes: Lanes | None = None, clock: ManualClock | None = None) -> Office:
    """An office with one desk, in memory where no stores are given."""
    clock = clock or ManualClock(NOW)
    audit = MemoryAudit()
    if approvals is None or lanes is None:
        lanes = MemoryLanes(clock)
        approvals = MemoryApprovals(lanes, audit)
    shifts, groups, roster = Shifts(clock), Rooms(clock), Everybody()
    rules = Rules(roster, groups, Rulebook())
    made = Office(clock, shifts, groups, roster, approvals, lanes, audit, MemoryChat(), rules)
    made.another()
    return made
