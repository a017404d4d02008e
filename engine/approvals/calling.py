"""Who is called to decide: those whose turn it is, each once, and not more than a few at once. Pure.

A group may have hundreds of members, so at most `MOST` are called of each step: of those whom the rule names, part by
part in turn, so that a large group leaves room for who is on call; and of those whom each rung of the ladder adds.
Whoever voted already is not called, nor the requester where they may not decide what they asked for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from engine.approvals.approval import Approval, Notify, Review
from engine.approvals.voting import turn_of
from engine.ids import UserId
from engine.sources import Source

MOST = 15
"""How many people are called at once, at most."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """People who can decide one action now, by the parts of a stage or by a rung; those in `but` are not called."""

    action: int
    stage: int
    parts: tuple[tuple[Source, ...], ...]
    but: frozenset[UserId]


def steps(approval: Approval) -> tuple[Candidates, ...]:
    """Whom to call for what is still to be decided, in order.

    Where nobody is to be notified, the ladder calls people all the same: that is what it is for.
    """
    pairs = ((place, review) for place, review in enumerate(approval.reviews) if review.decision is None)
    named = approval.calling.notify is not Notify.NONE
    return tuple(chain.from_iterable(_steps(approval, place, review, named=named) for place, review in pairs))


def _steps(approval: Approval, place: int, review: Review, *, named: bool) -> Iterable[Candidates]:
    stage, missing = turn_of(review)
    but = frozenset(vote.by for vote in review.votes)
    if not review.policy.own_requests:
        but |= {approval.requester}
    if named:
        yield Candidates(place, stage, tuple(review.policy.stages[stage][each].sources for each in missing), but)
    for rung in review.policy.ladder[: review.escalated]:
        yield Candidates(place, stage, (rung.sources,), but)


def in_turn(parts: Iterable[Iterable[UserId]]) -> tuple[UserId, ...]:
    """The people of several parts, each once: the first of each part, then the second of each, and so on."""
    rounds = chain.from_iterable(zip_longest(*parts))
    return tuple(dict.fromkeys(user for user in rounds if user is not None))


def room_for(people: Sequence[UserId], called: Iterable[UserId]) -> int:
    """How many more of these people may be called."""
    return max(0, MOST - len(set(people) & set(called)))
