"""Eligibility: whether a person may decide, and if not, the refusal (P6).

Only full members of the workspace decide. A guest or a person of another workspace does only if the part names them by
id and allows it; a bot or a deactivated account never does. A question is answered by the person whose conversation it
is, guest or not. Anybody's rejection counts, whatever stage they belong to: it is never too early to say no.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain
from types import MappingProxyType

from engine.authority.matching import Members, fillable
from engine.authority.parts import Part
from engine.authority.policy import CHANNEL, REQUESTER, Policy, Subject, person
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
from engine.sources import Ground, Origin, Source, SourceFailure


class AccountType(StrEnum):
    """A person's account in Slack."""

    MEMBER = "member"
    GUEST = "guest"
    VISITOR = "visitor"
    """Of another workspace."""
    STRANGER = "stranger"
    """A bot, or deactivated."""
    UNKNOWN = "unknown"
    """Slack could not be reached."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts about a person at one time.

    `in_channel`: they are in the conversation's channel; None if that was not needed or could not be found out.
    `grounds` are the groups and schedules that name them; `failed` those that could not be read, `late` those of them
    that may still answer. `looked_up` is the time at which Slack was asked.
    """

    account: AccountType
    in_channel: bool | None = None
    grounds: tuple[Ground, ...] = ()
    failed: tuple[SourceFailure, ...] = ()
    late: tuple[Source, ...] = ()
    looked_up: datetime | None = None


def unreachable(policy: Policy, requester: UserId, members: Members = MappingProxyType({})) -> bool:
    """True if the quorum cannot be reached because the requester is one of the people named."""
    return not policy.own_requests and not fillable(policy.stages, frozenset({requester}), members)


def may_decide(
    policy: Policy, requester: UserId, by: UserId, facts: Facts, subject: Subject, stage: int | None = None
) -> Refusal | None:
    """Refuse a person who may not decide; None if they may. Unknown facts count as no.

    `stage` is the one whose turn it is, for an approval; None: any stage will do, as for a rejection. People of an
    earlier stage may approve, too: if that fills no place any more, `engine.approvals.electorate.not_needed` refuses
    them.
    """
    policy = governed(policy, requester, by, subject)
    refusal = may_open(policy, requester, by, subject) or _refused_by_account(policy, by, facts, subject)
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
    """The part of `may_decide` that needs no look-up; checked before Slack is asked, and before a form opens."""
    policy = governed(policy, requester, by, subject)
    if policy.is_requesters:
        return None if by == requester else _not_the_requester(requester, subject)
    if policy.names_all and not any(by in part.named for part in policy.parts):
        return NotAnApprover(_able(policy, requester))
    if by == requester and not policy.own_requests:
        return NoOwnRequests()
    return None


def parts_open_to(policy: Policy, requester: UserId, by: UserId, facts: Facts) -> tuple[tuple[int, int], ...]:
    """List the parts that a person can fill, each as (stage, index in it), judged by their facts alone."""
    return tuple(
        (stage, place)
        for stage, parts in enumerate(policy.stages)
        for place, part in enumerate(parts)
        if _grounds_in(part, requester, by, facts) and _is_let_in(part, by, facts.account)
    )


def grounds_for(policy: Policy, requester: UserId, by: UserId, facts: Facts, now: datetime) -> tuple[Ground, ...]:
    """List a person's grounds: each source of the policy that names them, once (P11)."""
    found = (ground for part in policy.parts for ground in _grounds_in(part, requester, by, facts))
    at = facts.looked_up or now
    dated = (ground if ground.looked_up is not _UNDATED else replace(ground, looked_up=at) for ground in found)
    return tuple(dict.fromkeys(dated))


_UNDATED = datetime.max.replace(tzinfo=UTC)
"""Placeholder for the time at which Slack was asked about the person."""


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


def _is_let_in(part: Part, by: UserId, account: AccountType) -> bool:
    """Full members are let in. So is the guest whose conversation it is, if `_refused_by_account` let them pass."""
    if account is AccountType.MEMBER or all(source.origin is Origin.REQUESTER for source in part.sources):
        return True
    return account in _OUTSIDERS and by in part.outsiders


_OUTSIDERS = (AccountType.GUEST, AccountType.VISITOR)


def governed(policy: Policy, requester: UserId, by: UserId, subject: Subject) -> Policy:
    """The requester, even a guest, may acknowledge a notice."""
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
    """The sources of a policy, without the requester if they may not decide their own request."""
    return tuple(each for each in policy.sources if policy.own_requests or each != person(requester))


def _refused_by_account(policy: Policy, by: UserId, facts: Facts, subject: Subject) -> Refusal | None:
    named = any(by in part.outsiders for part in policy.parts)
    match facts.account:
        case AccountType.UNKNOWN:
            return RosterUnknown()
        case AccountType.VISITOR if not named:
            return Stranger()
        case AccountType.STRANGER:
            return Stranger()
        case AccountType.GUEST if not named and (subject is Subject.REQUEST or not policy.is_requesters):
            return NoGuests()
        case _:
            return None


def _unfounded(policy: Policy, wanted: Sequence[Part], requester: UserId, facts: Facts) -> Refusal:
    """Refuse a person without grounds. A source that could not be read is named first, since it might name them."""
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
