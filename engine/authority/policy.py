"""Who may decide (P6), and when enough of them have (P2).

A policy is settled when the question is asked and is kept with the approval, so that a later change of `app.yaml` does
not change the rules of a decision under way, and an audit row can name the rule it was made under. `narrowed` is the
one exception: who is no longer named in the rule of today may not decide.

A policy is a row of stages, each takes all of its parts, each part takes `quorum` people of its sources. A person
counts once, for one part: which, is a matching, so that who came first takes no place that only the next could fill.
Somebody's rejection counts whatever stage they belong to: it is never too early to say no.

Only full members of the workspace decide: a guest or a person of another workspace does only where the part names
them by id and allows it; a bot and a deactivated account never do. A question is answered by the person whose
conversation it is, guest or not.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import chain
from types import MappingProxyType
from typing import Final

from engine.ids import UserId
from engine.sentences.refusals import (
    NoGuests,
    NoOwnRequests,
    NotAnApprover,
    NotInChannel,
    NotYetTheirTurn,
    NotYourQuestion,
    NotYourRun,
    Refusal,
    RosterUnknown,
    SourceUnknown,
    Stranger,
)
from engine.sources import Failure, Ground, Origin, Source


class Subject(StrEnum):
    """What a person would decide."""

    REQUEST = "request"
    """Something that is to be approved or refused."""
    QUESTION = "question"
    FAILURE = "failure"
    """What becomes of a run that failed."""
    NOTICE = "notice"
    """Whether what an agent tells was seen."""


class OnExpiry(StrEnum):
    """What becomes of an approval that nobody decided in time. There is no `approve` (P5)."""

    REJECT = "reject"
    ESCALATE = "escalate"
    """The next step of the ladder is called; where there is none left, it is rejected."""
    FAIL = "fail"


class Standing(StrEnum):
    """What Slack says a person is."""

    MEMBER = "member"
    GUEST = "guest"
    VISITOR = "visitor"
    """Of another workspace."""
    STRANGER = "stranger"
    """A bot, or deactivated."""
    UNKNOWN = "unknown"
    """Slack could not be asked."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a person at one moment.

    `in_channel` is whether they are in the conversation's channel: None where nobody needed to know or nobody could
    tell. `grounds` are the groups and schedules that name them; `failed` those that could not be read, `late` those of
    them that may answer yet. `looked_up` is when Slack was asked of them.
    """

    standing: Standing
    in_channel: bool | None = None
    grounds: tuple[Ground, ...] = ()
    failed: tuple[Failure, ...] = ()
    late: tuple[Source, ...] = ()
    looked_up: datetime | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """`quorum` people of these sources.

    `outsiders` may be guests or of another workspace: the rule names them by id and says so.

    Raises ValueError for a quorum below 1.
    """

    sources: tuple[Source, ...]
    quorum: int = 1
    outsiders: frozenset[UserId] = frozenset()

    def __post_init__(self) -> None:
        if self.quorum < 1:
            raise ValueError("a quorum is at least 1")

    @property
    def named(self) -> frozenset[UserId]:
        """The people whom it names by id."""
        return frozenset(UserId(each.name) for each in self.sources if each.origin is Origin.USER)


Stage = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Rung:
    """A step of the ladder: `after` the asking, these people may decide too, in any part. `outsiders`: as in `Part`."""

    after: timedelta
    sources: tuple[Source, ...]
    outsiders: frozenset[UserId] = frozenset()


LONGEST_GRANT: Final = timedelta(days=7)
"""How long a grant can last: anything permanent belongs in a rule."""


@dataclass(frozen=True, slots=True)
class GrantTerms:
    """What a rule says of grants. With `fields` the arguments of these names have to be equal, else all have to.

    Raises ValueError for a length of time that no grant has, and for a field without a name or named twice.
    """

    lasts: timedelta
    fields: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not timedelta() < self.lasts <= LONGEST_GRANT:
            raise ValueError(f"a grant lasts at most {LONGEST_GRANT.days} days")
        if "" in self.fields or len(set(self.fields)) < len(self.fields):
            raise ValueError("each field has a name, and is named once")


@dataclass(frozen=True, slots=True)
class Policy:
    """Who decides one action. `rule` names it in the audit: the rule's place in `app.yaml`, or a default's name.

    Each action of an ask has a policy of its own: in a batch of tool calls the rule of a harmless one must not decide
    who approves a dangerous one.

    Raises ValueError for a policy without people, and a quorum that those who are named cannot reach.
    """

    rule: str
    stages: tuple[Stage, ...]
    own_requests: bool = False
    reject_quorum: int = 1
    ladder: tuple[Rung, ...] = ()
    grants: GrantTerms | None = None

    def __post_init__(self) -> None:
        if self.reject_quorum < 1:
            raise ValueError("a quorum is at least 1")
        if not self.stages or not all(self.stages) or not all(part.sources for part in self.parts):
            raise ValueError("a policy names those who decide")
        if not self.ladder and not fillable(self.stages):
            raise ValueError(f"a quorum of {self.quorum} cannot be reached by those who are named")

    @property
    def parts(self) -> Stage:
        """The parts of all stages, in order."""
        return tuple(chain.from_iterable(self.stages))

    @property
    def quorum(self) -> int:
        """How many people must approve, in all."""
        return sum(part.quorum for part in self.parts)

    @property
    def sources(self) -> tuple[Source, ...]:
        """All its sources, each once, without those of its ladder."""
        return tuple(dict.fromkeys(source for part in self.parts for source in part.sources))

    @property
    def is_requesters(self) -> bool:
        """Whether the requester alone decides."""
        return all(source.origin is Origin.REQUESTER for source in self.sources)

    @property
    def names_all(self) -> bool:
        """Whether it names each person by id: then it can be told without a look-up who may decide."""
        return all(source.origin is Origin.USER for source in self.sources)


REQUESTER = Source(Origin.REQUESTER, "")
CHANNEL = Source(Origin.CHANNEL, "")
"""The members of the conversation's channel."""


