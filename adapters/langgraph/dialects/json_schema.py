"""JSON Schemas: checks an edited value or a form's answer, and says field by field why it does not fit.

LangGraph publishes a `response_schema` that is given as a dict but does not enforce it, so it is enforced here, before
anything is sent: https://python-jsonschema.readthedocs.io/en/stable/errors/
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from engine.asks.ask import Json, ValueProblem

Schema = Mapping[str, Json]


def check(value: Json, schema: Schema) -> list[ValueProblem]:
    """Say why `value` does not fit: the most helpful reason for each field, in the order of the fields.

    A schema that is itself broken is ignored: it is no reason to refuse a person's value.
    """
    # jsonschema takes 60 ms to import, and is needed only when a person edits something.
    from jsonschema import Draft202012Validator  # noqa: PLC0415
    from jsonschema.exceptions import SchemaError, relevance  # noqa: PLC0415
    from jsonschema.validators import validator_for  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415

    kind = _exact(validator_for(dict(schema), default=Draft202012Validator))
    weight: Callable[[Any], Any] = relevance
    try:
        kind.check_schema(dict(schema))
        # An empty registry: remote references are never fetched.
        checker = kind(dict(schema), registry=Registry(), format_checker=_formats())
        errors = list(checker.iter_errors(value))
    except (SchemaError, RecursionError, LookupError):
        return []
    except BaseException as error:
        if type(error).__module__.split(".")[0] in ("referencing", "jsonschema", "pyo3_runtime"):
            return []  # a reference to nowhere, or to itself: a panic in the part that is written in Rust
        raise
    best: dict[tuple[str | int, ...], Any] = {}
    for found in map(_innermost, errors):
        for path in _paths(found):
            best[path] = max(best.get(path, found), found, key=weight)
    return [ValueProblem(path, _sentence(found)) for path, found in best.items()]


NOT_EMPTY: Schema = {
    "not": {"anyOf": [{"enum": ["", 0, False, [], {}]}, {"type": "string", "pattern": r"^\s*$"}]},
}
"""Matches anything that is not empty, not false and not blank."""
DECIMAL = "decimal"
"""The format of a number as text: it keeps every digit, unlike JSON readers."""


@cache
def _exact(kind: Any) -> Any:
    """Extend the validator: the rules for numbers apply to decimals sent as text, without floats in between."""
    from jsonschema import validators  # noqa: PLC0415

    extended: Callable[..., Any] = validators.extend
    number = kind.TYPE_CHECKER.is_type
    types = kind.TYPE_CHECKER.redefine("number", lambda _, each: isinstance(each, Decimal) or number(each, "number"))
    known = kind.VALIDATORS  # draft 3 has neither
    rules = {"anyOf": _any_of(known["anyOf"]), "multipleOf": _multiple_of} if "anyOf" in known else {}
    return extended(kind, rules, type_checker=types)


def _any_of(rule: Any) -> Any:
    def check(validator: Any, branches: Any, instance: Any, schema: Any) -> Any:
        """Check a decimal that is sent as text against the rules for the number."""
        sent_as_text = any(isinstance(each, dict) and each.get("format") == DECIMAL for each in branches)
        if not (sent_as_text and isinstance(instance, str) and _DECIMAL.fullmatch(instance)):
            return rule(validator, branches, instance, schema)
        numbers = [each for each in branches if isinstance(each, dict) and each.get("type") == "number"]
        return (error for each in numbers for error in validator.descend(Decimal(instance), each))

    return check


def _multiple_of(validator: Any, step: Any, instance: Any, _: Any) -> Iterator[Any]:
    from jsonschema import ValidationError  # noqa: PLC0415

    if validator.is_type(instance, "number") and (Fraction(str(instance)) / Fraction(str(step))).denominator != 1:
        yield ValidationError(f"{instance} is not a multiple of {step}")


@cache
def _formats() -> Any:
    """Make the checker of formats: those that pydantic and MCP write, without a library for each."""
    from jsonschema import FormatChecker  # noqa: PLC0415

    checker = FormatChecker(())
    for name, fits in _FORMATS.items():
        checker.checks(name, raises=ValueError)(_of_text(fits))
    return checker


def _of_text(fits: Callable[[str], object]) -> Callable[[object], bool]:
    return lambda value: not isinstance(value, str) or bool(fits(value))


def _is_date(text: str) -> bool:
    return len(text) == len("2026-03-04") and bool(date.fromisoformat(text))


def _is_uri(text: str) -> bool:
    parts = urlsplit(text)
    return bool(parts.scheme) and bool(parts.netloc or parts.path) and not re.search(r"\s", text)


_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)

_FORMATS: Mapping[str, Callable[[str], object]] = {
    "date": _is_date,
    "date-time": lambda text: len(text) > len("2026-03-04") and datetime.fromisoformat(text),
    "time": lambda text: time.fromisoformat(text) is not None,
    "email": re.compile(r"[^@\s]+@[^@\s]+").fullmatch,
    "uri": _is_uri,
    "uuid": UUID,
    DECIMAL: _DECIMAL.fullmatch,
}
_SUCH_AS = {
    "date": "a date, such as 2026-03-04",
    "date-time": "a date and a time, such as 2026-03-04T15:30:00",
    "time": "a time, such as 15:30",
    "email": "an email address",
    "uri": "a web address, such as https://example.com",
    DECIMAL: "a number, such as 1.50",
}


def _innermost(error: Any) -> Any:
    """Return the error of the branch of `anyOf` or `oneOf` that came closest."""
    from jsonschema.exceptions import best_match  # noqa: PLC0415

    return best_match([error]) or error


def _paths(error: Any) -> list[tuple[str | int, ...]]:
    """Return the fields to show an error at: a missing field itself, not the object around it."""
    path = tuple(error.absolute_path)
    if error.validator == "required":
        return [(*path, name) for name in error.validator_value if name not in error.instance]
    return [path]


def _sentence(error: Any) -> str:
    limit = error.validator_value
    match error.validator:
        case "type":
            names = [limit] if isinstance(limit, str) else list(limit)
            return f"This must be {' or '.join(_TYPES.get(name, str(name)) for name in names)}."
        case "enum":
            return f"This must be one of: {', '.join(map(str, limit))}."
        case "minLength" | "minItems" if limit == 1:
            return "This is needed."
        case "not" if {"not": limit} == NOT_EMPTY:
            return "The agent ignores an empty value here, so this must not be empty."
        case "format" if limit in _SUCH_AS:
            return f"This must be {_SUCH_AS[limit]}."
        case "additionalProperties":
            known = ", ".join(error.schema.get("properties", {})) or "none"
            return f"Unknown field. Known fields: {known}."
        case keyword if keyword in _SENTENCES:
            return _SENTENCES[keyword].format(limit)
        case _:
            return _short(str(error.message))


_SENTENCES = {
    "required": "This is needed.",
    "const": "This must be {}.",
    "minimum": "This must be at least {}.",
    "maximum": "This must be at most {}.",
    "exclusiveMinimum": "This must be more than {}.",
    "exclusiveMaximum": "This must be less than {}.",
    "multipleOf": "This must be a multiple of {}.",
    "minLength": "This must have at least {} characters.",
    "maxLength": "This must have at most {} characters.",
    "minItems": "At least {} are needed.",
    "maxItems": "Give at most {}.",
    "pattern": "This must match the pattern {}.",
}
_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no",
    "array": "a list",
    "object": "an object",
    "null": "empty",
}


def _short(message: str) -> str:
    text = message[:1].upper() + message[1:]
    return (text if len(text) <= 200 else f"{text[:199]}…").rstrip(".") + "."  # noqa: PLR2004 - a line or two


def inferred(value: Json) -> Schema | None:
    """Infer a schema from a value's types, for a tool without one. Nothing is required, nothing is forbidden."""
    if isinstance(value, dict):
        fields: dict[str, Json] = {name: dict(inferred(each) or {}) for name, each in value.items()}
        return {"type": "object", "properties": fields, "additionalProperties": True}
    for kind, name in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string")):
        if isinstance(value, kind):
            return {"type": name}
    if not isinstance(value, list):
        return None
    items = [dict(inferred(each) or {}) for each in value]
    same = bool(items) and all(each == items[0] for each in items)
    return {"type": "array", "items": items[0]} if same else {"type": "array"}


