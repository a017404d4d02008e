"""Who may decide (P6).

A policy is settled when the question is asked and is kept with the approval, so that a later change of `app.yaml` does
not change the rules of a decision under way, and an audit row can name the rule it was made under.

Only full members of the workspace decide: a guest, a person of another workspace, a bot and a deactivated account do
not, even where a list names them. A question is answered by the person whose conversation it is, guest or not.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from engine.ids import UserId
from engine.refusals import (
    NoGuests,
    NoOwnRequests,
    NotAnApprover,
    NotInChannel,
    NotYourQuestion,
    NotYourRun,
    Refusal,
    RosterUnknown,
    Stranger,
)


class Approvers(StrEnum):
    """Where the people who may decide come from."""

    USERS = "users"
    """The people whom `Policy.users` names."""
    CHANNEL = "channel"
    """Every full member of the channel in which the card stands."""
    REQUESTER = "requester"
    """The person whose conversation it is: questions, and direct messages."""


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
    FAIL = "fail"


class Standing(StrEnum):
    """What Slack says a person is."""

    MEMBER = "member"
    GUEST = "guest"
    STRANGER = "stranger"
    """Of another workspace, a bot, or deactivated."""
    UNKNOWN = "unknown"
    """Slack could not be asked."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the person who acts: `in_channel` is None where nobody needed to know or nobody could tell."""

    standing: Standing
    in_channel: bool | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """Who decides one action. `rule` names it in the audit: the rule's place in `app.yaml`, or a default's name.

    Each action of an ask has a policy of its own: in a batch of tool calls the rule of a harmless one must not decide
    who approves a dangerous one.

    Raises ValueError for a quorum below 1, or one that the named users cannot reach.
    """

    rule: str
    approvers: Approvers
    users: frozenset[UserId] = frozenset()
    quorum: int = 1
    own_requests: bool = False

    def __post_init__(self) -> None:
        if self.quorum < 1:
            raise ValueError("a quorum is at least 1")
        if self.approvers is Approvers.USERS and len(self.users) < self.quorum:
            raise ValueError(f"a quorum of {self.quorum} cannot be reached by {len(self.users)} approvers")


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long an approval may wait: one reminder, one expiry, both counted from the moment it was asked."""

    remind_after: timedelta | None = None
    expires_after: timedelta | None = None
    on_expiry: OnExpiry = OnExpiry.REJECT


def unreachable(policy: Policy, requester: UserId) -> bool:
    """Whether the quorum cannot be reached because the requester is among those who are named."""
    return policy.approvers is Approvers.USERS and len(_able(policy, requester)) < policy.quorum


def may_decide(policy: Policy, requester: UserId, by: UserId, facts: Facts, subject: Subject) -> Refusal | None:
    """Why `by` may not decide, or None when they may. What is not known counts as no."""
    policy = _governing(policy, requester, by, subject)
    return may_open(policy, requester, by, subject) or _refused_by_facts(policy, facts, subject)


def may_open(policy: Policy, requester: UserId, by: UserId, subject: Subject) -> Refusal | None:
    """The part of `may_decide` that needs no roster: asked before Slack is, and before a form opens."""
    policy = _governing(policy, requester, by, subject)
    match policy.approvers:
        case Approvers.REQUESTER:
            return None if by == requester else _not_the_requester(requester, subject)
        case Approvers.USERS if by not in policy.users:
            return NotAnApprover(_able(policy, requester))
        case _ if by == requester and not policy.own_requests:
            return NoOwnRequests()
    return None


def _governing(policy: Policy, requester: UserId, by: UserId, subject: Subject) -> Policy:
    """Whoever asked, a guest too, may say that they have seen what the agent tells them."""
    if subject is Subject.NOTICE and by == requester:
        return replace(policy, approvers=Approvers.REQUESTER)
    return policy


def _not_the_requester(requester: UserId, subject: Subject) -> Refusal:
    match subject:
        case Subject.QUESTION:
            return NotYourQuestion(requester)
        case Subject.FAILURE:
            return NotYourRun(requester)
        case _:
            return NotAnApprover(frozenset({requester}))


def _able(policy: Policy, requester: UserId) -> frozenset[UserId]:
    """The named users who can decide what this person asked for."""
    return policy.users if policy.own_requests else policy.users - {requester}


def _refused_by_facts(policy: Policy, facts: Facts, subject: Subject) -> Refusal | None:
    match facts.standing:
        case Standing.UNKNOWN:
            return RosterUnknown()
        case Standing.STRANGER:
            return Stranger()
        case Standing.GUEST if subject is Subject.REQUEST or policy.approvers is not Approvers.REQUESTER:
            return NoGuests()
        case _:
            pass
    if policy.approvers is Approvers.CHANNEL and facts.in_channel is not True:
        return NotInChannel() if facts.in_channel is False else RosterUnknown()
    return None
