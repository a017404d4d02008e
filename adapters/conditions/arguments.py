"""Checks that a condition can judge arguments: they must be plain JSON that CEL and the tool read alike.

A number that is not finite compares as false with everything, so a rule written for all numbers would not apply. A
tool's own types turn the text "5000" into the number 5000 after the condition compared a text: where the arguments do
not have the types that the tool's schema declares, the condition is unknown.
"""

import math
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from engine.asks.ask import DEEPEST, Json, is_storable


def problem_of(args: Json, schema: Mapping[str, Json] | None) -> str:
    """Say why a condition cannot judge these arguments, as the end of a sentence; "" if it can."""
    if not isinstance(args, dict):
        return ""
    for name, value in args.items():
        if why := _unreadable(name) or _unreadable(value):
            return f'the argument "{_short(name)}" {why}'
    return "" if schema is None else _wrong_type(args, schema)


def _unreadable(value: Any) -> str:
    """Say why CEL would misread a value. Not recursive: a deeply nested value must not crash the process."""
    waiting: list[tuple[Any, int]] = [(value, 1)]
    while waiting:
        each, depth = waiting.pop()
        if depth > DEEPEST:
            return f"is nested more than {DEEPEST} levels deep"
        if type(each) is dict:
            waiting += [(part, depth + 1) for pair in each.items() for part in pair]
            if not all(type(key) is str for key in each):
                return "has a key that is not text"
        elif type(each) is list:
            waiting += [(part, depth + 1) for part in each]
        elif why := _incomparable(each):
            return why
    return ""


def _incomparable(value: Any) -> str:
    """Say why a single value cannot be compared."""
    match value:
        case None | bool():
            return ""
        case int():
            return "" if type(value) is int and is_storable(value) else "is not a whole number of 64 bits"
        case float():
            return "" if type(value) is float and math.isfinite(value) else "is not a finite number"
        case str():
            return "" if type(value) is str and _is_text(value) else "has a character that text must not have"
        case _:
            return "is not JSON"


def _is_text(text: str) -> bool:
    return "\0" not in text and (text.isascii() or not any("\ud800" <= each <= "\udfff" for each in text))


@cache
def _types() -> Any:
    """Make what checks the types of a schema, and nothing that could take long: no patterns, no unique items."""
    # jsonschema takes a while to import, and is needed only when a condition judges a call.
    from jsonschema import Draft202012Validator  # noqa: PLC0415
    from jsonschema.validators import create  # noqa: PLC0415

    rules = Draft202012Validator.VALIDATORS
    as_they_are = ("$ref", "type", "properties", "additionalProperties", "items", "prefixItems", "allOf", "anyOf")
    return create(
        meta_schema={},
        validators={**{name: rules[name] for name in as_they_are}, "oneOf": rules["anyOf"]},
        type_checker=Draft202012Validator.TYPE_CHECKER,
    )


def _wrong_type(args: Mapping[str, Json], schema: Mapping[str, Json]) -> str:
    from referencing import Registry  # noqa: PLC0415 - as jsonschema

    try:
        error = next(_types()(dict(schema), registry=Registry()).iter_errors(args), None)
    except Exception:  # noqa: BLE001 - a broken schema fails in many ways
        return "the tool's schema cannot be read"
    if error is None:
        return ""
    name = next(iter(error.absolute_path), "")
    return f'the argument "{_short(str(name))}" has another type than the tool declares'


def _short(name: object) -> str:
    shown = ascii(name)[1:-1]
    return shown if len(shown) <= _LONGEST_NAME else f"{shown[:_LONGEST_NAME]}..."


_LONGEST_NAME: Final = 40
