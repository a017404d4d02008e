"""Approves the rows that a press of Approve all names, each as if its own button had been pressed.

So each row has its own audit row, its own vote under its own rule, and its own refusal; the person is told once how
many were left out, and why. The desk tells each refusal that it records: if the person may not decide under a rule,
only one row of that rule goes to the desk, because twenty sentences say no more than one. That first row also makes the
desk look the person up in Slack; the others find the answer known.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from adapters.slack.cards.approve_all import approvable
from adapters.slack.cards.sheet_rows import mark_of
from adapters.slack.drawing.sentences import approve_all as sentences
from adapters.slack.drawing.sentences.responses import REQUESTS_GONE
from adapters.slack.inbound.payloads.actor import Actor
from adapters.slack.inbound.payloads.buttons import PressedAll
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

_SOON = 0.5
"""Seconds that a look-up usually takes."""
_OF_THE_PERSON = (NoGuests, NotInChannel, Stranger, RosterUnknown)

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Result:
    """The sentence for the person, "" if the desk tells them everything; `kept` is false if something was not saved."""

    sentence: str = ""
    kept: bool = True


@dataclass(slots=True)
class _Tally:
    """The results of the rows."""

    accepted: list[Approval] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    told: bool = False
    """The desk tells the person about a refusal."""

    def take(self, approval: Approval, outcome: Refusal | BaseException | None) -> None:
        """Add the desk's answer for one row."""
        match outcome:
            case None:
                self.accepted.append(approval)
            case Refusal():
                self.told = True
                self.left_out[_reason(outcome)] += 1
            case _:
                log.error("row_not_kept", approval=approval.id, error=type(outcome).__name__)
                self.left_out[sentences.FAILED] += 1


async def approve_all(desk: Intake, pressed: PressedAll) -> Result:
    """Approve the named rows that the person may decide; each is stored when this returns (P1).

    Raises the desk's error if nothing could be saved.
    """
    shown, person = pressed.shown, pressed.person
    rows = {mark_of(each): each for each in await desk.sheet(shown.thread, shown.sheet)}
    if not rows:
        return Result(REQUESTS_GONE)
    first = rows.get(shown.rows[0][0], next(iter(rows.values())))
    if not is_on_card(first, pressed.on):
        await desk.choose(_click(first, pressed))
        return Result()
    tally, able = _Tally(), list[Approval]()
    for mark, revision in shown.rows:
        reason = _why_not(rows.get(mark), revision, person)
        if reason:
            tally.left_out[reason] += 1
        else:
            able.append(rows[mark])
    if able:
        await _choose_all(desk, able, pressed, tally)
    else:  # recorded, told, and redrawn: the sheet may be outdated
        mark, revision = shown.rows[0]
        asked = Click(shown.approval(mark), 0, revision, person.user, Choice.APPROVE, on=pressed.on)
        tally.told = await desk.choose(asked) is not None
    unnamed = [each for mark, each in rows.items() if mark not in dict(shown.rows) and each.state is State.PENDING]
    tally.left_out.update(
        sentences.QUESTION if each.ask.is_question else sentences.IN_PART if approvable(each) else sentences.OTHER
        for each in unnamed
    )
    if not tally.accepted and tally.told and len(tally.left_out) <= 1:
        return Result(kept=not tally.left_out[sentences.FAILED])
    now = {each.id: each for each in await desk.sheet(shown.thread, shown.sheet)}
    return Result(_sentence(tally, now, person.user, len(rows)), kept=not tally.left_out[sentences.FAILED])


async def _choose_all(desk: Intake, able: Sequence[Approval], pressed: PressedAll, tally: _Tally) -> None:
    """Choose one row of each rule first, then all others at once.

    If looking the person up takes long, the others do not wait for it: Slack gives up after 3 s.
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
                tally.left_out[_reason(outcome)] += len(rest)
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


def _why_not(approval: Approval | None, revision: int, person: Actor) -> str:
    """The reason to leave a row out without asking the desk; "" if there is none."""
    if approval is None or approval.state is not State.PENDING:
        return sentences.DECIDED
    review = approval.reviews[0]
    if review.revision != revision:
        return sentences.CHANGED
    if not approvable(approval):
        return sentences.OTHER
    if may_open(review.governing, approval.requester, person.user, approval.ask.subject) is not None:
        return sentences.NOT_YOURS
    return sentences.APPROVED if any(vote.by == person.user for vote in review.votes) else ""


def _reason(refusal: Refusal) -> str:
    match refusal:
        case AlreadyDecided() | Expired() | Closed():
            return sentences.DECIDED
        case Changed():
            return sentences.CHANGED
        case AlreadyVoted():
            return sentences.APPROVED
        case RosterUnknown():
            return sentences.UNKNOWN
        case _:
            return sentences.NOT_YOURS


def _sentence(tally: _Tally, now: Mapping[ApprovalId, Approval], by: UserId, total: int) -> str:
    """The sentence for the person, from what became of the rows by `now`."""
    pending = [now[each.id] for each in tally.accepted if each.id in now and now[each.id].state is State.PENDING]
    votes = sum(any(vote.by == by for vote in each.reviews[0].votes) for each in pending)
    done, checking = len(tally.accepted) - len(pending), len(pending) - votes
    if checking:
        tally.left_out[sentences.CHECKING] += checking
    return sentences.result(approved=done, counted=votes, total=total, left_out=tally.left_out)
