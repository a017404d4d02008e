"""Looks people up when they decide: in Slack and in the on-call services, as little as a policy needs.

All sources are asked at the same time, and each may fail by itself: a person whom another source names decides all the
same. A source that has not answered in time is `late`: see `bot.approvals.decisions`.
"""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from engine.approvals.approval import Place
from engine.authority.eligibility import Facts
from engine.authority.policy import CHANNEL, Policy, escalated
from engine.ids import UserId
from engine.ports import Clock, Duty, Groups, Membership, OnCall, Roster
from engine.sources import Ground, Origin, Source, SourceFailure

AT_ONCE = 1.5
"""Seconds that a click waits for its sources before Slack is told "ok": Slack gives up after 3."""
NO_ANSWER = "it did not answer in time"
WITH_PATIENCE = 10.0
"""Seconds for a click that was kept."""


def sources_of(*policies: Policy | None) -> tuple[Source, ...]:
    """The sources that these policies need, with every step of their ladders."""
    found = (source for each in policies if each for source in escalated(each, len(each.ladder)).sources)
    return tuple(dict.fromkeys(found))


class Authority:
    """Asks the roster, the groups and the on-call schedules."""

    def __init__(self, *, roster: Roster, groups: Groups, on_call: OnCall, clock: Clock) -> None:
        self._roster, self._groups, self._on_call, self._clock = roster, groups, on_call, clock

    async def facts(
        self,
        user: UserId,
        home: Place,
        sources: Collection[Source],
        at: datetime | None = None,
        patience: float = AT_ONCE,
    ) -> Facts:
        """Look up one person: see `Facts`. `at` is the moment whose shifts count, now where it is None."""
        (_, found), *_ = await self.all_facts([user], home, sources, at, patience)
        return found

    async def all_facts(
        self,
        users: Collection[UserId],
        home: Place,
        sources: Collection[Source],
        at: datetime | None = None,
        patience: float = AT_ONCE,
    ) -> tuple[tuple[UserId, Facts], ...]:
        """The same for several people of one conversation; each source is asked once."""
        now = self._clock.now()
        groups = [each for each in sources if each.origin is Origin.GROUP]
        schedules = [each for each in sources if each.origin is Origin.ON_CALL]
        if len(users) == 1 and not groups and not schedules:  # most clicks, which need no task of their own
            (user,) = users
            facts = await self._roster.facts(user, home, membership=CHANNEL in sources)
            return ((user, _with_sources(replace(facts, looked_up=now), user, [], [])),)
        async with asyncio.TaskGroup() as asking:
            standings = [
                asking.create_task(self._roster.facts(user, home, membership=CHANNEL in sources)) for user in users
            ]
            members = [asking.create_task(self._groups.members(each.name, patience)) for each in groups]
            duties = [asking.create_task(self._on_call.on_duty(each.name, at or now, patience)) for each in schedules]
        known_groups = list(zip(groups, (each.result() for each in members), strict=True))
        known_duties = list(zip(schedules, (each.result() for each in duties), strict=True))
        return tuple(
            (user, _with_sources(replace(standing.result(), looked_up=now), user, known_groups, known_duties))
            for user, standing in zip(users, standings, strict=True)
        )

    async def duty(self, source: Source, patience: float = WITH_PATIENCE) -> Duty:
        """The people on call now by a source."""
        return await self._on_call.on_duty(source.name, self._clock.now(), patience)

    async def people(
        self, sources: Iterable[Source], patience: float = WITH_PATIENCE
    ) -> tuple[tuple[UserId, ...], tuple[SourceFailure, ...]]:
        """The people whom these sources name now, each once, in the order of the sources; and the sources that failed.

        The members of a channel are not listed: nobody is called for being in one.
        """
        found: dict[UserId, None] = {}
        failed: list[SourceFailure] = []
        for source in sources:
            match source.origin:
                case Origin.USER:
                    found[UserId(source.name)] = None
                case Origin.GROUP:
                    group = await self._groups.members(source.name, patience)
                    found |= dict.fromkeys(sorted(group.people))
                    failed += [SourceFailure(source, group.error)] if group.error else []
                case Origin.ON_CALL:
                    duty = await self.duty(source, patience)
                    found |= dict.fromkeys(each.user for each in duty.people)
                    failed += [SourceFailure(source, duty.error)] if duty.error else []
                case _:
                    pass
        return tuple(found), tuple(failed)


def _with_sources(
    facts: Facts,
    user: UserId,
    groups: Iterable[tuple[Source, Membership]],
    duties: Iterable[tuple[Source, Duty]],
) -> Facts:
    grounds: list[Ground] = []
    failed: list[SourceFailure] = []
    late: list[Source] = []
    for source, group in groups:
        if group.unanswered:
            late.append(source)
        if group.error or group.unanswered:
            failed.append(SourceFailure(source, group.error or NO_ANSWER))
        elif user in group.people:
            grounds.append(Ground(source, group.looked_up))
    for source, duty in duties:
        if duty.unanswered:
            late.append(source)
        if duty.error or duty.unanswered:
            failed.append(SourceFailure(source, duty.error or NO_ANSWER))
        elif (shift := next((each for each in duty.people if each.user == user), None)) is not None:
            grounds.append(Ground(source, duty.looked_up, shift.tier, shift.starts, shift.ends, shift.said))
    return replace(facts, grounds=tuple(grounds), failed=tuple(failed), late=tuple(late))
