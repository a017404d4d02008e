"""The people who are called to decide: those whose turn it is, each once, and a limited number at a time.

A group may have hundreds of members, so at most `MOST` people are called of the rule's parts, in turn, so that a large
group leaves room for the person on call; and at most `MOST` of each rung of the ladder. People who voted already are
not called, nor is a requester who may not decide their own request.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from engine.approvals.approval import Approval, Notify, Review
from engine.approvals.electorate import turn_of
from engine.ids import UserId
from engine.sources import Source

MOST = 15
"""The most people who are called at once."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The people who can decide one action now, by the parts of a stage or by a rung. Those in `but` are not called."""

    action: int
    stage: int
    parts: tuple[tuple[Source, ...], ...]
    but: frozenset[UserId]


def candidates(approval: Approval) -> tuple[Candidates, ...]:
    """List the people to call for each undecided action, in order.

    The ladder calls people even if nobody else is to be notified, which is its purpose.
    """
    pairs = ((place, review) for place, review in enumerate(approval.reviews) if review.decision is None)
    named = approval.calling.notify is not Notify.NONE
    return tuple(chain.from_iterable(_of_action(approval, place, review, named=named) for place, review in pairs))


def _of_action(approval: Approval, place: int, review: Review, *, named: bool) -> Iterable[Candidates]:
    stage, missing = turn_of(review)
    but = frozenset(vote.by for vote in review.votes)
    if not review.policy.own_requests:
        but |= {approval.requester}
    if named:
        yield Candidates(place, stage, tuple(review.policy.stages[stage][each].sources for each in missing), but)
    for rung in review.policy.ladder[: review.escalated]:
        yield Candidates(place, stage, (rung.sources,), but)


def in_turn(parts: Iterable[Iterable[UserId]]) -> tuple[UserId, ...]:
    """List the people of several parts, each once: the first of each part, then the second of each, and so on."""
    rounds = chain.from_iterable(zip_longest(*parts))
    return tuple(dict.fromkeys(user for user in rounds if user is not None))


def room_for(people: Sequence[UserId], called: Iterable[UserId]) -> int:
    """Count how many more of these people may be called."""
    return max(0, MOST - len(set(people) & set(called)))
