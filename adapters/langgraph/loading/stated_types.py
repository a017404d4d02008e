"""Reads what a message says for a field of a graph's input: `amount: 20` is a number where the graph takes a number.

Each value is read by pydantic's rules for the type of its field. A list is said with commas. Nothing is rounded,
completed or guessed: what does not fit is a problem, and the person says it again.
"""

import cmath
import types
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import product
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic_core import to_jsonable_python

from adapters.langgraph.loading.context_schema import Wrong, read_field, type_of

_WRITTEN = {
    bool: "yes or no",
    int: "a whole number",
    float: "a number",
    Decimal: "a number",
    date: "a day, such as 2026-01-31",
    datetime: "a time, such as 2026-01-31T09:00",
    time: "a time of day, such as 09:00",
    timedelta: "a length of time, such as 1:30:00",
    UUID: "an id",
}
_LISTS = (list, set, frozenset, tuple, Sequence)


def input_type(graph: Any, path: Sequence[str]) -> Any:
    """Return the type at a place of a graph's input; Any where it is not known."""
    builder = getattr(graph, "builder", None)
    kind = builder.input_schema if builder is not None else getattr(graph.channels.get("__start__"), "typ", Any)
    for name in path:
        kind = type_of(_bare(kind), name)
    return kind


def read_stated(kind: Any, text: str) -> tuple[Any, Sequence[Wrong]]:
    """Read a text as a value of a type, in JSON, as LangGraph Server passes one. What does not fit is a problem.

    So is what pydantic takes beside it: a number without an end, and a bare number for a day, counted from 1970.
    """
    is_list = get_origin(_bare(kind)) in _LISTS or _bare(kind) in _LISTS
    parts = [each.strip() for each in text.split(",")]
    value, problems = read_field(kind, parts if is_list else text)
    if problems:
        return value, problems
    passed = to_jsonable_python(value, serialize_unknown=True)
    what = _misread(value, parts if is_list else [text])
    if not what and not (_is_finite(value) and _is_finite(passed)):
        what = "a number"
    return (value, [Wrong("", f"has to be {what}")]) if what else (passed, ())


def _is_finite(value: Any) -> bool:
    if isinstance(value, float | Decimal | complex):
        return cmath.isfinite(value)
    if isinstance(value, Mapping):
        return all(map(_is_finite, value.values()))
    return not isinstance(value, list | tuple | set | frozenset) or all(map(_is_finite, value))


def _misread(value: Any, parts: Sequence[str]) -> str:
    """Say what to write for a day or a time that was read of a bare number, such as 2026; "" for all else."""
    held = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
    pairs = zip(held, parts, strict=False) if isinstance(value, list | tuple) else product(held, parts)
    wrong = [each for each, part in pairs if isinstance(each, date | time | timedelta) and _is_number(part)]
    return _WRITTEN.get(type(wrong[0]), "a time") if wrong else ""


def _is_number(text: str) -> bool:
    try:
        Decimal(text)
    except ArithmeticError:
        return False
    return True


def takes_none(kind: Any) -> bool:
    """Tell whether a type has None among its values."""
    return kind is not Any and not read_field(kind, None)[1] and read_field(kind, object())[1] != ()


def written_as(kind: Any) -> str:
    """Say what to write for a type: `yes or no`, `gold or basic`; "" for one that a message cannot say."""
    bare = _bare(kind)
    if get_origin(bare) is Literal:
        return " or ".join(str(each) for each in get_args(bare) if each is not None)
    if isinstance(bare, type) and issubclass(bare, Enum):
        return " or ".join(str(each.value) for each in bare)
    if get_origin(bare) in _LISTS or bare in _LISTS:
        (inner, *more) = [each for each in get_args(bare) if each is not ...] or [str]
        return "" if more or not written_as(inner) else "one or several, with commas"
    if bare in (str, Any):
        return "text"
    return _WRITTEN.get(bare, "") if isinstance(bare, type) else ""


def _bare(kind: Any) -> Any:
    """The type without `Annotated` and `| None`."""
    while True:
        inner = [each for each in get_args(kind) if each is not type(None)]
        if get_origin(kind) is Annotated or (get_origin(kind) in (Union, types.UnionType) and len(inner) == 1):
            kind = inner[0]
        else:
            return kind
