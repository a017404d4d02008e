"""Votes on one action: which of them count, when they are enough, and which lapse.

A vote counts as long as its author could give it again. Groups and channels are checked again at each later vote, so a
person who left one before the quorum was full does not count. Shifts count as of the vote: a hand-over between two
votes takes nothing back, and a person who comes on call later does not fill that place by an earlier vote. If it cannot
be told whether an earlier vote still counts, the later one is refused and nothing is decided.

In a policy with stages, it is the turn of the first stage that the votes do not fill. A rejection or an edit is never
too early: neither lets anything run without the votes of all stages. An approval before its stage's turn is too early.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from engine.approvals.approval import Fills, Review, Vote, supports
from engine.approvals.events import Chose, Ruling
from engine.asks.ask import Choice, Decision
from engine.authority.eligibility import AccountType, Facts, governed, grounds_for, may_decide, parts_open_to
from engine.authority.matching import FillableParts
from engine.authority.parts import Part
from engine.authority.policy import Policy, Subject, escalated
from engine.authority.quorum import adds, missing, stage_of
from engine.ids import UserId
from engine.sentences.refusals import AlreadyVoted, NoLongerNamed, NotNeeded, Refusal, RosterUnknown, SourceUnknown
from engine.sources import Ground, Origin, Source

APPROVING = frozenset({Choice.APPROVE, Choice.EDIT})


@dataclass(frozen=True, slots=True)
class Electorate:
    """The rules for voting on an action: its policy, the requester, and today's policy if that is another one."""

    policy: Policy
    requester: UserId
    subject: Subject
    current: Policy | None = None

    def refuses(self, by: UserId, facts: Facts, stage: int | None, today: Facts | None = None) -> Refusal | None:
        """Refuse a person who may not vote. `today`: their facts now, if `facts` are as of an earlier vote."""
        refusal = may_decide(self.policy, self.requester, by, facts, self.subject, stage)
        if refusal is not None or self.current is None:
            return refusal
        widest = escalated(self.current, len(self.current.ladder))
        narrowed = may_decide(widest, self.requester, by, today or facts, self.subject)
        if narrowed is None or isinstance(narrowed, RosterUnknown | SourceUnknown):
            return narrowed
        return NoLongerNamed()

    def fills(self, by: UserId, facts: Facts) -> tuple[Fills, ...]:
        """List the parts that a person can fill."""
        policy = governed(self.policy, self.requester, by, self.subject)
        return tuple(Fills(*each) for each in parts_open_to(policy, self.requester, by, facts))


def electorate(review: Review, requester: UserId, subject: Subject, ruling: Ruling) -> Electorate:
    """Make the electorate of a review."""
    return Electorate(review.governing, requester, subject, ruling.current)


def recount(
    review: Review, voters: Electorate, ruling: Ruling, by: UserId
) -> tuple[Review, tuple[UserId, ...], Refusal | None]:
    """Check the earlier votes: the review without those that lapsed, their authors, and a refusal if nobody can tell.

    `by` is voting now, so an earlier vote of theirs is kept: the new one replaces it.
    """
    known = dict(ruling.voters)
    kept: list[Vote] = []
    fallen: list[UserId] = []
    for vote in review.votes:
        if vote.by == by:
            kept.append(vote)
            continue
        now = known.get(vote.by, _NOT_LOOKED_UP)
        facts = with_shifts_of(now, vote.grounds)
        refusal = voters.refuses(vote.by, facts, None, today=_now_or_then(now, facts))
        if isinstance(refusal, RosterUnknown | SourceUnknown):
            return review, (), refusal
        if refusal is None:
            kept.append(replace(vote, fills=voters.fills(vote.by, facts)))
        else:
            fallen.append(vote.by)
    return replace(review, votes=tuple(kept)), tuple(fallen), None


_NOT_LOOKED_UP = Facts(AccountType.UNKNOWN)


