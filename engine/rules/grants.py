"""Grants: "Allow like this for 1 h in this conversation".

Whoever approves a tool call may allow calls like it for a while, where the rule says `grants:`. A grant is never wider
than what its card showed: the same agent calls the same tool in the same conversation with equal arguments, or, where
the rule names fields, with the same set of arguments of which those are equal. Equal is equal as JSON: 1, 1.0 and true
are three values, and the order of keys means nothing.

A grant dies with the rule that it was given under: when that rule permits no grants any more, or other fields, or lets
other people decide. What a grant does not cover asks people, as ever. It does not make sure that they who gave it may
still decide: that is asked of the same sources as a vote, when it is used.
"""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from engine.approvals.approval import Approval
from engine.approvals.audit import Entry, What
from engine.asks.ask import DEEPEST, Choice, Json, Kind, is_storable
from engine.authority.policy import Policy
from engine.ids import AgentName, ApprovalId, GrantId, ThreadId, UserId
from engine.rules.tool_names import is_plain
from engine.sources import Ground


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant. `args` are all arguments of the call that was approved with it, `by` they who approved.

    `grounds` say why they might (P11): a shift that ended since takes nothing back.
    """

    id: GrantId
    thread: ThreadId
    agent: AgentName
    tool: str
    args: Json
    fields: tuple[str, ...]
    by: tuple[UserId, ...]
    policy: Policy
    approval: ApprovalId
    given_at: datetime
    until: datetime
    grounds: tuple[Ground, ...] = ()


@dataclass(frozen=True, slots=True)
class ProposedCall:
    """A tool call that asks to be decided."""

    thread: ThreadId
    agent: AgentName
    tool: str
    args: Json


# Giving ---------------------------------------------------------------------------------------------------------------


def is_offered(approval: Approval, action: int, *, whole: bool) -> bool:
    """Whether an action can be approved together with a grant; `whole`: all that would be allowed is on its card."""
    asked, review = approval.ask.actions[action], approval.reviews[action]
    terms, args = review.policy.grants, review.value
    if terms is None or review.policy.quorum != 1 or not whole:
        return False
    if approval.ask.kind is not Kind.TOOL_CALL or Choice.APPROVE not in asked.choices:
        return False
    return is_plain(asked.name) and isinstance(args, dict) and _same(args, args) and args.keys() >= {*terms.fields}


def given(approval: Approval, action: int) -> Grant:
    """The grant that was given with an approval, for what was approved. The same approval gives the same grant.

    Raises ValueError where none was given, or none could be.
    """
    review = approval.reviews[action]
    terms, decision = review.policy.grants, review.decision
    approved = decision is not None and decision.choice in (Choice.APPROVE, Choice.EDIT) and review.deciders
    if terms is None or review.decided_at is None or not approved or not review.grant:
        raise ValueError(f"no grant was given with {approval.id}")
    if not is_offered(approval, action, whole=True):
        raise ValueError(f"no grant was given with {approval.id}")
    return Grant(
        id=review.grant,
        thread=approval.thread,
        agent=approval.agent,
        tool=approval.ask.actions[action].name,
        args=review.value,
        fields=terms.fields,
        by=review.deciders,
        policy=review.policy,
        approval=approval.id,
        given_at=review.decided_at,
        until=review.decided_at + terms.lasts,
        grounds=tuple(ground for vote in review.votes if vote.by in review.deciders for ground in vote.grounds),
    )


def grant_id(approval: ApprovalId, action: int) -> GrantId:
    """The name of the grant that is given with an approval."""
    return GrantId("grant-" + hashlib.sha256(f"{approval}\n{action}".encode()).hexdigest()[:16])


# Using ----------------------------------------------------------------------------------------------------------------


def allowing(grants: Iterable[Grant], policy: Policy, call: ProposedCall, now: datetime) -> Grant | None:
    """The grant that allows a call which is decided under `policy` today; None: people decide.

    Only for a rule that is known to apply: one whose condition cannot be known asks a person whatever was granted.
    """
    return next((each for each in grants if stands(each, policy, now) and covers(each, call, now)), None)


def stands(grant: Grant, policy: Policy, now: datetime) -> bool:
    """Whether the rule still permits a grant: not one of other fields, for longer, or by what others decide."""
    terms = policy.grants
    if terms is None or terms.fields != grant.fields:
        return False
    if replace(policy, grants=None) != replace(grant.policy, grants=None):
        return False
    return now < grant.given_at + terms.lasts


def covers(grant: Grant, call: ProposedCall, now: datetime) -> bool:
    """Whether a call is like the one that the grant was given with. Never raises."""
    if not grant.given_at <= now < grant.until:  # a clock that was put back lengthens nothing
        return False
    if (call.thread, call.agent, call.tool) != (grant.thread, grant.agent, grant.tool):
        return False
    return _is_alike(grant, call.args)


def _is_alike(grant: Grant, args: Json) -> bool:
    if not isinstance(grant.args, dict) or not isinstance(args, dict):
        return False
    if not grant.fields:
        return _same(grant.args, args)
    bound = (name in args and _same(grant.args[name], args[name]) for name in grant.fields)
    return args.keys() == grant.args.keys() and all(bound)


def _same(one: Json, other: Json, levels: int = DEEPEST) -> bool:
    """Whether two values are written alike as JSON; what no JSON can write is like nothing, not even itself."""
    if type(one) is not type(other) or levels < 0:
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        named = all(type(name) is str for name in one) and one.keys() == other.keys()
        return named and all(_same(one[name], other[name], levels - 1) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other, [levels - 1] * len(one)))
    if isinstance(one, float):
        return math.isfinite(one) and repr(one) == repr(other)
    return one == other and (one is None or (isinstance(one, bool | int | str) and is_storable(one)))


def oldest_first(grants: Iterable[Grant]) -> list[Grant]:
    """Grants in the order in which they are listed."""
    return sorted(grants, key=lambda grant: (grant.given_at, grant.thread, grant.id))


# Audit ----------------------------------------------------------------------------------------------------------------


def given_entry(grant: Grant) -> Entry:
    """The audit's row of a grant that is given."""
    return _entry(What.GRANTED, grant, grant.approval, grant.by[0], grant.given_at)


def used_entry(grant: Grant, approval: ApprovalId, at: datetime) -> Entry:
    """The row of a use: `approval` is decided by it, and nobody decided anew."""
    return _entry(What.GRANT_USED, grant, approval, None, at)


def revoked_entry(grant: Grant, by: UserId, at: datetime) -> Entry:
    """The row of a grant that is taken back."""
    return _entry(What.GRANT_REVOKED, grant, grant.approval, by, at)


def _entry(what: What, grant: Grant, approval: ApprovalId, who: UserId | None, at: datetime) -> Entry:
    detail: Json = {
        "grant": grant.id,
        "tool": grant.tool,
        "fields": [*grant.fields],
        "by": [*grant.by],
        "until": grant.until.isoformat(),
    }
    return Entry(at, grant.thread, approval, what, who, grant.policy.rule, detail)
