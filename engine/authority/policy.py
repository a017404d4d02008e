"""The policy of an action: who decides it, under which rule, and its deadlines.

A policy is settled when the question is asked and is kept with the approval, so that a later change of `app.yaml` does
not change the rules of a decision under way, and an audit row can name the rule it was made under. The one exception:
a person whom today's rule no longer names may not decide (`engine.approvals.electorate.Electorate`).

A policy is a row of stages. Each stage takes all of its parts; each part takes `quorum` people of its sources.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from itertools import chain
from typing import Final

from engine.authority.matching import fillable
from engine.authority.parts import Part, Stage
from engine.ids import UserId
from engine.sources import Origin, Source


class Subject(StrEnum):
    """The kinds of decisions."""

    REQUEST = "request"
    """A request to approve or reject."""
    QUESTION = "question"
    FAILURE = "failure"
    """A failed run: retry it or not."""
    NOTICE = "notice"
    """A notice of the agent: acknowledge it."""


class OnExpiry(StrEnum):
    """The outcome of an approval that nobody decided in time. There is no `approve` (P5)."""

    REJECT = "reject"
    ESCALATE = "escalate"
    """The next step of the ladder is called; if none is left, the request is rejected."""
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Rung:
    """A step of the ladder: this long `after` the request, these people may decide, too, in any part."""

    after: timedelta
    sources: tuple[Source, ...]
    outsiders: frozenset[UserId] = frozenset()


LONGEST_GRANT: Final = timedelta(days=7)
"""The longest time for a grant: anything permanent belongs in a rule."""


@dataclass(frozen=True, slots=True)
class GrantTerms:
    """A rule's terms for grants. With `fields`, the arguments of these names have to be equal; without, all of them.

    Raises ValueError for a time that is too long, and for a field without a name or named twice.
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
    """The policy of one action. `rule` names it in the audit: the rule's place in `app.yaml`, or the name of a default.

    Each action of an ask has a policy of its own: in a batch of tool calls, the rule for a harmless one must not decide
    who approves a dangerous one.

    Raises ValueError for a policy without people, and for a quorum that the people named cannot reach.
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
        """The number of people who must approve, in all parts."""
        return sum(part.quorum for part in self.parts)

    @property
    def sources(self) -> tuple[Source, ...]:
        """All sources, each once, without those of the ladder."""
        return tuple(dict.fromkeys(source for part in self.parts for source in part.sources))

    @property
    def is_requesters(self) -> bool:
        """True if the requester alone decides."""
        return all(source.origin is Origin.REQUESTER for source in self.sources)

    @property
    def names_all(self) -> bool:
        """True if it names each person by id, so that no look-up is needed to know who may decide."""
        return all(source.origin is Origin.USER for source in self.sources)


REQUESTER = Source(Origin.REQUESTER, "")

CHANNEL = Source(Origin.CHANNEL, "")
"""The members of the conversation's channel."""


def person(user: UserId) -> Source:
    """Make the source of one person."""
    return Source(Origin.USER, user)


def one_part(rule: str, *sources: Source, quorum: int = 1, own_requests: bool = False) -> Policy:
    """Make a policy of one part: `quorum` people of these sources."""
    return Policy(rule, ((Part(sources, quorum),),), own_requests)


@dataclass(frozen=True, slots=True)
class Hours:
    """Working hours: `days` as in `date.weekday`; `opens` and `closes` are minutes after midnight in `zone`."""

    zone: str
    days: frozenset[int]
    opens: int
    closes: int


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The deadlines of an approval, all counted from the time at which it was asked.

    Outside of `hours` the clocks rest; with `always`, that of the expiry does not.
    """

    reminders: tuple[timedelta, ...] = ()
    expires_after: timedelta | None = None
    on_expiry: OnExpiry = OnExpiry.REJECT
    hours: Hours | None = None
    always: bool = False


def escalated(policy: Policy, rungs: int) -> Policy:
    """Add the people of the first `rungs` of the ladder to each part; nobody is ever removed."""
    taken = policy.ladder[:rungs]
    if not taken:
        return policy
    added = tuple(source for rung in taken for source in rung.sources)
    outsiders = frozenset(user for rung in taken for user in rung.outsiders)
    stages = tuple(tuple(_widened(part, added, outsiders) for part in stage) for stage in policy.stages)
    return replace(policy, stages=stages)


def _widened(part: Part, added: tuple[Source, ...], outsiders: frozenset[UserId]) -> Part:
    return replace(part, sources=tuple(dict.fromkeys((*part.sources, *added))), outsiders=part.outsiders | outsiders)
