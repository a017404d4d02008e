"""Finds rules that can never apply, since the first rule that matches governs.

The answers are correct but incomplete: patterns are compared as far as `*` goes, and conditions only if they are equal.
"""

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from typing import TypeAlias

from bot.config.approvals import ApprovalEntry
from engine.ids import AgentName

Approvals: TypeAlias = Sequence[ApprovalEntry | None]
"""The rules in their order; None for one that is wrong."""


def is_for(rule: ApprovalEntry, agent: AgentName) -> bool:
    """True if a rule names an agent, or all."""
    return rule.when.agent is None or fnmatchcase(agent, rule.when.agent)


def governs(approvals: Approvals, index: int, agent: AgentName) -> bool:
    """True if a rule may apply to an agent: it matches, and no earlier one takes all of that."""
    rule = approvals[index]
    return rule is not None and is_for(rule, agent) and _earlier(approvals, index, agent) is None


def unreached(approvals: Approvals, index: int, agents: Collection[AgentName]) -> tuple[int, ...]:
    """The earlier rules that together take all that a rule matches; none where it may apply to some agent."""
    rule = approvals[index]
    if rule is None:
        return ()
    takers = [_earlier(approvals, index, agent) for agent in agents if is_for(rule, agent)]
    found = {taker for taker in takers if taker is not None}
    return tuple(sorted(found)) if None not in takers else ()


def _earlier(approvals: Approvals, index: int, agent: AgentName) -> int | None:
    """The first rule before this one that matches all that it matches of an agent."""
    later = approvals[index]
    earlier = ((number, rule) for number, rule in enumerate(approvals[:index]) if rule and is_for(rule, agent))
    return next((number for number, rule in earlier if later and _takes_all(rule, later)), None)


def _takes_all(earlier: ApprovalEntry, later: ApprovalEntry) -> bool:
    if earlier.is_question != later.is_question or not _is_wider(earlier.when.tool, later.when.tool):
        return False
    if earlier.when.condition is None:
        return True
    if (earlier.when.condition, earlier.zone) != (later.when.condition, later.zone):
        return False
    # If its condition cannot be evaluated, a rule that decides by itself is skipped for the next one with approvers.
    return earlier.decide is None or later.decide is not None


def _is_wider(pattern: str | None, other: str | None) -> bool:
    """True if a pattern of tools matches all that another one does."""
    if pattern is None or pattern == other:
        return True
    if other is None or ("[" in other and pattern.strip("*")):
        return False
    is_name = not set("*?[") & set(other)
    return (is_name or not set("?[") & set(pattern)) and fnmatchcase(other, pattern)