def with_shifts_of(facts: Facts, held: Sequence[Ground]) -> Facts:
    """Combine what is known of a voter now with their shifts at the time of their vote."""
    shifts = tuple(each for each in held if each.source.origin is Origin.ON_CALL)
    others = tuple(each for each in facts.grounds if each.source.origin is not Origin.ON_CALL)
    failed = tuple(each for each in facts.failed if each.source.origin is not Origin.ON_CALL)
    return replace(facts, grounds=(*others, *shifts), failed=failed)


def _now_or_then(now: Facts, then: Facts) -> Facts:
    """Combine what is known of a voter now with the shifts that they had: today's rule may name them by either."""
    had = {each.source: each for each in then.grounds}
    failed = tuple(each for each in now.failed if each.source not in had)
    return replace(now, grounds=tuple(({each.source: each for each in now.grounds} | had).values()), failed=failed)


def stage_for(review: Review, wanted: Vote) -> int | None:
    """The stage whose turn it is to vote for this outcome; None for an outcome that any stage may choose."""
    if wanted.choice in (Choice.REJECT, Choice.ANSWER):
        return None
    current = stage_of(review.governing, _voters(review, wanted, without=wanted.by))
    return len(review.governing.stages) - 1 if current is None else current


def not_needed(review: Review, wanted: Vote, facts: Facts) -> Refusal | None:
    """Refuse an eligible vote that fills no place: it was given already, or others have to vote."""
    if wanted.choice in (Choice.REJECT, Choice.ANSWER):
        return _rejected_already(review, wanted)
    if any(each.by == wanted.by and _says_all_of(each, wanted) for each in review.votes):
        return AlreadyVoted(missing(review.governing, _voters(review, wanted)), approved=wanted.choice in APPROVING)
    counted = _voters(review, wanted, without=wanted.by)
    if adds(review.governing, counted, _able(wanted)):
        return None
    lacking = _still_wanted(review.governing, counted)
    failed = tuple(each for each in facts.failed if each.source in lacking)
    return SourceUnknown(failed) if failed else NotNeeded(lacking)


def _says_all_of(vote: Vote, wanted: Vote) -> bool:
    """True if a vote was given already.

    New words with an option replace the earlier ones. So does a vote of a person who can fill another part by now,
    since a schedule that could not be read before names them, or since their shift began.
    """
    same = supports(vote, wanted) and set(wanted.fills) <= set(vote.fills)
    return same and (wanted.choice is not Choice.OPTION or vote.text == wanted.text)


def with_earlier_shifts(review: Review, event: Chose) -> Chose:
    """Add the shifts by which the author voted for the same before: voting again loses none of them."""
    shifts = (
        ground
        for vote in review.votes
        if vote.by == event.by and (vote.choice is event.choice or {vote.choice, event.choice} <= APPROVING)
        for ground in vote.grounds
        if ground.source.origin is Origin.ON_CALL
    )
    known = {ground.source for ground in event.facts.grounds}
    earlier = tuple(each for each in shifts if each.source not in known)
    return replace(event, facts=replace(event.facts, grounds=(*event.facts.grounds, *earlier)))


def may_fill_more(policy: Policy, vote: Vote, late: Collection[Source]) -> bool:
    """True if a source that may still answer could let a voter fill one more part."""
    others = (part for place, part in _places(policy) if place not in vote.fills)
    return any(source in late for part in others for source in part.sources)


def _places(policy: Policy) -> Iterator[tuple[Fills, Part]]:
    for stage, parts in enumerate(policy.stages):
        for place, part in enumerate(parts):
            yield Fills(stage, place), part


def _rejected_already(review: Review, wanted: Vote) -> Refusal | None:
    quorum = review.policy.reject_quorum
    if wanted.choice is Choice.ANSWER or quorum == 1:
        return None
    if not any(each.by == wanted.by for each in review.votes if each.choice is Choice.REJECT):
        return None
    return AlreadyVoted(quorum - _rejections(review.votes), approved=False)


def _still_wanted(policy: Policy, voters: Sequence[FillableParts]) -> tuple[Source, ...]:
    stage, places = _turn(policy, voters)
    parts = policy.stages[stage]
    return tuple(dict.fromkeys(source for place in places for source in parts[place].sources))