def person(user: UserId) -> Source:
    """A person as a source."""
    return Source(Origin.USER, user)


def one_part(rule: str, *sources: Source, quorum: int = 1, own_requests: bool = False) -> Policy:
    """The simple policy: so many of these."""
    return Policy(rule, ((Part(sources, quorum),),), own_requests)


@dataclass(frozen=True, slots=True)
class Hours:
    """When clocks run: `days` are those of `date.weekday`, `opens` and `closes` minutes after midnight in `zone`."""

    zone: str
    days: frozenset[int]
    opens: int
    closes: int


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long an approval may wait, all counted from the moment it was asked.

    Outside of `hours` the clocks rest; that of the expiry does not where `always` is set.
    """

    reminders: tuple[timedelta, ...] = ()
    expires_after: timedelta | None = None
    on_expiry: OnExpiry = OnExpiry.REJECT
    hours: Hours | None = None
    always: bool = False


# Who may --------------------------------------------------------------------------------------------------------------


def escalated(policy: Policy, rungs: int) -> Policy:
    """The policy with the people of so many rungs added to each part; nobody is ever taken out."""
    taken = policy.ladder[:rungs]
    if not taken:
        return policy
    added = tuple(source for rung in taken for source in rung.sources)
    outsiders = frozenset(user for rung in taken for user in rung.outsiders)
    stages = tuple(tuple(_widened(part, added, outsiders) for part in stage) for stage in policy.stages)
    return replace(policy, stages=stages)


def _widened(part: Part, added: tuple[Source, ...], outsiders: frozenset[UserId]) -> Part:
    return replace(part, sources=tuple(dict.fromkeys((*part.sources, *added))), outsiders=part.outsiders | outsiders)


Members = Mapping[Source, frozenset[UserId]]
"""The people of sources that somebody counted."""


def unreachable(policy: Policy, requester: UserId, members: Members = MappingProxyType({})) -> bool:
    """Whether the quorum cannot be reached because the requester is among those who are named."""
    return not policy.own_requests and not fillable(policy.stages, frozenset({requester}), members)


def may_decide(
    policy: Policy, requester: UserId, by: UserId, facts: Facts, subject: Subject, stage: int | None = None
) -> Refusal | None:
    """Why `by` may not decide, or None when they may. What is not known counts as no.

    `stage`: the one whose turn it is, for an approval; None: any stage will do, as for a rejection. Who belongs to an
    earlier stage may approve, too: where that fills no place any more, `engine.approvals.voting.not_needed` says so.
    """
    policy = governed(policy, requester, by, subject)
    refusal = may_open(policy, requester, by, subject) or _refused_by_standing(policy, by, facts, subject)
    if refusal is not None:
        return refusal
    able = parts_open_to(policy, requester, by, facts)
    if any(stage is None or place <= stage for place, _ in able):
        return None
    reached = policy.stages if stage is None else policy.stages[: stage + 1]
    refusal = _unfounded(policy, tuple(chain.from_iterable(reached)), requester, facts)
    if able and stage is not None and not isinstance(refusal, SourceUnknown | RosterUnknown):
        return NotYetTheirTurn(_sources(policy.stages[stage]))
    return refusal


def may_open(policy: Policy, requester: UserId, by: UserId, subject: Subject) -> Refusal | None:
    """The part of `may_decide` that needs no look-up: asked before Slack is, and before a form opens."""
    policy = governed(policy, requester, by, subject)
    if policy.is_requesters:
        return None if by == requester else _not_the_requester(requester, subject)
    if policy.names_all and not any(by in part.named for part in policy.parts):
        return NotAnApprover(_able(policy, requester))
    if by == requester and not policy.own_requests:
        return NoOwnRequests()
    return None


def parts_open_to(policy: Policy, requester: UserId, by: UserId, facts: Facts) -> tuple[tuple[int, int], ...]:
    """The parts that a person can fill, each as (stage, place in it); by what is known of them, and by nothing else."""
    return tuple(
        (stage, place)
        for stage, parts in enumerate(policy.stages)
        for place, part in enumerate(parts)
        if _grounds_in(part, requester, by, facts) and _is_let_in(part, by, facts.standing)
    )


def grounds_for(policy: Policy, requester: UserId, by: UserId, facts: Facts, now: datetime) -> tuple[Ground, ...]:
    """Why a person may decide: each source of the policy that names them, once (P11)."""
    found = (ground for part in policy.parts for ground in _grounds_in(part, requester, by, facts))
    at = facts.looked_up or now
    dated = (ground if ground.looked_up is not _UNDATED else replace(ground, looked_up=at) for ground in found)
    return tuple(dict.fromkeys(dated))


_UNDATED = datetime.max.replace(tzinfo=UTC)
"""Stands for the moment at which Slack was asked of the person."""


def _grounds_in(part: Part, requester: UserId, by: UserId, facts: Facts) -> tuple[Ground, ...]:
    known = {ground.source: ground for ground in facts.grounds}
    return tuple(
        ground for source in part.sources if (ground := _ground(source, known.get(source), requester, by, facts))
    )


def _ground(source: Source, known: Ground | None, requester: UserId, by: UserId, facts: Facts) -> Ground | None:
    match source.origin:
        case Origin.USER:
            return Ground(source, _UNDATED) if by == source.name else None
        case Origin.REQUESTER:
            return Ground(source, _UNDATED) if by == requester else None
        case Origin.CHANNEL:
            return Ground(source, _UNDATED) if facts.in_channel is True else None
        case _:
            return known


def _is_let_in(part: Part, by: UserId, standing: Standing) -> bool:
    """Full members are; a guest of whose conversation it is, where `_refused_by_standing` let them through."""
    if standing is Standing.MEMBER or all(source.origin is Origin.REQUESTER for source in part.sources):
        return True
    return standing in _OUTSIDERS and by in part.outsiders


_OUTSIDERS = (Standing.GUEST, Standing.VISITOR)


def governed(policy: Policy, requester: UserId, by: UserId, subject: Subject) -> Policy:
    """Whoever asked, a guest too, may say that they have seen what the agent tells them."""
    if subject is Subject.NOTICE and by == requester:
        return replace(policy, stages=((Part((REQUESTER,)),),))
    return policy


def _not_the_requester(requester: UserId, subject: Subject) -> Refusal:
    match subject:
        case Subject.QUESTION:
            return NotYourQuestion(requester)
        case Subject.FAILURE:
            return NotYourRun(requester)
        case _:
            return NotAnApprover((person(requester),))


def _able(policy: Policy, requester: UserId) -> tuple[Source, ...]:
    """The sources of a policy, less the requester where they cannot decide what they asked for."""
    return tuple(each for each in policy.sources if policy.own_requests or each != person(requester))


def _refused_by_standing(policy: Policy, by: UserId, facts: Facts, subject: Subject) -> Refusal | None:
    named = any(by in part.outsiders for part in policy.parts)
    match facts.standing:
        case Standing.UNKNOWN:
            return RosterUnknown()
        case Standing.VISITOR if not named:
            return Stranger()
        case Standing.STRANGER:
            return Stranger()
        case Standing.GUEST if not named and (subject is Subject.REQUEST or not policy.is_requesters):
            return NoGuests()
        case _:
            return None


def _unfounded(policy: Policy, wanted: Sequence[Part], requester: UserId, facts: Facts) -> Refusal:
    """Why nothing lets somebody decide: a source that cannot be read comes first, since it might."""
    sources = _sources(wanted)
    if failed := tuple(each for each in facts.failed if each.source in sources):
        return SourceUnknown(failed)
    if CHANNEL in sources and facts.in_channel is None:
        return RosterUnknown()
    if sources == (CHANNEL,):
        return NotInChannel()
    return NotAnApprover(tuple(each for each in sources if each in _able(policy, requester)))


def _sources(parts: Iterable[Part]) -> tuple[Source, ...]:
    return tuple(dict.fromkeys(source for part in parts for source in part.sources))


# When enough have -----------------------------------------------------------------------------------------------------


Able = Sequence[tuple[int, int]]
"""The parts that a voter can fill, each as (stage, place in it)."""


def stage_of(policy: Policy, voters: Sequence[Able]) -> int | None:
    """The first stage that these voters, each counted once, do not fill; None where they fill all."""
    for stage in range(len(policy.stages)):
        upto = policy.stages[: stage + 1]
        if _most_filled(upto, voters) < sum(part.quorum for parts in upto for part in parts):
            return stage
    return None


def missing(policy: Policy, voters: Sequence[Able]) -> int:
    """How many more people must approve."""
    return policy.quorum - _most_filled(policy.stages, voters)


def adds(policy: Policy, voters: Sequence[Able], one_more: Able) -> bool:
    """True if one more voter fills another place in the stages reached so far."""
    stage = stage_of(policy, voters)
    reached = policy.stages if stage is None else policy.stages[: stage + 1]
    return _most_filled(reached, [*voters, one_more]) > _most_filled(reached, voters)


def fillable(
    stages: Sequence[Stage], without: frozenset[UserId] = frozenset(), members: Members = MappingProxyType({})
) -> bool:
    """True if the quorums can be reached; groups, channels and schedules count as having enough people."""
    people = {(stage, place): _known_in(part, members) for stage, place, part in _places(stages)}
    everybody = sorted(frozenset().union(*people.values()) - without)
    voters = [[place for place, known in people.items() if user in known] for user in everybody]
    open_ended = [
        [(stage, place)]
        for stage, place, part in _places(stages)
        if any(source.origin is not Origin.USER and source not in members for source in part.sources)
        for _ in range(part.quorum)
    ]
    return _most_filled(stages, [*open_ended, *voters]) == sum(part.quorum for _, _, part in _places(stages))


def _places(stages: Sequence[Stage]) -> list[tuple[int, int, Part]]:
    return [(stage, place, part) for stage, parts in enumerate(stages) for place, part in enumerate(parts)]


def _known_in(part: Part, members: Members) -> frozenset[UserId]:
    return part.named.union(*(members.get(source, frozenset()) for source in part.sources))


def _most_filled(stages: Sequence[Stage], voters: Sequence[Able]) -> int:
    """The largest number of places that voters can fill, each one place: a bipartite matching by augmenting paths.

    H. W. Kuhn, The Hungarian method for the assignment problem, 1955.
    """
    seats = {
        (stage, place): [None] * part.quorum for stage, parts in enumerate(stages) for place, part in enumerate(parts)
    }  # type: dict[tuple[int, int], list[int | None]]

    def seated(voter: int, tried: set[tuple[int, int, int]]) -> bool:
        for seat in _seats_of(seats, voters[voter]):
            if seat in tried:
                continue
            tried.add(seat)
            stage, place, number = seat
            holder = seats[stage, place][number]
            if holder is None or seated(holder, tried):
                seats[stage, place][number] = voter
                return True
        return False

    return sum(seated(voter, set()) for voter in range(len(voters)))


def _seats_of(seats: dict[tuple[int, int], list[int | None]], able: Able) -> Iterator[tuple[int, int, int]]:
    for part in able:
        for number in range(len(seats.get(part, ()))):
            yield (*part, number)
