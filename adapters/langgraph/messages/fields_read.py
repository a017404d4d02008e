"""The fields of a state that a JMESPath expression reads, so that the rest of a large state is left alone.

https://jmespath.org/specification.html
"""

from collections.abc import Mapping
from typing import Any

_ON_THE_FIRST = frozenset(
    {"subexpression", "index_expression", "pipe", "projection", "value_projection", "filter_projection", "flatten"}
)
"""Their first part reads the state, and the others read its result."""
_ON_EACH = frozenset(
    {
        "or_expression",
        "and_expression",
        "not_expression",
        "comparator",
        "function_expression",
        "multi_select_list",
        "multi_select_dict",
        "key_val_pair",
    }
)
"""Each part reads the state."""
_ON_NONE = frozenset({"literal", "expref"})
"""A value, and an expression for the elements of a list."""


def fields_read(compiled: Any) -> frozenset[str] | None:
    """List the fields of the state that a compiled expression reads; None where it may read any."""
    return _fields_in(compiled.parsed)


def _fields_in(node: Mapping[str, Any]) -> frozenset[str] | None:
    kind, parts = node["type"], node["children"]
    if kind == "field":
        return frozenset({node["value"]})
    if kind in _ON_NONE:
        return frozenset()
    if kind in _ON_THE_FIRST:
        return _fields_in(parts[0])
    if kind not in _ON_EACH:
        return None  # the state itself, or a kind of node that a later JMESPath has
    found = [_fields_in(each) for each in parts]
    known = [each for each in found if each is not None]
    return frozenset[str]().union(*known) if len(known) == len(found) else None