def resolved(schema: Json, root: Schema) -> dict[str, Json]:
    """Follow the `$ref` of a part of a schema, and keep the root's definitions."""
    for _ in range(8):  # a reference to a reference; a loop of them ends here
        if not isinstance(schema, dict):
            return {}
        target = schema.get("$ref")
        if not isinstance(target, str) or not target.startswith("#/"):
            break
        schema = _at(root, target.removeprefix("#/").split("/"))
    found = dict(schema) if isinstance(schema, dict) else {}
    definitions = {name: root[name] for name in ("$defs", "definitions") if name in root}
    return {**definitions, **found}


def _at(root: Schema, steps: Sequence[str]) -> Json:
    found: Any = root
    for step in steps:
        name = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return found  # type: ignore[no-any-return]


def branches(schema: Schema) -> Iterable[dict[str, Json]]:
    """List the alternatives of a `oneOf` or `anyOf`, or the schema itself if it has none."""
    for name in ("oneOf", "anyOf"):
        options = schema.get(name)
        if isinstance(options, list):
            return [resolved(option, schema) for option in options]
    return [resolved(dict(schema), schema)]


def values_of(schema: Schema) -> list[Json] | None:
    """List the values of an `enum`, or of a `oneOf` of constants; None if other values fit too."""
    listed = schema.get("enum")
    if isinstance(listed, list):
        return list(listed)
    if "const" in schema:
        return [schema["const"]]
    options = [each for name in ("oneOf", "anyOf") for each in _listed(schema.get(name))]
    constants = [each["const"] for each in options if isinstance(each, dict) and "const" in each]
    return constants if constants and len(constants) == len(options) else None


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
