"""Grants: "Allow like this for 1 h in this conversation".

A person who approves a tool call may allow calls like it for a while, if the rule says `grants:`. A grant is never
wider than its card showed: the same agent calls the same tool in the same conversation with equal arguments, or, if the
rule names fields, with the same set of arguments of which those are equal. Equality is that of JSON: 1, 1.0 and true
are three values, and the order of keys does not matter.

A grant ends with the rule under which it was given: when that rule permits no grants any more, or other fields, or lets
other people decide. Calls that no grant covers ask people, as usual. This module does not check that the people who
gave a grant may still decide: the sources of votes are asked that when the grant is used.
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
    """One grant. `args` are all arguments of the approved call, `by` the people who approved it.

    `grounds` say why they might (P11): a shift that has ended since takes nothing back.
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
    """A tool call that waits for a decision."""

    thread: ThreadId
    agent: AgentName
    tool: str
    args: Json


# Giving ---------------------------------------------------------------------------------------------------------------


def is_offered(approval: Approval, action: int, *, whole: bool) -> bool:
    """True if an action can be approved with a grant; `whole`: its card shows everything that would be allowed."""
    asked, review = approval.ask.actions[action], approval.reviews[action]
    terms, args = review.policy.grants, review.value
    if terms is None or review.policy.quorum != 1 or not whole:
        return False
    if approval.ask.kind is not Kind.TOOL_CALL or Choice.APPROVE not in asked.choices:
        return False
    return is_plain(asked.name) and isinstance(args, dict) and _same(args, args) and args.keys() >= {*terms.fields}


def grant_given(approval: Approval, action: int) -> Grant:
    """Make the grant that was given with an approval: always the same one for the same approval.

    Raises ValueError if none was given, or none could be.
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
    """Make the id of the grant that is given with an approval."""
    return GrantId("grant-" + hashlib.sha256(f"{approval}\n{action}".encode()).hexdigest()[:16])


# Using ----------------------------------------------------------------------------------------------------------------


def find_allowing(grants: Iterable[Grant], policy: Policy, call: ProposedCall, now: datetime) -> Grant | None:
    """Find the grant that allows a call under today's `policy`; None: people decide.

    Only for a rule that certainly applies: a rule with an unknown condition asks a person, whatever was granted.
    """
    return next((each for each in grants if is_still_permitted(each, policy, now) and covers(each, call, now)), None)


def is_still_permitted(grant: Grant, policy: Policy, now: datetime) -> bool:
    """True if today's rule still permits a grant: with the same fields, approvers and time."""
    terms = policy.grants
    if terms is None or terms.fields != grant.fields:
        return False
    if replace(policy, grants=None) != replace(grant.policy, grants=None):
        return False
    return now < grant.given_at + terms.lasts


def covers(grant: Grant, call: ProposedCall, now: datetime) -> bool:
    """True if a call is like the one with which the grant was given. Never raises."""
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
    """True if two values are spelled alike in JSON; a value that JSON cannot spell equals nothing, not even itself."""
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
    """Sort grants for a list."""
    return sorted(grants, key=lambda grant: (grant.given_at, grant.thread, grant.id))


# Audit ----------------------------------------------------------------------------------------------------------------


def given_entry(grant: Grant) -> Entry:
    """Make the audit row of a grant that is given."""
    return _entry(What.GRANTED, grant, grant.approval, grant.by[0], grant.given_at)


def used_entry(grant: Grant, approval: ApprovalId, at: datetime) -> Entry:
    """Make the audit row of a use: the grant decides `approval`."""
    return _entry(What.GRANT_USED, grant, approval, None, at)


def revoked_entry(grant: Grant, by: UserId, at: datetime) -> Entry:
    """Make the audit row of a grant that is revoked."""
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
