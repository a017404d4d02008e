"""What a press of Approve all does: each row that it names is chosen by itself, as if its own button were pressed.

So each has its own audit row, its own vote under its own rule, and its own refusal. What is left out is counted, and
the person is told once. A refusal that the desk records is told by the desk; so only one row of those that are refused
for who the person is goes there: twenty sentences say no more than one. That first row is also the one that asks Slack
who the person is, and the others find it known.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from adapters.slack.cards.sheet import approvable, mark_of
from adapters.slack.inbound.parse import Person, PressedAll
from engine.approvals.approval import Approval, State
from engine.approvals.events import Click
from engine.asks.ask import Choice
from engine.authority.eligibility import may_open
from engine.authority.policy import Policy
from engine.ids import ApprovalId, UserId
from engine.machine import is_on_card
from engine.ports import Intake
from engine.sentences.refusals import (
    AlreadyDecided,
    AlreadyVoted,
    Changed,
    Closed,
    Expired,
    NoGuests,
    NotInChannel,
    Refusal,
    RosterUnknown,
    Stranger,
)

GONE = "These requests are no longer kept here. Nothing was changed."

_OVER, _CHANGED, _VOTED = "decided already", "changed since you saw it", "approved by you already"
_NOT_YOURS, _UNKNOWN = "not yours to decide", "not approved, as Slack could not tell whether you may"
_IN_PART, _FAILED = "shown only in part", "could not be saved: please press again"
_SOON = 0.5
"""Seconds in which a look-up is usually done."""
_KEPT = "being checked, you'll hear in a moment"
_QUESTION, _OTHER = "to be answered by itself", "without an Approve"
_OF_THE_PERSON = (NoGuests, NotInChannel, Stranger, RosterUnknown)

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Outcome:
    """`sentence` is for the person, "" where the desk tells them all; `kept` is false where something was not saved."""

    sentence: str = ""
    kept: bool = True


@dataclass(slots=True)
class _Tally:
    """What became of the rows."""

    counted: list[Approval] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    told: bool = False
    """The desk tells the person of a refusal."""

    def take(self, approval: Approval, outcome: Refusal | BaseException | None) -> None:
        """Note what the desk said of one row."""
        match outcome:
            case None:
                self.counted.append(approval)
            case Refusal():
                self.told = True
                self.left[_word(outcome)] += 1
            case _:
                log.error("row_not_kept", approval=approval.id, error=type(outcome).__name__)
                self.left[_FAILED] += 1


async def approve_all(desk: Intake, pressed: PressedAll) -> Outcome:
    """Approve what the press names and the person may decide; durable when this returns, row by row (P1).

    Raises what the desk raises where nothing could be saved.
    """
    shown, person = pressed.shown, pressed.person
    rows = {mark_of(each): each for each in await desk.sheet(shown.thread, shown.sheet)}
    if not rows:
        return Outcome(GONE)
    first = rows.get(shown.rows[0][0], next(iter(rows.values())))
    if not is_on_card(first, pressed.on):
        await desk.choose(_click(first, pressed))
        return Outcome()
    tally, able = _Tally(), list[Approval]()
    for mark, revision in shown.rows:
        reason = _why_not(rows.get(mark), revision, person)
        if reason:
            tally.left[reason] += 1
        else:
            able.append(rows[mark])
    if able:
        await _choose_all(desk, able, pressed, tally)
    else:  # on record, told, and the list redrawn: it may have missed that
        mark, revision = shown.rows[0]
        asked = Click(shown.approval(mark), 0, revision, person.user, Choice.APPROVE, on=pressed.on)
        tally.told = await desk.choose(asked) is not None
    unnamed = [each for mark, each in rows.items() if mark not in dict(shown.rows) and each.state is State.PENDING]
    tally.left.update(
        _QUESTION if each.ask.is_question else _IN_PART if approvable(each) else _OTHER for each in unnamed
    )
    if not tally.counted and tally.told and len(tally.left) <= 1:
        return Outcome(kept=not tally.left[_FAILED])
    now = {each.id: each for each in await desk.sheet(shown.thread, shown.sheet)}
    return Outcome(_sentence(tally, now, person.user, len(rows)), kept=not tally.left[_FAILED])


async def _choose_all(desk: Intake, able: Sequence[Approval], pressed: PressedAll, tally: _Tally) -> None:
    """First one row of each rule, then all the others at once.

    Where it takes long to look the person up, the others do not wait for that: Slack gives up after 3 s.
    """
    by_rule: dict[Policy, list[Approval]] = {}
    for each in able:
        by_rule.setdefault(each.reviews[0].policy, []).append(each)
    firsts = asyncio.gather(*(desk.choose(_click(rows[0], pressed)) for rows in by_rule.values()))
    try:
        await asyncio.wait({firsts}, timeout=_SOON)
        known: Sequence[Refusal | None] = firsts.result() if firsts.done() else [None] * len(by_rule)
        others: list[Approval] = []
        for (_, *rest), outcome in zip(by_rule.values(), known, strict=True):
            if isinstance(outcome, _OF_THE_PERSON):
                tally.left[_word(outcome)] += len(rest)
            else:
                others += rest
        later = await asyncio.gather(*(desk.choose(_click(each, pressed)) for each in others), return_exceptions=True)
        for (first, *_), outcome in zip(by_rule.values(), await firsts, strict=True):
            tally.take(first, outcome)
    finally:
        firsts.cancel()
    for each, said in zip(others, later, strict=True):
        tally.take(each, said)


def _click(approval: Approval, pressed: PressedAll) -> Click:
    return Click(approval.id, 0, approval.reviews[0].revision, pressed.person.user, Choice.APPROVE, on=pressed.on)


def _why_not(approval: Approval | None, revision: int, person: Person) -> str:
    """Why a row is left out without being asked about; "" where it is not."""
    if approval is None or approval.state is not State.PENDING:
        return _OVER
    review = approval.reviews[0]
    if review.revision != revision:
        return _CHANGED
    if not approvable(approval):
        return _OTHER
    if may_open(review.governing, approval.requester, person.user, approval.ask.subject) is not None:
        return _NOT_YOURS
    return _VOTED if any(vote.by == person.user for vote in review.votes) else ""


def _word(refusal: Refusal) -> str:
    match refusal:
        case AlreadyDecided() | Expired() | Closed():
            return _OVER
        case Changed():
            return _CHANGED
        case AlreadyVoted():
            return _VOTED
        case RosterUnknown():
            return _UNKNOWN
        case _:
            return _NOT_YOURS


def _sentence(tally: _Tally, now: Mapping[ApprovalId, Approval], by: UserId, total: int) -> str:
    """How many were approved, and how many were left out for which reason."""
    pending = [now[each.id] for each in tally.counted if each.id in now and now[each.id].state is State.PENDING]
    votes = sum(any(vote.by == by for vote in each.reviews[0].votes) for each in pending)
    done, kept = len(tally.counted) - len(pending), len(pending) - votes
    if kept:
        tally.left[_KEPT] += kept
    told = [f"✅ You approved {done} of {total} requests."] if done or votes else ["Nothing was approved."]
    if votes:
        told = told[:1] if done else []
        told.append(f"Your approval counts for {votes}{' more' if done else ''}; somebody else must approve too.")
    if tally.left:
        told.append(f"Left out: {', '.join(f'{count} {why}' for why, count in tally.left.items())}.")
    return " ".join(told)
