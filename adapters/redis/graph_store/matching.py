"""Filters of items and conditions on namespaces, with the meaning that LangGraph's InMemoryStore gives them.

One difference: an item whose field is missing or is no number does not match `$gt` and the like. InMemoryStore raises
TypeError there, so that one item breaks the search for all.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langgraph.store.base import MatchCondition

_ORDER: Mapping[str, Callable[[float, float], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def matches(value: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> bool:
    """Tell whether an item's value passes a filter. Raises ValueError for an unknown operator."""
    return all(_equals(value.get(key), condition) for key, condition in (wanted or {}).items())


def _equals(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        if any(str(key).startswith("$") for key in wanted):
            return all(_compares(value, name, operand) for name, operand in wanted.items())
        return isinstance(value, Mapping) and all(_equals(value.get(key), each) for key, each in wanted.items())
    if isinstance(wanted, list | tuple):
        same = isinstance(value, list | tuple) and len(value) == len(wanted)
        return same and all(_equals(one, other) for one, other in zip(value, wanted, strict=True))
    return bool(value == wanted)


def _compares(value: Any, name: str, operand: Any) -> bool:
    match name:
        case "$eq":
            return bool(value == operand)
        case "$ne":
            return bool(value != operand)
    if name not in _ORDER:
        raise ValueError(f"Unsupported operator: {name}. Use $eq, $ne, {', '.join(_ORDER)}.")
    try:
        return _ORDER[name](float(value), float(operand))
    except (TypeError, ValueError):
        return False


def fits(namespace: Sequence[str], conditions: Sequence[MatchCondition] | None) -> bool:
    """Tell whether a namespace meets all conditions. Raises ValueError for an unknown type of match."""
    return all(_fits(namespace, each) for each in conditions or ())


def _fits(namespace: Sequence[str], condition: MatchCondition) -> bool:
    path = condition.path
    if condition.match_type not in ("prefix", "suffix"):
        raise ValueError(f"Unsupported match type: {condition.match_type}")
    if len(namespace) < len(path):
        return False
    part = namespace[: len(path)] if condition.match_type == "prefix" else namespace[len(namespace) - len(path) :]
    return all(wanted in ("*", label) for label, wanted in zip(part, path, strict=True))


def literal_prefix(conditions: Sequence[MatchCondition] | None) -> tuple[str, ...]:
    """Give the longest prefix without wildcards that the conditions ask for."""
    longest: tuple[str, ...] = ()
    for condition in conditions or ():
        if condition.match_type == "prefix":
            path = tuple(condition.path)
            literal = path[: path.index("*")] if "*" in path else path
            longest = max(longest, literal, key=len)
    return longest
