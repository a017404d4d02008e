"""Values of every stored class with none of their fields at its default, since a default is not written.

So a document of them has the name of each field, and all of them together the name of each class of a union and each
value of an enumeration.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from engine.asks.ask import Decision

JSON = get_type_hints(Decision)["value"]
TEXT = "a name, as é, \u202e and \ud800"
WAYS = 200
"""Enough for each member of an enumeration within each class of a union: most of them are of one document."""
PLAIN: Mapping[Any, Any] = {
    JSON: {"amount": [1.5, None, TEXT]},
    str: TEXT,
    int: 1_000,
    bool: True,
    datetime: datetime(2026, 11, 28, 9, 30, 0, 123, tzinfo=UTC),
    timedelta: timedelta(days=3, microseconds=7),
}


def filled(kind: Any) -> Iterator[Any]:
    """Values of a type, each alternative in it at least once."""
    return (_value(kind, number) for number in range(WAYS))


def _value(hint: Any, number: int) -> Any:
    while hasattr(hint, "__supertype__"):
        hint = hint.__supertype__
    if hint in PLAIN:
        return PLAIN[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return list(hint)[number % len(hint)]
    if is_dataclass(hint) and isinstance(hint, type):
        return _instance(hint, number)
    return _composed(hint, number)


def _composed(hint: Any, number: int) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        some = [each for each in args if each is not NoneType]
        return _value(some[number % len(some)], number)
    if origin is tuple:
        return (_value(args[0], number),)
    if origin is frozenset:
        return frozenset({_value(args[0], number)})
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {TEXT: _value(args[1], number)}
    raise AssertionError(f"no value of {hint!r}")


def _instance(kind: type, number: int) -> Any:
    hints, given = get_type_hints(kind), {}
    for field in fields(kind):
        value = _value(hints[field.name], number)
        if field.default is not MISSING and value == field.default:
            value = not value if isinstance(value, bool) else _value(hints[field.name], number + 1)
        given[field.name] = value
    return kind(**given)