def turn_of(review: Review) -> tuple[int, tuple[int, ...]]:
    """The stage whose turn it is to approve, and its parts that still lack people."""
    return _turn(review.governing, [_able(vote) for vote in review.votes if vote.choice in APPROVING])


def _turn(policy: Policy, voters: Sequence[FillableParts]) -> tuple[int, tuple[int, ...]]:
    stage = stage_of(policy, voters) or 0
    every = tuple(range(len(policy.stages[stage])))
    return stage, tuple(place for place in every if adds(policy, voters, [(stage, place)])) or every


def with_vote(review: Review, event: Chose, vote: Vote, *, changes: bool, edits_under: Electorate) -> Review:
    """Add a vote to the review. An edit that changes the value starts a new revision under the policy for that value.

    A person has one vote on a revision: a later one replaces it.
    """
    others = tuple(each for each in review.votes if each.by != vote.by)
    if event.choice is Choice.EDIT and changes:
        return _revised(review, event, vote, edits_under)
    review = replace(review, votes=(vote,) if event.choice is Choice.ANSWER else (*others, vote))
    return _decided_when_enough(review, event, vote)


def _revised(review: Review, event: Chose, vote: Vote, edits_under: Electorate) -> Review:
    """Start a new revision. Its author approves it if the policy for the new value lets them; else it has no vote."""
    policy = edits_under.policy
    same = policy == review.governing
    review = replace(
        review,
        value=event.value,
        revision=review.revision + 1,
        edited_by=event.by,
        votes=(),
        policy=review.policy if same else policy,
        escalated=review.escalated if same else 0,
    )
    if edits_under.refuses(event.by, event.facts, 0) is not None:
        return review
    vote = vote_of(edits_under, event, vote.at)
    return _decided_when_enough(replace(review, votes=(vote,)), event, vote)


def _decided_when_enough(review: Review, event: Chose, vote: Vote) -> Review:
    if not _is_enough(review, vote):
        return review
    return replace(review, decision=_decision(review, event, vote), decided_at=vote.at)


def _is_enough(review: Review, vote: Vote) -> bool:
    match vote.choice:
        case Choice.ANSWER:
            return True
        case Choice.REJECT:
            return _rejections(review.votes) >= review.policy.reject_quorum
        case _:
            return stage_of(review.governing, _voters(review, vote)) is None


def _rejections(votes: Sequence[Vote]) -> int:
    return sum(each.choice is Choice.REJECT for each in votes)


def _voters(review: Review, wanted: Vote, without: UserId | None = None) -> list[FillableParts]:
    return [_able(each) for each in review.votes if supports(each, wanted) and each.by != without]


def _able(vote: Vote) -> FillableParts:
    return [(each.stage, each.place) for each in vote.fills]


def _decision(review: Review, event: Chose, vote: Vote) -> Decision:
    match event.choice:
        case Choice.OPTION:
            said = dict.fromkeys(each.text for each in review.votes if each.text and supports(each, vote))
            changed = review.value if review.edited_by is not None else None
            return Decision(Choice.OPTION, value=changed, text="\n".join(said), option=vote.option)
        case Choice.REJECT:
            said = dict.fromkeys(each.text for each in review.votes if each.text and each.choice is Choice.REJECT)
            return Decision(Choice.REJECT, text="\n".join(said))
        case Choice.ANSWER:
            return Decision(Choice.ANSWER, value=event.value, text=event.text)
        case Choice.SKIP | Choice.REDO:
            return Decision(event.choice)
        case Choice.APPROVE | Choice.EDIT if review.edited_by is not None or event.choice is Choice.EDIT:
            return Decision(Choice.EDIT, value=review.value)
        case _:
            return Decision(Choice.APPROVE)


def vote_of(voters: Electorate, event: Chose, at: datetime) -> Vote:
    """Make the vote of a click, with its author's grounds."""
    policy = governed(voters.policy, voters.requester, event.by, voters.subject)
    grounds = grounds_for(policy, voters.requester, event.by, event.facts, at)
    fills = voters.fills(event.by, event.facts)
    return Vote(event.by, event.choice, at, event.text, event.said, grounds=grounds, fills=fills)
