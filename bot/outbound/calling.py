"""Calls the people who can decide, each once, and keeps their copies of the card up to date.

Slack notifies people who are mentioned when a message is posted, never when it is changed. So the people whom the rule
names are looked up and stored before the card is posted, and the card mentions them: after a crash in between, the next
attempt posts the card with the same people. People who are called later (by a next stage, the ladder, a hand-over, or a
source that failed at first) are mentioned in a message under the card. People who are not in its channel would not be
notified there: they get the card in their direct messages, as everybody does where the rule says `notify: dm`.

Each of these messages is found again by its metadata where an earlier attempt may have posted it; then the called
people are stored. All work of one card is done in one lane, in order.

The next attempt may want other copies: a person joined the channel, or the request is decided. So the people for whom
copies are posted are stored before. Where an attempt was cut off their copies are looked for, at once and once more
after `AGAIN`, since a post that Slack did not answer may still take effect.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeVar

import structlog

from bot import concealment
from bot.approvals.register import Register
from bot.outbound.posting import AGAIN as TRIED_BEFORE
from bot.outbound.posting import LATE, Posting
from bot.rules.facts import AT_ONCE, WITH_PATIENCE, Authority, sources_of
from engine.approvals.approval import Approval, Calling, Copy, NotCalled, Notify, State
from engine.approvals.calling import Candidates, candidates, in_turn, room_for
from engine.approvals.effects import Call, DrawCopies, Timer
from engine.approvals.events import Called, CopyGone
from engine.authority.eligibility import may_decide
from engine.ids import MessageTs, UserId
from engine.ports import Approvals, CannotPostError, Chat, Clock, Lanes, Roster, Work
from engine.sentences.refusals import RosterUnknown, SourceUnknown
from engine.sources import SourceFailure

log = structlog.get_logger(__name__)
T = TypeVar("T")

AGAIN = timedelta(minutes=1)
"""After this, those are called who could not be looked up or reached, and lost copies are looked for once more."""
LATER = f"{TRIED_BEFORE}call/"
"""Beginning of the ids of the work that is done then."""
HANDED_OVER = "This request was handed over to you."
_MOST_KEPT = 1_000


@dataclass(slots=True)
class _Found:
    """The people to call. `left` are beyond the most that are called; `unreached` are named and cannot decide.

    `unknown`: some people could not be looked up.
    """

    users: list[UserId] = field(default_factory=list)
    left: set[UserId] = field(default_factory=set)
    failed: list[SourceFailure] = field(default_factory=list)
    unreached: list[UserId] = field(default_factory=list)
    unknown: bool = False

    def not_called(self, unreached: Iterable[UserId] = ()) -> NotCalled:
        more = len(self.left.difference(self.users))
        users = _each_once([*self.unreached, *unreached])
        return NotCalled(more, failed=_each_once(self.failed), unreached=users)


@dataclass(slots=True)
class _Done:
    """The result of an attempt, written down also where it failed half-way."""

    users: list[UserId] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    unreached: list[UserId] = field(default_factory=list)


class Caller:
    """Performs `Call` and `DrawCopies`, and says whom a card mentions and a reminder names."""

    def __init__(
        self,
        *,
        register: Register,
        approvals: Approvals,
        lanes: Lanes,
        authority: Authority,
        roster: Roster,
        chat: Chat,
        clock: Clock,
        posting: Posting,
    ) -> None:
        self._register = register
        self._approvals = approvals
        self._lanes = lanes
        self._authority = authority
        self._roster = roster
        self._chat = chat
        self._clock = clock
        self._posting = posting
        self._drawn: dict[tuple[str, tuple[int, ...]], set[MessageTs]] = {}
        """Copies that work which has to come back for its turn has drawn already."""

    async def perform(self, effect: Call | DrawCopies, work: Work) -> None:
        """Do one piece of work, or let the lane deliver it again."""
        approval = await self._approvals.get(effect.approval)
        if approval is None:
            await self._posting.done(effect, work)
            return
        known, is_call = approval, isinstance(effect, Call)

        async def write(attempt: int) -> None:
            await (self._call if is_call else self._draw_copies)(known, work, attempt)

        try:
            await self._posting.post(effect, work, approval.place if is_call else approval.home, write)
        except CannotPostError as never:
            log.error("never_seen", approval=approval.id, effect=type(effect).__name__, code=never.code)  # noqa: TRY400

    async def before_card(self, approval: Approval) -> Approval | None:
        """Choose the people whom a new card mentions. Those who cannot be looked up at once are called afterwards.

        Gives the approval as it is stored now; None: it is no longer kept.
        """
        if approval.card is not None or approval.state is not State.PENDING or approval.called:
            return approval
        if not approval.mentions:
            return approval
        found = await self._found(approval, AT_ONCE)
        here, direct = await self._parted(approval, found.users)
        later = bool(direct or found.failed or found.unknown)
        if here or later:
            not_called = replace(found.not_called(), failed=(), later=later)
            called = Called(tuple(here), not_called=not_called)
            return await self._register.happened(approval.id, called, stored=approval)
        return await self._approvals.get(approval.id)  # the look-ups took time

    async def able(self, approval: Approval) -> tuple[UserId, ...]:
        """The people who can decide now and have not: no more than are called at once."""
        found = await self._found(replace(approval, called=(), calling=Calling(Notify.MENTION)), AT_ONCE)
        asked = [each for each in approval.reviews if each.decision is None and each.governing.is_requesters]
        return _each_once([*([approval.requester] if asked else []), *found.users])

    # Who --------------------------------------------------------------------------------------------------------------

    async def _found(self, approval: Approval, patience: float) -> _Found:
        found = _Found()
        if approval.handed_to is not None and approval.handed_to not in approval.called:
            found.users.append(approval.handed_to)
        for step in candidates(approval):
            await self._find(step, approval, found, patience)
        return found

    async def _find(self, step: Candidates, approval: Approval, found: _Found, patience: float) -> None:
        parts: list[tuple[UserId, ...]] = []
        for sources in step.parts:
            people, failed = await self._authority.people(sources, patience)
            parts.append(people)
            found.failed += failed
        people = tuple(user for user in in_turn(parts) if user not in step.but)
        known = {*approval.called, *found.users}
        waiting = [user for user in people if user not in known]
        room = room_for(people, known)
        while waiting and room:
            tried, waiting = waiting[:room], waiting[room:]
            able = await self._able(step, approval, tried, found, patience)
            found.users += able
            room -= len(able)
        found.left.update(waiting)

    async def _able(
        self, step: Candidates, approval: Approval, users: Sequence[UserId], found: _Found, patience: float
    ) -> list[UserId]:
        """The people, of these, who may decide: a group may have guests, and a rule may name who left since."""
        policy = approval.reviews[step.action].governing
        known = await self._authority.all_facts(users, approval.home, sources_of(policy), patience=patience)
        able: list[UserId] = []
        for user, facts in known:
            refusal = may_decide(policy, approval.requester, user, facts, approval.ask.subject, step.stage)
            if refusal is None:
                able.append(user)
            elif isinstance(refusal, RosterUnknown | SourceUnknown):
                found.unknown = True
            elif any(user in part.named for part in policy.parts):
                found.unreached.append(user)
        return able

    async def _parted(self, approval: Approval, users: Sequence[UserId]) -> tuple[list[UserId], list[UserId]]:
        """Split people: those whom a mention beside the card reaches, and those who get the card by direct message."""
        here: list[UserId] = []
        if approval.calling.notify is not Notify.DIRECT:
            for user in users:
                facts = await self._roster.facts(user, approval.place, membership=True)
                here += [user] if facts.in_channel else []
        return here, [user for user in users if user not in here]

    # Calls ------------------------------------------------------------------------------------------------------------

    async def _call(self, approval: Approval, work: Work, attempt: int) -> None:
        if attempt > 1 and approval.copying:
            approval = await self._find_copies(approval, work)
        shown = await self._shown(approval)
        directly = approval.calling.notify is Notify.DIRECT and not approval.sheet
        # Else nobody is called yet: when it is posted, those are whom it does not mention itself.
        if approval.state is State.PENDING and (approval.card is not None or directly):
            found = await self._call_those_who_can(approval, shown, work, attempt)
            if found.failed or found.unknown:
                await self._call_later(approval)
        await self._put_up_signpost(approval, shown, attempt)

    async def _call_those_who_can(
        self, approval: Approval, shown: Sequence[Approval], work: Work, attempt: int
    ) -> _Found:
        found, done = await self._found(approval, WITH_PATIENCE), _Done()
        here, direct = await self._parted(approval, found.users)
        if direct:
            copying = _each_once([*approval.copying, *direct])
            await self._register.happened(approval.id, Called((), copying=copying), stored=approval)
        try:
            if here and approval.card is not None:
                await self._chat.call(shown, here, work.id, attempt)
                done.users += here
            for user in direct:
                await self._call_directly(approval, shown, user, done, f"{work.id}/{user}", attempt)
        except asyncio.CancelledError:  # another process may have looked for its copies already
            await self._call_later(approval)
            raise
        finally:  # also after a failure, nobody of these is called twice
            unreached = [*approval.not_called.unreached, *done.unreached]
            left = _each_once([*approval.copying, *(user for user in direct if user not in done.users)])
            called = Called(tuple(done.users), tuple(done.copies), found.not_called(unreached), copying=left)
            await self._register.happened(approval.id, called)
        return found

    async def _call_later(self, approval: Approval) -> None:
        await self._lanes.set_timer(approval.id, Timer.CALL, self._clock.now() + AGAIN)

    async def _find_copies(self, approval: Approval, work: Work) -> Approval:
        """Store the copies that attempts posted before they were cut off, so that they are redrawn with the card (P8).

        Gives the approval as it is stored now.
        """
        is_last = work.id.startswith(LATER) and work.attempt == 1
        if not is_last:
            await self._call_later(approval)
        shown = await self._shown(approval)
        copies = [each for user in approval.copying for each in await self._chat.posted_copies(shown, user)]
        users = _each_once(each.user for each in copies)
        called = Called(users, tuple(copies), copying=() if is_last else None)
        return await self._register.happened(approval.id, called, stored=approval) or approval

    async def _call_directly(
        self, approval: Approval, shown: Sequence[Approval], user: UserId, done: _Done, key: str, attempt: int
    ) -> None:
        copy = next((each for each in approval.copies if each.user == user), None)
        on_sheet = next((each for row in shown for each in row.copies if each.user == user), None)
        if copy is not None:
            await self._chat.point_to(copy, HANDED_OVER, key, attempt)
        elif (made := on_sheet or await self._chat.copy(shown, user, attempt)) is not None:
            done.copies.append(made)
        else:
            done.unreached.append(user)
        done.users.append(user)

    async def _put_up_signpost(self, approval: Approval, shown: Sequence[Approval], attempt: int) -> None:
        """Post a link in the conversation to a card that is in another channel."""
        if not approval.is_elsewhere or approval.card is None or approval.signpost is not None:
            return
        known = next((row.signpost for row in shown if row.signpost), None)
        signpost = known or await self._chat.signpost(shown, attempt)
        await self._register.happened(approval.id, Called((), signpost=signpost))

    async def _shown(self, approval: Approval) -> Sequence[Approval]:
        """The approvals on the same message, as people see them."""
        if approval.sheet:
            return await self._register.sheet(approval.thread, approval.sheet)
        return (concealment.shown(approval),)

    # Copies -----------------------------------------------------------------------------------------------------------

    async def _draw_copies(self, approval: Approval, work: Work, attempt: int) -> None:
        """Draw the copies that can be drawn now; the others are drawn when Slack takes them."""
        shown = await self._shown(approval)
        key = work.id, tuple(each.version for each in shown)
        if len(self._drawn) >= _MOST_KEPT:
            self._drawn.clear()
        if work.attempt > 1:  # an earlier change of a copy may still reach Slack
            await self._lanes.set_timer(approval.id, Timer.REDRAW, self._clock.now() + LATE)
        drawn, closed = self._drawn.setdefault(key, set()), list[CannotPostError]()
        for copy in (each for each in approval.copies if each.card not in drawn):
            try:
                if not await self._chat.redraw_copy(shown, copy):
                    await self._forget(shown, copy)
            except CannotPostError as error:
                closed.append(error)
            drawn.add(copy.card)
        self._drawn.pop(key, None)
        if any(each.signpost for each in shown):
            await self._chat.signpost(shown, attempt)
        if closed:
            raise closed[0]

    async def _forget(self, shown: Sequence[Approval], copy: Copy) -> None:
        """Forget a copy that somebody deleted: it is not posted again."""
        for each in shown:
            if copy in each.copies:
                await self._register.happened(each.id, CopyGone(copy.card))


def _each_once(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))
